#include "scheduler_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace isobar::features {

Scheduler::State::State(SchedulerConfig settings, std::unique_ptr<Policy> chosen, Allowance budget)
    : config(std::move(settings)), policy(std::move(chosen)), allowance(budget), random(config.seed), table(config.seed), heap({&keys}) {}

Duration Scheduler::State::tick(Instant at) {
  if (!origin) origin = at;
  now = std::max(now, at - *origin);
  allowance.advance(*origin + now);
  return now;
}

Result<std::uint32_t> Scheduler::State::slot_for(std::string_view key) {
  if (const auto slot = table.find(key)) return *slot;
  if (table.size() >= config.keys_most) {
    ++counters.keys_shed;
    return Error(Code::kExhausted, fmt::format("{} keys are known, which is the most that the view may have (keys_most)", table.size()));
  }
  TRY_ASSIGN(const std::uint32_t slot, table.add(key));
  keys.make(slot);
  if (policy->mark() == Mark::kLastQuery) keys[slot].mark = -1;
  return slot;
}

double Scheduler::State::expected_cost(const KeyState& key) const {
  return key.cost <= 0 ? config.cost_first : static_cast<double>(key.cost);
}

double Scheduler::State::charge_for(std::uint32_t slot) const {
  return config.budget.unit == CostUnit::kRefreshes ? 1 : expected_cost(keys[slot]);
}

double Scheduler::State::score(const KeyState& key) const {
  if (config.cold_first && key.served == InputVersion()) return std::numeric_limits<double>::infinity();
  return policy->score({.regret = key.regret,
                        .cost = expected_cost(key),
                        .waiting_since = key.waiting_since,
                        .newest_event = key.newest_event,
                        .pending = key.pending,
                        .queries = key.queries,
                        .refreshes = key.refreshes,
                        .mark = key.mark});
}

bool Scheduler::State::overdue(const KeyState& key, Duration at) const {
  return config.staleness_most && at - key.waiting_since > *config.staleness_most;
}

bool Scheduler::State::is_under_way(std::uint32_t slot) const {
  const auto order = under_way.lower_bound({slot, InputVersion()});
  return order != under_way.end() && order->first.first == slot;
}

bool Scheduler::State::goes_before(std::uint32_t a, std::uint32_t b, Duration at) const {
  const bool a_overdue = overdue(keys[a], at), b_overdue = overdue(keys[b], at);
  if (a_overdue != b_overdue) return a_overdue;
  const double a_score = a_overdue ? 0 : score(keys[a]), b_score = b_overdue ? 0 : score(keys[b]);
  return a_score != b_score ? a_score > b_score : LongerWaiting{&keys}(a, b);
}

void Scheduler::State::list(std::uint32_t slot) {
  KeyState& key = keys[slot];
  std::uint32_t previous = waiting.newest();
  while (previous != WaitingList::kNone && LongerWaiting{&keys}(slot, previous)) previous = waiting.before(previous);
  waiting.insert_after(previous, slot);
  ++waiting_count;
  key.listed = 1;
  if (policy->mark() == Mark::kRace) key.mark = race + random.exponential(1);
  rescore(slot);
}

void Scheduler::State::unlist(std::uint32_t slot) {
  waiting.remove(slot);
  --waiting_count;
  keys[slot].listed = 0;
  if (!of_events()) heap.remove(slot);
}

void Scheduler::State::rescore(std::uint32_t slot) {
  if (keys[slot].listed && !of_events()) heap.set(slot, score(keys[slot]));
}

void Scheduler::State::add_regret(KeyState& key, double error) {
  key.regret += error;
  regret_sum += error;
}

void Scheduler::State::clear_regret(KeyState& key) {
  regret_sum -= key.regret;
  key.regret = 0;
}

}  // namespace isobar::features
