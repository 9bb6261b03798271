#pragma once

/// The last link of the chain: after a job, the targets' own listings must show every object at its size. What a store answered while it
/// was written is one thing; what it shows to those who come later is what was promised.

#include <map>
#include <memory>
#include <vector>

#include "transfer/copy_driver.h"

namespace isobar::transfer {

/// Owned by the thread that runs the job. Memory: 16 bytes an object and target.
class ArrivalCheck {
 public:
  explicit ArrivalCheck(std::size_t targets) : arrived_(targets) {}
  /// Of every object that ended well.
  void add(const CopyItem& item);
  /// Asks the targets. A few objects are asked for one by one; more are compared with a listing of their range.
  /// Errors   kDataLoss: objects that are not there or have another size; the message counts them and names the first
  Status verify(const std::vector<std::shared_ptr<storage::Store>>& targets);

 private:
  struct Arrived {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> sizes;  // hash of the key → bytes
    std::vector<std::pair<std::string, std::uint64_t>> first;    // the first few, by name
    std::string least, most;
  };
  static Status verify_few(storage::Store& store, const Arrived& arrived);
  static Status verify_many(storage::Store& store, Arrived& arrived);
  std::vector<Arrived> arrived_;
};

struct RemoveSummary {
  std::uint64_t removed = 0;
  std::vector<storage::RemoveFailure> failures;
};

/// Removes keys as `next` gives them, in batches, several at once. Failures that may pass are tried again.
/// on_removed   told of each batch
RemoveSummary remove_all(storage::Store& store, const std::function<std::optional<std::string>()>& next,
                         const std::function<void(std::size_t)>& on_removed);

}  // namespace isobar::transfer
