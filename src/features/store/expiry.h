#pragma once

/// What has lived long enough. Reads and compaction ask the same functions, so that a read never shows what expired, and does not tell
/// whether compaction came by.

#include <rocksdb/compaction_filter.h>

#include <map>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "features/view_registry.h"

namespace isobar::features {

using Lifetimes = std::map<ViewId, Lifetime>;

enum class Age { kInside, kExpired, kForgotten };
/// Of a latest row. An age equal to the ttl is inside; a row of the future is.
Age age_of(const Lifetime& lifetime, Instant event, Instant now);
bool history_expired(const Lifetime& lifetime, Instant event, Instant now);
/// A state is there until its instant, and the end of time is never reached.
bool state_expired(Instant keep_until, Instant now);
/// Whether `at` lies more than `span` before `now`, at whichever ends of time they are.
bool older_than(Duration span, Instant at, Instant now);

/// The present, the lifetimes that are in force, and who holds expiry up.
class Expiry {
 public:
  Expiry(const Clock& clock, Duration push_memory) : clock_(clock), push_memory_(push_memory) {}

  Instant now() const;  ///< never goes back, as what expired does not come again
  Duration push_memory() const { return push_memory_; }
  std::shared_ptr<const Lifetimes> lifetimes() const;
  void set(Lifetimes lifetimes);

  /// From `hold` to `release` compaction leaves what expired.
  void hold();
  void release();
  bool held() const;

 private:
  const Clock& clock_;
  const Duration push_memory_;
  mutable Mutex mutex_;
  mutable Instant latest_ GUARDED_BY(mutex_) = Instant::from_unix_nanos(INT64_MIN);
  std::shared_ptr<const Lifetimes> lifetimes_ GUARDED_BY(mutex_) = std::make_shared<const Lifetimes>();
  std::size_t holders_ GUARDED_BY(mutex_) = 0;
};

/// The filters of compaction, one for each family that expires. `expiry` outlives them. Views that are not known are left alone: while a
/// store is being opened none is.
std::shared_ptr<rocksdb::CompactionFilterFactory> filter_latest_rows(const Expiry& expiry);
std::shared_ptr<rocksdb::CompactionFilterFactory> filter_history(const Expiry& expiry);
std::shared_ptr<rocksdb::CompactionFilterFactory> filter_states(const Expiry& expiry);
std::shared_ptr<rocksdb::CompactionFilterFactory> filter_pushes(const Expiry& expiry);

}  // namespace isobar::features
