// What the scheduler knows, for people: of one key, and of all.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scheduler_state.h"

namespace isobar::features {

namespace {

std::string why_refreshed(const Explanation& e, std::string_view policy) {
  if (!e.refreshed_ago) return "It never had a row.";
  const std::string ago = format_ago(*e.refreshed_ago);
  if (!e.refreshed_for) return fmt::format("It was refreshed {}, not by order of the scheduler.", ago);
  switch (*e.refreshed_for) {
    case Cause::kStaleness: return fmt::format("It was refreshed {}, because it had waited longer than the bound of staleness.", ago);
    case Cause::kCold: return fmt::format("It was refreshed {}, because it had no row before.", ago);
    case Cause::kScore: break;
  }
  return fmt::format("It was refreshed {}, because policy {} put it first.", ago, policy);
}

std::string why_waiting(const Explanation& e, const Gauges& gauges) {
  std::string text = fmt::format("{} {} not in its row; it waits since {}", e.pending, e.pending == 1 ? "input is" : "inputs are",
                                 format_duration(e.staleness));
  if (e.rank) text += fmt::format(", and {} of {} that wait go first", *e.rank, gauges.keys_pending);
  if (e.expected_in)
    text += fmt::format("; within the budget its turn comes in about {}, if nothing changes", format_duration(*e.expected_in));
  return text + ".";
}

std::string why(const Explanation& e, const Gauges& gauges, std::string_view policy) {
  const std::string wrong = fmt::format(" Since then its answers were wrong by {:.6g} in all, over {} queries.", e.regret, e.queries);
  switch (e.where) {
    case Explanation::Where::kUnknown: return "No input of this key was ever seen.";
    case Explanation::Where::kUpToDate:
      return "It is not refreshed, as all of its inputs are in its row. " + why_refreshed(e, policy) + wrong;
    case Explanation::Where::kUnderWay: return "It is being refreshed.";
    case Explanation::Where::kWaiting: break;
  }
  return why_waiting(e, gauges) + " " + why_refreshed(e, policy) + (e.refreshed_ago ? wrong : "");
}

/// None: not within the time that a Duration can hold.
std::optional<Duration> time_to_save(const Allowance& allowance, double cost) {
  const double seconds = std::max(0.0, (cost - allowance.balance()) / allowance.budget().per_second);
  if (!(seconds < 1e9)) return std::nullopt;
  return from_seconds(seconds);
}

}  // namespace

Explanation Scheduler::explain(std::string_view name, Instant at) const {
  const State& s = *state_;
  Explanation e;
  const auto slot = s.table.find(name);
  if (slot) {
    const KeyState& key = s.keys[*slot];
    const Duration now = std::max(s.now, s.since_origin(at));
    e.pending = key.pending;
    e.regret = key.regret;
    e.queries = key.queries;
    e.cost = s.expected_cost(key);
    e.refreshes = key.refreshes;
    e.served = key.served;
    e.newest = key.newest;
    if (key.refreshes > 0) {
      e.refreshed_ago = now - std::chrono::seconds(key.refreshed_second);
      if (key.cause != kNotByOrder) e.refreshed_for = static_cast<Cause>(key.cause);
    }
    if (key.pending > 0) e.staleness = now - key.waiting_since;
    e.where = s.is_under_way(*slot)      ? Explanation::Where::kUnderWay
              : key.served == key.newest ? Explanation::Where::kUpToDate
                                         : Explanation::Where::kWaiting;
    if (e.where == Explanation::Where::kWaiting && !s.of_events()) {
      std::size_t ahead = 0;
      for (std::uint32_t other = s.waiting.newest(); other != WaitingList::kNone; other = s.waiting.before(other))
        ahead += other != *slot && s.goes_before(other, *slot, now) ? 1 : 0;
      e.rank = ahead;
      e.expected_in = time_to_save(s.allowance, static_cast<double>(ahead + 1) * s.charge_for(*slot));
    }
  }
  e.why = why(e, gauges(at), s.policy->name());
  return e;
}

Gauges Scheduler::gauges(Instant at) const {
  const State& s = *state_;
  Gauges gauges{s.table.size(), s.waiting_count, s.under_way.size(), std::max(0.0, s.regret_sum), Duration(0), s.allowance.balance()};
  if (s.waiting_count > 0) gauges.staleness_most = std::max(s.now, s.since_origin(at)) - s.keys[s.waiting.oldest()].waiting_since;
  return gauges;
}

std::size_t Scheduler::memory_bytes() const {
  const State& s = *state_;
  return s.table.memory_bytes() + s.keys.memory_bytes() + s.heap.memory_bytes() + s.waiting.memory_bytes() +
         s.events.size() * sizeof(State::Event) + s.under_way.size() * 80;
}

}  // namespace isobar::features
