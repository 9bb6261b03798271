#pragma once

// Comparisons of contents that go on side by side, each on a thread that waits for its two stores.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "transfer/items.h"

namespace isobar::transfer {

// Owned by one thread, which alone may call it.
class Comparisons {
 public:
  using Compare = SyncItems::Rules::SameContent;
  Comparisons(Compare compare, ContentBounds bounds);
  // Those under way are told to stop, and waited for.
  ~Comparisons();

  // Whether another of this size fits in; the first always does.
  bool has_room(std::uint64_t bytes) const;
  struct Verdict {
    std::optional<Result<bool>> same;  // none: it is not known yet
  };
  std::shared_ptr<Verdict> begin(storage::ObjectInfo source, storage::ObjectInfo target);
  static std::uint64_t memory_for(std::uint64_t bytes) { return 2 * std::min(bytes, kContentPiece); }

  // The outcome, if it is known.
  std::optional<Result<bool>> outcome(const Verdict& verdict) const;
  // Waits until `verdict` is known, or one more may begin that could not when nothing has ended since.
  void wait(const Verdict& verdict);

 private:
  struct Pair {
    storage::ObjectInfo source, target;
    std::shared_ptr<Verdict> verdict;
  };
  void work();

  const Compare compare_;
  const ContentBounds bounds_;
  std::stop_source stop_;
  // A condition has to be waited for on a mutex of the standard library's own.
  mutable std::mutex mutex_;
  std::condition_variable begun_, ended_;
  std::deque<Pair> waiting_;
  std::uint64_t memory_ = 0, ends_ = 0, ends_seen_ = 0;
  int under_way_ = 0, idle_ = 0;
  bool closing_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace isobar::transfer
