// The life of a refresh: chosen, begun, and what becomes of it.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scheduler_state.h"

namespace isobar::features {

namespace {

/// How much the newest measurement of a key's cost counts.
constexpr double kNewestShare = 0.25;

}  // namespace

std::string_view name_of(Cause cause) {
  switch (cause) {
    case Cause::kScore: return "score";
    case Cause::kCold: return "cold";
    case Cause::kStaleness: return "staleness";
  }
  return "unknown";
}

Next Scheduler::next(Instant at) {
  State& s = *state_;
  s.tick(at);
  const auto choice = s.choose();
  if (!choice) return {};
  if (auto saving = s.must_save_up(*choice)) return std::move(*saving);
  return {s.begin(*choice), std::nullopt};
}

std::optional<Scheduler::State::Choice> Scheduler::State::choose() {
  if (of_events()) {
    skip_superseded_events();
    if (events.empty()) return std::nullopt;
    return Choice{(policy->queue() == Queue::kOldestEvent ? events.front() : events.back()).slot};
  }
  if (heap.empty()) return std::nullopt;
  if (overdue(keys[waiting.oldest()], now)) return Choice{waiting.oldest(), Cause::kStaleness};
  const std::uint32_t top = heap.top();
  return Choice{top, config.cold_first && keys[top].served == InputVersion() ? Cause::kCold : Cause::kScore};
}

std::optional<Next> Scheduler::State::must_save_up(const Choice& choice) {
  double cost = charge_for(choice.slot);
  if (policy->all_at_once() && choice.cause != Cause::kStaleness) {
    batch_left = std::min(batch_left, heap.size());
    if (batch_left == 0) {
      // Keys that are alike: the sum over all of them would take O(n) each time that it is asked.
      cost *= static_cast<double>(heap.size());
      // With the burst on top, so that what accrues until the next look is not lost.
      allowance.save_up_to(cost + allowance.budget().burst);
    }
    if (batch_left == 0 && allowance.affords(cost)) batch_left = heap.size();
  }
  if (!allowance.affords(cost)) return Next{std::nullopt, allowance.when_affordable(cost)};
  return std::nullopt;
}

Refresh Scheduler::State::begin(const Choice& choice) {
  KeyState& key = keys[choice.slot];
  Refresh refresh{std::string(table.key_of(choice.slot)), key.newest, choice.cause};
  UnderWay order{key.pending, charge_for(choice.slot), choice.cause};
  if (of_events()) {
    refresh.version = (policy->queue() == Queue::kOldestEvent ? events.front() : events.back()).version;
    policy->queue() == Queue::kOldestEvent ? events.pop_front() : events.pop_back();
    order.pending = 1;
  }
  key.pending -= order.pending;
  if (key.pending == 0) unlist(choice.slot);
  if (policy->mark() == Mark::kRace && choice.cause == Cause::kScore) race = std::max(race, key.mark);
  batch_left -= batch_left > 0 ? 1 : 0;
  if (heap.empty()) batch_left = 0;
  allowance.charge(order.charged);
  ++counters.refreshes;
  counters.refreshes_for_staleness += choice.cause == Cause::kStaleness ? 1 : 0;
  under_way[{choice.slot, refresh.version}] = order;
  return refresh;
}

Result<Accepted> Scheduler::finished(std::string_view name, InputVersion version, double cost, Instant at) {
  State& s = *state_;
  if (!std::isfinite(cost) || cost < 0) return invalid(fmt::format("a cost of {} CPU-seconds is not possible", cost));
  s.tick(at);
  const auto slot = s.table.find(name);
  if (!slot) return not_found("no input of this key was seen");
  KeyState& key = s.keys[*slot];
  if (version > key.newest || version == InputVersion())
    return invalid(fmt::format("a row from inputs up to {}, and the newest that was told is {}", version, key.newest));
  const auto order = s.under_way.find({*slot, version});
  std::optional<Cause> by_order;
  if (order != s.under_way.end()) {
    by_order = order->second.cause;
    s.settle_bill(order->second, cost);
    s.under_way.erase(order);
  }
  s.counters.cost += cost;
  key.cost = static_cast<float>(key.cost <= 0 ? cost : key.cost + kNewestShare * (cost - key.cost));
  const bool superseded = version <= key.served;
  if (superseded) ++s.counters.results_superseded;
  else s.served(*slot, version, by_order);
  if (key.listed) s.rescore(*slot);
  else if (key.pending > 0 && !s.is_under_way(*slot)) s.list(*slot);
  return superseded ? Accepted::kSuperseded : Accepted::kNewest;
}

void Scheduler::State::settle_bill(const UnderWay& order, double cost) {
  if (config.budget.unit == CostUnit::kCpuSeconds) allowance.charge(cost - order.charged);
}

void Scheduler::State::served(std::uint32_t slot, InputVersion version, std::optional<Cause> by_order) {
  KeyState& key = keys[slot];
  key.served = version;
  key.queries = 0;
  ++key.refreshes;
  key.cause = by_order ? static_cast<std::uint32_t>(*by_order) : kNotByOrder;
  key.refreshed_second = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  clear_regret(key);
  if (policy->mark() == Mark::kTurn) key.mark = static_cast<double>(++turn);
  // Not by order, so what it waits for was not taken from it: all of that is in this row when its version is the newest.
  if (!by_order && !of_events() && version == key.newest) {
    if (key.listed) unlist(slot);
    key.pending = 0;
  }
}

Status Scheduler::failed(std::string_view name, InputVersion version, Instant at) {
  State& s = *state_;
  s.tick(at);
  const auto slot = s.table.find(name);
  const auto order = slot ? s.under_way.find({*slot, version}) : s.under_way.end();
  if (order == s.under_way.end()) return not_found(fmt::format("no refresh of this key from inputs up to {} is under way", version));
  KeyState& key = s.keys[*slot];
  ++s.counters.refreshes_failed;
  // What it took is waited for again, unless another row has it by now.
  const bool wanted = version > key.served;
  if (wanted) key.pending += std::min(order->second.pending, UINT32_MAX - key.pending);
  s.under_way.erase(order);
  s.clear_regret(key);
  if (s.policy->mark() == Mark::kTurn) key.mark = static_cast<double>(++s.turn);
  if (s.of_events() && wanted) {
    // Where it comes last, so that one that always fails does not keep all others waiting.
    s.policy->queue() == Queue::kOldestEvent ? s.events.push_back({*slot, version}) : s.events.push_front({*slot, version});
  }
  if (key.listed) return s.rescore(*slot), Status();
  if (key.pending == 0) return {};
  key.waiting_since = s.now;
  s.list(*slot);
  return {};
}

void Scheduler::State::push_event(std::uint32_t slot, InputVersion version) {
  if (events.size() >= config.events_most) {
    ++counters.events_shed;
    const Event oldest = events.front();
    events.pop_front();
    drop_event(oldest);
  }
  events.push_back({slot, version});
}

void Scheduler::State::drop_event(Event event) {
  KeyState& key = keys[event.slot];
  --key.pending;
  if (key.pending == 0 && key.listed) unlist(event.slot);
}

/// A row from an event older than the row that is served would be thrown away; so its refresh is not begun.
void Scheduler::State::skip_superseded_events() {
  const bool oldest_first = policy->queue() == Queue::kOldestEvent;
  while (!events.empty()) {
    const Event event = oldest_first ? events.front() : events.back();
    if (event.version > keys[event.slot].served) return;
    oldest_first ? events.pop_front() : events.pop_back();
    drop_event(event);
  }
}

}  // namespace isobar::features
