#include "explorer.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::db {

CheckReport check(const CheckConfiguration& configuration) { return Explorer(configuration).run(); }

Explorer::Explorer(const CheckConfiguration& configuration)
    : cluster_(configuration), statements_(cluster_), replicas_(cluster_, statements_), possible_(cluster_, statements_) {}

CheckReport Explorer::run() {
  Whole first;
  for (std::size_t place = 0; place < cluster_.correct.size(); ++place) first.push_back(replicas_.initial(place));
  std::vector<Step> steps;
  settle(first, steps);
  visit(std::move(first), 0, std::move(steps));
  std::size_t next = 0;
  for (; next < visited_.size() && report_.violation.empty() && visited_.size() < cluster_.configuration.states_most; ++next) expand(next);
  report_.exhausted = report_.violation.empty() && next == visited_.size();
  report_.states = visited_.size();
  report_.replica_states = replicas_.size();
  if (!report_.violation.empty()) report_.trace = trace_to(visited_.size() - 1);
  return std::move(report_);
}

Said Explorer::said_in(const Whole& whole) const {
  Said said;
  said.reserve(whole.size());
  for (const auto state : whole) said.push_back(replicas_.said(state));
  return said;
}

bool Explorer::can(const Said& said, const Action& action) {
  switch (action.kind) {
    case Action::Kind::kPrepare:
    case Action::Kind::kClose:
    case Action::Kind::kAsk: return true;
    case Action::Kind::kLog: return possible_.justified(said, action.tx, action.decision);
    case Action::Kind::kEnter: return possible_.entered(said, action.tx, action.view);
    case Action::Kind::kLead: return possible_.led(said, action.tx, action.decision, action.view);
    case Action::Kind::kPropose: return possible_.proposed(said, action.tx, action.decision, action.view);
    case Action::Kind::kWriteback: return possible_.certified(said, action.tx, action.decision).has_value();
    case Action::Kind::kStable: return possible_.stable(said, action.decision);
  }
  return false;
}

class Explorer::Chances {
 public:
  Chances(Explorer& explorer, const Whole& whole)
      : explorer_(explorer), said_(explorer.said_in(whole)), known_(explorer.replicas_.actions().size(), -1) {}
  bool can(std::size_t action) {
    if (known_[action] < 0) known_[action] = explorer_.can(said_, explorer_.replicas_.actions()[action]) ? 1 : 0;
    return known_[action] == 1;
  }

 private:
  Explorer& explorer_;
  const Said said_;
  std::vector<signed char> known_;
};

void Explorer::settle(Whole& whole, std::vector<Step>& steps) {
  while (settle_one(whole, steps)) {}
}

bool Explorer::settle_one(Whole& whole, std::vector<Step>& steps) {
  Chances chances(*this, whole);
  const std::size_t before = steps.size();
  for (std::size_t place = 0; place < whole.size(); ++place)
    for (std::size_t action = 0; action < replicas_.actions().size(); ++action) {
      if (replicas_.use(whole[place], action) != ReplicaStates::Use::kAtOnce || !chances.can(action)) continue;
      whole[place] = replicas_.after(whole[place], action);
      steps.push_back({place, action});
    }
  return steps.size() > before;
}

void Explorer::sort(Whole& whole) const {
  for (std::size_t begin = 0; begin < whole.size();) {
    std::size_t end = begin;
    while (end < whole.size() && cluster_.kind[end] == cluster_.kind[begin]) ++end;
    std::sort(whole.begin() + static_cast<std::ptrdiff_t>(begin), whole.begin() + static_cast<std::ptrdiff_t>(end));
    begin = end;
  }
}

void Explorer::visit(Whole whole, std::size_t from, std::vector<Step> steps) {
  sort(whole);
  const std::string key(reinterpret_cast<const char*>(whole.data()), whole.size() * sizeof(ReplicaState));
  if (!known_.emplace(key, visited_.size()).second) return;
  report_.violation = broken(said_in(whole));
  visited_.push_back({std::move(whole), from, std::move(steps)});
}

void Explorer::expand(std::size_t state) {
  const Whole before = visited_[state].whole;
  for (const auto& step : choices(before)) {
    ++report_.steps;
    Whole after = before;
    after[step.place] = replicas_.after(before[step.place], step.action);
    std::vector<Step> steps{step};
    settle(after, steps);
    visit(std::move(after), state, std::move(steps));
    if (!report_.violation.empty()) return;
  }
}

// Of one replica, where that is enough, and then of the one with the fewest; else of all.
std::vector<Explorer::Step> Explorer::choices(const Whole& whole) {
  Chances chances(*this, whole);
  std::vector<Step> all, fewest;
  for (std::size_t place = 0; place < whole.size(); ++place) {
    if (place > 0 && cluster_.kind[place] == cluster_.kind[place - 1] && whole[place] == whole[place - 1]) continue;
    std::vector<std::size_t> here;
    std::vector<Step> steps;
    for (std::size_t action = 0; action < replicas_.actions().size(); ++action)
      if (replicas_.use(whole[place], action) == ReplicaStates::Use::kChoice && chances.can(action)) {
        here.push_back(action);
        steps.push_back({place, action});
      }
    if ((fewest.empty() || steps.size() < fewest.size()) && replicas_.suffice(whole[place], here)) fewest = steps;
    all.insert(all.end(), steps.begin(), steps.end());
  }
  return fewest.empty() ? all : fewest;
}

// From the first state on again, with each replica's name along with its state: where states were put in order, names go with them.
std::vector<std::string> Explorer::trace_to(std::size_t state) {
  std::vector<std::size_t> path;
  for (std::size_t at = state; at != 0; at = visited_[at].from) path.push_back(at);
  path.push_back(0);
  std::reverse(path.begin(), path.end());
  std::vector<std::tuple<std::uint32_t, ReplicaState, ReplicaId>> now;
  for (std::size_t place = 0; place < cluster_.correct.size(); ++place)
    now.emplace_back(cluster_.kind[place], replicas_.initial(place), cluster_.correct[place]);
  std::vector<std::string> trace;
  for (const auto& liar : cluster_.liars) trace.push_back(fmt::format("replica {}.{} is the adversary's", liar.shard, liar.index));
  for (const std::size_t at : path) {
    for (const auto& [place, action] : visited_[at].steps) {
      auto& [kind, own, replica] = now[place];
      const StatementSet before = replicas_.said(own);
      own = replicas_.after(own, action);
      const std::string news = statements_.text(replicas_.said(own) & ~before);
      trace.push_back(fmt::format("replica {}.{} {}{}{}", replica.shard, replica.index, to_text(replicas_.actions()[action]),
                                  news.empty() ? "" : "; it now ", news));
    }
    std::sort(now.begin(), now.end());
  }
  return trace;
}

}  // namespace isobar::db
