#include "features/scheduler.h"

#include <fmt/format.h>

#include <cmath>

#include "scheduler_state.h"

namespace isobar::features {

namespace {

constexpr std::uint32_t kCountMost = UINT32_MAX;

void count(std::uint32_t& counter) { counter += counter < kCountMost ? 1 : 0; }

Status check(const SchedulerConfig& config, const Policy& policy) {
  const bool of_events = policy.queue() != Queue::kLatestPerKey;
  if (of_events && (config.staleness_most || config.cold_first))
    return invalid(
        fmt::format("policy {} looks at events, not at keys, so it has neither a bound of staleness nor cold keys first; choose "
                    "another policy, such as {}",
                    policy.name(), kDefaultPolicy));
  if (config.staleness_most && *config.staleness_most <= Duration(0))
    return invalid("a bound of staleness must be above zero; leave it out for none");
  if (!(config.error_most > 0)) return invalid(fmt::format("error_most is {}; give a number above 0", config.error_most));
  if (!(config.cost_first > 0) || !std::isfinite(config.cost_first))
    return invalid(fmt::format("cost_first is {}; give CPU-seconds above 0", config.cost_first));
  if (config.keys_most < 1 || config.keys_most >= WaitingList::kNone - 1)
    return invalid(fmt::format("keys_most is {}; give 1 to 4294967293", config.keys_most));
  if (config.events_most < 1) return invalid("events_most is 0; give 1 or more");
  return {};
}

}  // namespace

Result<Scheduler> Scheduler::create(SchedulerConfig config) {
  TRY_ASSIGN(auto policy, make_policy(config.policy, config.policy_options).context("policy"));
  TRY(check(config, *policy));
  TRY_ASSIGN(const Allowance allowance, Allowance::create(config.budget).context("budget"));
  return Scheduler(std::make_unique<State>(std::move(config), std::move(policy), allowance));
}

Scheduler::Scheduler(std::unique_ptr<State> state) : state_(std::move(state)) {}
Scheduler::Scheduler(Scheduler&&) noexcept = default;
Scheduler& Scheduler::operator=(Scheduler&&) noexcept = default;
Scheduler::~Scheduler() = default;

Status Scheduler::input(std::string_view key, Instant event_time, InputVersion version, Instant now) {
  State& s = *state_;
  if (s.closed) return unavailable("the view is closed and takes no more inputs");
  if (version == InputVersion()) return invalid("inputs are numbered from 1; this one has version 0");
  const Duration at = s.tick(now);
  TRY_ASSIGN(const std::uint32_t slot, s.slot_for(key));
  KeyState& state = s.keys[slot];
  ++s.counters.inputs;
  if (version <= state.newest) return ++s.counters.inputs_repeated, Status();
  const Duration event = s.since_origin(event_time);
  state.newest_event = state.newest == InputVersion() ? event : std::max(state.newest_event, event);
  state.newest = version;
  if (state.pending == 0) state.waiting_since = at;
  count(state.pending);
  if (s.of_events()) s.push_event(slot, version);
  if (state.listed) s.rescore(slot);
  else if (s.of_events() || !s.is_under_way(slot)) s.list(slot);
  return {};
}

void Scheduler::query(std::string_view key, Instant now) {
  State& s = *state_;
  const Duration at = s.tick(now);
  ++s.counters.queries;
  const auto slot = s.find(key);
  if (!slot) return;
  KeyState& state = s.keys[*slot];
  count(state.queries);
  if (s.policy->mark() == Mark::kLastQuery) state.mark = to_seconds(at);
  if (s.config.regret_source == RegretSource::kQueries) s.add_regret(state, 1);
  s.rescore(*slot);
}

Status Scheduler::feedback(std::string_view key, const Feedback& feedback, Instant now) {
  State& s = *state_;
  if (!std::isfinite(feedback.error) || feedback.error < 0)
    return invalid(fmt::format("an error of {} is not possible; give a number from 0", feedback.error));
  s.tick(now);
  const auto slot = s.find(key);
  if (!slot) return not_found("no input of this key was seen");
  ++s.counters.feedback;
  KeyState& state = s.keys[*slot];
  if (feedback.served && *feedback.served != state.served) return ++s.counters.feedback_of_older_rows, Status();
  if (feedback.error > s.config.error_most) ++s.counters.feedback_capped;
  if (s.config.regret_source == RegretSource::kErrors) s.add_regret(state, std::min(feedback.error, s.config.error_most));
  s.rescore(*slot);
  return {};
}

void Scheduler::forget(std::string_view key, Instant now) {
  State& s = *state_;
  s.tick(now);
  const auto slot = s.find(key);
  if (!slot) return;
  s.clear_regret(s.keys[*slot]);
  if (s.keys[*slot].listed) s.unlist(*slot);
  std::erase_if(s.events, [&](const State::Event& event) { return event.slot == *slot; });
  s.under_way.erase(s.under_way.lower_bound({*slot, InputVersion()}), s.under_way.lower_bound({*slot + 1, InputVersion()}));
  s.table.remove(*slot);
}

std::optional<double> Scheduler::regret(std::string_view key) const {
  const auto slot = state_->find(key);
  return slot ? std::optional<double>(state_->keys[*slot].regret) : std::nullopt;
}

void Scheduler::close() { state_->closed = true; }
bool Scheduler::drained() const { return state_->waiting_count == 0 && state_->under_way.empty(); }
const Counters& Scheduler::counters() const { return state_->counters; }
const SchedulerConfig& Scheduler::config() const { return state_->config; }

}  // namespace isobar::features
