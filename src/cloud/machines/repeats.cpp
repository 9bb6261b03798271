#include "cloud/repeats.h"

#include <algorithm>
#include <random>

#include "base/random.h"

namespace isobar::cloud {

namespace {

constexpr int kTroubleTries = 8, kUnreachableTries = 5;
constexpr Duration kPauseLeast = 250ms, kPauseMost = 8s;

/// Somewhere in the upper half of the pause that belongs to this attempt, so that many callers refused at once do not return at once.
Duration jittered(int attempt) {
  thread_local Random chance(std::random_device{}());
  const Duration whole = std::min<Duration>(kPauseLeast * (1 << std::min(attempt, 10)), kPauseMost);
  return whole / 2 + Duration(static_cast<std::int64_t>(chance.below(static_cast<std::uint64_t>(whole.count()) / 2)));
}

}  // namespace

bool Repeats::once_more(Again why, Duration asked) {
  if (why == Again::kNever || pace_.now() >= end_) return false;
  if (why == Again::kTrouble && ++troubles_ >= kTroubleTries) return false;
  if (why == Again::kUnreachable && ++unreachable_ >= kUnreachableTries) return false;
  if (why != Again::kAtOnce) pace_.pause(std::max(jittered(made_), asked), end_);
  ++made_;
  return true;
}

}  // namespace isobar::cloud
