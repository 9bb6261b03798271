#pragma once

/// One view as it runs: its keys in shards, each with a lock of its own, and which of them are to be written.

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <unordered_set>

#include "base/mutex.h"
#include "drift.h"
#include "features/project.h"
#include "features/store.h"
#include "features/view_state.h"

namespace isobar::features {

/// Keys whose state in the store lacks something, in the order in which they became so.
class UnwrittenKeys {
 public:
  struct Key {
    std::string key;
    std::uint64_t first;  ///< the line of the log that the written state lacks first
    Instant since;
  };
  void mark(std::string_view key, std::uint64_t line, Instant now);
  /// The one that waits longest, if it does so since then or longer.
  std::optional<Key> take(Instant since);
  std::optional<std::uint64_t> first() const { return queue_.empty() ? std::nullopt : std::optional(queue_.front().first); }
  std::size_t size() const { return queue_.size(); }

 private:
  std::deque<Key> queue_;
  std::unordered_set<std::string> known_;
};

struct ViewShard {
  mutable Mutex mutex;
  std::unique_ptr<ViewState> state GUARDED_BY(mutex);
  std::uint64_t seen GUARDED_BY(mutex) = 0;  ///< the last line of the log of which it was given something
  UnwrittenKeys unwritten GUARDED_BY(mutex);
};

class ScheduledFeature;

struct ViewSlot {
  static constexpr std::size_t kShards = 16;

  /// of   the view is of it
  static Result<std::shared_ptr<ViewSlot>> create(std::shared_ptr<const Project> of, std::size_t view_index, FeaturizerResources resources,
                                                  Duration drift_every);

  ViewShard& shard_of(std::string_view key);
  const CompiledView& view() const { return project->views()[index]; }
  /// Up to which line of the log the store has all that the view's states come from, if nothing were under way.
  std::uint64_t written_upto() const;
  std::size_t keys() const;
  std::size_t unwritten() const;

  std::shared_ptr<const Project> project;  ///< whose view it is computed by
  std::size_t index = 0;                   ///< of the view in it
  ViewId id{};
  bool keeps_history = false;        ///< some source of it has a key, so that events are taken out again
  FeaturizerResources resources;     ///< of each expensive feature
  std::atomic<bool> retired{false};  ///< another one runs in its place: what was made for it goes nowhere
  std::shared_ptr<ViewDrift> drift;
  std::array<ViewShard, kShards> shards;
  std::vector<std::shared_ptr<ScheduledFeature>> scheduled;  ///< of each expensive feature
  std::atomic<std::uint64_t> applied{0};                     ///< the line of the log up to which events are in
  std::atomic<std::uint64_t> read{0}, not_found{0}, expired{0}, nulls{0};
};

}  // namespace isobar::features
