#include "lies.h"

#include <array>

namespace isobar::db {

namespace {

// Just within what replicas allow: with what the way takes, it is at their bound.
constexpr Duration kAlmostRefused = std::chrono::milliseconds(95), kFarAhead = std::chrono::minutes(10);

constexpr std::array<std::string_view, static_cast<std::size_t>(LoadAttack::kLast) + 1> kNames{
    "none", "stall-prepare", "stall-log", "withhold", "equivocate", "clock-bound", "far-future", "read-flood"};

std::vector<ClientAttack> simulated(LoadAttack attack) {
  switch (attack) {
    case LoadAttack::kStallsAfterPrepare: return {ClientAttack::kStallsAfterPrepare, ClientAttack::kStallsAfterLogging};
    case LoadAttack::kStallsAfterLogging: return {ClientAttack::kStallsAfterLogging};
    case LoadAttack::kWithholdsWriteback: return {ClientAttack::kWithholdsWriteback};
    case LoadAttack::kEquivocates: return {ClientAttack::kEquivocates, ClientAttack::kWithholdsWriteback};
    default: return {};
  }
}

}  // namespace

std::optional<LoadAttack> attack_named(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<LoadAttack>(i);
  return std::nullopt;
}

std::string_view name_of(LoadAttack attack) { return kNames[static_cast<std::size_t>(attack)]; }

Lies::Lies(const Membership& members, ClientId self, LoadAttack attack, std::uint64_t seed)
    : attack_(attack), members_(members.budget.f(), 1, 1), random_(seed), liar_(members_, self, simulated(attack), random_) {
  members_.members = members;
}

ClientLies Lies::hooks() {
  if (attack_ == LoadAttack::kNone) return {};
  ClientLies hooks;
  hooks.instead_of = [this](Committer::Send honest) { return instead_of(std::move(honest)); };
  hooks.heard = [this](const ReplicaId& from, const Message& message) { return heard(from, message); };
  if (attack_ == LoadAttack::kClockAtBound || attack_ == LoadAttack::kReaderFlood) hooks.clock_ahead = kAlmostRefused;
  if (attack_ == LoadAttack::kFarFuture) hooks.clock_ahead = kFarAhead;
  return hooks;
}

/// Beyond what the simulation's liar keeps to itself.
bool Lies::withholds(const Message& message) const {
  return attack_ == LoadAttack::kReaderFlood && std::holds_alternative<ReleaseReads>(message);
}

std::vector<Committer::Send> Lies::instead_of(Committer::Send honest) {
  if (attack_ == LoadAttack::kEquivocates && std::holds_alternative<Prepare>(honest.message)) return reordered(std::move(honest));
  auto said = withholds(honest.message) ? std::vector<Committer::Send>() : liar_.instead_of(std::move(honest));
  if (said.empty()) ++counts_.withheld;
  return said;
}

// Two of its own transactions that conflict are handed in together. f+1 replicas of a shard get them the other way round, and vote against
// the one for which the others vote: 4f commit and f+1 abort, which justifies either decision.
std::vector<Committer::Send> Lies::reordered(Committer::Send prepare) {
  auto said = liar_.instead_of(std::move(prepare));
  const FaultBudget budget = members_.members.budget;
  if (said.empty() || said.front().to.index < budget.replicas() - budget.abort_quorum()) return said;
  const Transaction& tx = std::get<Prepare>(said.front().message).tx.tx;
  if (tx.writes.empty()) return said;
  const std::pair place(said.front().to, tx.writes.front().key);
  const auto first = held_.find(place);
  if (first == held_.end()) {
    held_.emplace(place, std::move(said.front()));
    return {};
  }
  said.push_back(std::move(first->second));
  held_.erase(first);
  return said;
}

std::vector<Committer::Send> Lies::heard(const ReplicaId& from, const Message& message) {
  auto said = liar_.heard(from, message);
  counts_.added += said.size();
  if (const auto* reply = std::get_if<LoggedReply>(&message)) {
    auto& decisions = logged_[reply->logged.statement.tx];
    if (decisions.insert(reply->logged.statement.decision).second && decisions.size() == 2) ++counts_.split;
  }
  return said;
}

}  // namespace isobar::db
