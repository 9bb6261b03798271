#include "broker/recovery.h"

#include <algorithm>

#include "base/check.h"

namespace isobar::broker {

using namespace recovery;

std::vector<Placement> RecoveryMachine::preferred() const {
  if (!lost_ || restricted_tries_ >= kRestrictedTries) return goal_.ranked;
  const bool want_same = strategy_ == RecoveryStrategy::kFailover;
  std::vector<Placement> kept;
  for (const auto& placement : goal_.ranked) {
    const bool same = placement.offer.cloud == lost_->offer.cloud && placement.offer.region == lost_->offer.region;
    if (same == want_same) kept.push_back(placement);
  }
  // A request that pins its region leaves nothing else to go to.
  return kept.empty() ? goal_.ranked : kept;
}

Effect RecoveryMachine::launch() {
  state_ = State::kLaunching;
  LaunchGoal goal = goal_;
  goal.ranked = preferred();
  restricted_ = goal.ranked.size() != goal_.ranked.size();
  if (restricted_) ++restricted_tries_;
  // A restricted try is one pass; a job that has run once then waits for as long as it takes.
  goal.retry_until_up = !restricted_ && (goal_.retry_until_up || lost_.has_value());
  return Launch{std::move(goal)};
}

std::optional<Effect> RecoveryMachine::step(const Event& event) {
  if (std::holds_alternative<Start>(event)) {
    CHECK(state_ == State::kIdle, static_cast<int>(state_));
    return launch();
  }
  if (std::holds_alternative<LaunchSucceeded>(event)) {
    CHECK(state_ == State::kLaunching, static_cast<int>(state_));
    state_ = State::kRunning;
    if (lost_) ++recoveries_;
    lost_ = std::get<LaunchSucceeded>(event).placement;
    restricted_tries_ = 0;
    return std::nullopt;
  }
  if (const auto* failed = std::get_if<LaunchFailed>(&event)) {
    CHECK(state_ == State::kLaunching, static_cast<int>(state_));
    if (restricted_) return launch();
    state_ = State::kFinished;
    return Finish{failed->error};
  }
  if (std::holds_alternative<Preempted>(event)) {
    if (state_ != State::kRunning) return std::nullopt;
    state_ = State::kCleaning;
    return CleanUp{};
  }
  if (std::holds_alternative<WorkDone>(event)) {
    if (state_ != State::kRunning) return std::nullopt;
    work_done_ = true;
    state_ = State::kCleaning;
    return CleanUp{};
  }
  CHECK(std::holds_alternative<Cleaned>(event) && state_ == State::kCleaning, static_cast<int>(state_));
  if (work_done_) {
    state_ = State::kFinished;
    return Finish{};
  }
  if (strategy_ == RecoveryStrategy::kNone) {
    state_ = State::kFinished;
    return Finish{unavailable("the machine was preempted, and the task asks for no recovery")};
  }
  return launch();
}

}  // namespace isobar::broker
