#include "broker/failover.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/text_table.h"

namespace isobar::broker {

using namespace launch;

namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

constexpr Duration kRemovalPause = std::chrono::seconds(5);

}  // namespace

LaunchMachine::LaunchMachine(LaunchGoal goal, std::string run)
    : goal_(std::move(goal)), run_(std::move(run)), backoff_(goal_.backoff_least), tried_(goal_.ranked.size()) {}

std::vector<Effect> LaunchMachine::step(const Event& event, Instant now) {
  return std::visit(Overloaded{
                        [&](const Start&) { return on_start(now); },
                        [&](const IntentRecorded&) {
                          CHECK(state_ == State::kRecording, static_cast<int>(state_));
                          state_ = State::kCreating;
                          return std::vector<Effect>{Create{goal_.ranked[*current_], fmt::format("{}-{}", run_, history_.size())}};
                        },
                        [&](const Created& created) { return on_created(created, now); },
                        [&](const CreateFailed& failed) { return on_create_failed(failed, now); },
                        [&](const Terminated&) { return on_terminated(now); },
                        [&](const TerminateFailed& failed) { return on_terminate_failed(failed); },
                        [&](const TimerFired&) { return on_timer(now); },
                        [&](const Cancel&) {
                          cancelled_ = true;
                          // Mid-creation the answer must be awaited: only then is it known what to remove.
                          if (state_ == State::kBackingOff) return exhausted();
                          return std::vector<Effect>{};
                        },
                    },
                    event);
}

std::vector<Effect> LaunchMachine::on_start(Instant now) {
  CHECK(state_ == State::kIdle, static_cast<int>(state_));
  return try_next(now);
}

bool LaunchMachine::is_open(const Placement& placement) const {
  if (goal_.hourly_cost_max && placement.hourly_price > *goal_.hourly_cost_max) return false;
  return std::none_of(ruled_out_.begin(), ruled_out_.end(),
                      [&](const cloud::Scope& scope) { return scope.covers(placement.offer, placement.use_spot); });
}

std::vector<Effect> LaunchMachine::try_next(Instant now) {
  if (cancelled_) return exhausted();
  for (std::size_t i = 0; i < goal_.ranked.size(); ++i) {
    if (tried_[i] || !is_open(goal_.ranked[i])) continue;
    tried_[i] = true;
    current_ = i;
    history_.push_back({goal_.ranked[i], pass_, now, now, "", ""});
    state_ = State::kRecording;
    return {RecordIntent{goal_.ranked[i], fmt::format("{}-{}", run_, history_.size())}};
  }
  return exhausted();
}

std::vector<Effect> LaunchMachine::on_created(const Created& created, Instant now) {
  CHECK(state_ == State::kCreating, static_cast<int>(state_));
  history_.back().ended = now;
  if (cancelled_) {
    history_.back().reason = "the launch was cancelled";
    state_ = State::kTerminating;
    return {Terminate{goal_.ranked[*current_].offer.cloud}};
  }
  state_ = State::kFinished;
  return {Succeeded{goal_.ranked[*current_], created.instances}};
}

std::vector<Effect> LaunchMachine::on_create_failed(const CreateFailed& failed, Instant now) {
  CHECK(state_ == State::kCreating, static_cast<int>(state_));
  auto& attempt = history_.back();
  attempt.ended = now;
  attempt.provider_code = failed.error.provider_code;
  attempt.reason = failed.error.error.message();
  ruled_out_.push_back(failed.error.scope);
  // Some nodes of the gang may exist all the same, also when the provider knows of none.
  state_ = State::kTerminating;
  return {Terminate{goal_.ranked[*current_].offer.cloud}};
}

std::vector<Effect> LaunchMachine::on_terminated(Instant now) {
  CHECK(state_ == State::kTerminating, static_cast<int>(state_));
  removals_ = 0;
  return try_next(now);
}

std::vector<Effect> LaunchMachine::on_terminate_failed(const TerminateFailed& failed) {
  CHECK(state_ == State::kTerminating, static_cast<int>(state_));
  if (++removals_ != goal_.removals_most) {
    state_ = State::kRetryingTerminate;
    return {SetTimer{kRemovalPause}};
  }
  state_ = State::kFinished;
  return {Failed{
      Error(failed.error.code(), fmt::format("what the attempt at {} made cannot be removed now: {}; `isobar status` goes on with it\n{}",
                                             describe(goal_.ranked[*current_]), failed.error.message(), describe(history_))),
      true}};
}

std::vector<Effect> LaunchMachine::on_timer(Instant now) {
  if (state_ == State::kRetryingTerminate) {
    state_ = State::kTerminating;
    return {Terminate{goal_.ranked[*current_].offer.cloud}};
  }
  if (state_ != State::kBackingOff) return {};
  ++pass_;
  ruled_out_.clear();
  std::fill(tried_.begin(), tried_.end(), false);
  return try_next(now);
}

std::vector<Effect> LaunchMachine::exhausted() {
  if (cancelled_) {
    state_ = State::kFinished;
    return {Failed{Error(Code::kUnavailable, "the launch was cancelled; nothing is left running")}};
  }
  const bool any = std::any_of(goal_.ranked.begin(), goal_.ranked.end(), [&](const Placement& placement) {
    return !goal_.hourly_cost_max || placement.hourly_price <= *goal_.hourly_cost_max;
  });
  if (goal_.retry_until_up && any) {
    state_ = State::kBackingOff;
    const Duration wait = backoff_;
    backoff_ = std::min(backoff_ * 2, goal_.backoff_most);
    return {SetTimer{wait}};
  }
  state_ = State::kFinished;
  const std::string tail = history_.empty() ? "no placement is within the price bound" : "\n" + describe(history_);
  return {Failed{Error(Code::kExhausted, fmt::format("no place could be had for '{}': {} of {} placements tried{}", goal_.cluster,
                                                     history_.size(), goal_.ranked.size(), history_.empty() ? "; " + tail : tail))}};
}

std::string describe(const Placement& placement) {
  const auto& offer = placement.offer;
  std::string place = offer.region.empty() || offer.region == offer.cloud ? "" : " " + offer.region;
  if (!offer.zone.empty()) place += "/" + offer.zone;
  return fmt::format("{}{} {}{}", offer.cloud, place, offer.instance_type, placement.use_spot ? " (spot)" : "");
}

std::string describe(const std::vector<Attempt>& history) {
  TextTable table({"PASS", "PLACE", "$/h", "AFTER", "RESULT"});
  for (const auto& attempt : history)
    table.add({fmt::to_string(attempt.pass), describe(attempt.placement), fmt::format("{:.4g}", attempt.placement.hourly_price),
               format_duration(attempt.ended - attempt.started),
               attempt.reason.empty()          ? "succeeded"
               : attempt.provider_code.empty() ? attempt.reason
                                               : attempt.provider_code + ": " + attempt.reason});
  return table.render();
}

std::vector<Placement> refused_last(std::vector<Placement> ranked, const std::vector<cloud::Scope>& refused) {
  std::stable_partition(ranked.begin(), ranked.end(), [&](const Placement& placement) {
    return std::none_of(refused.begin(), refused.end(),
                        [&](const cloud::Scope& scope) { return scope.covers(placement.offer, placement.use_spot); });
  });
  return ranked;
}

}  // namespace isobar::broker
