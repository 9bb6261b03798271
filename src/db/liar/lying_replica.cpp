#include <algorithm>

#include "db/lying_replica.h"

namespace isobar::db {

std::vector<ReplicaAttack> usual_lies() {
  using enum ReplicaAttack;
  return {kVotesBothWays, kInvents, kStale, kLogsBothWays, kElectsBothWays, kProposesBothWays, kFalseConflict, kReplays};
}

bool LyingReplica::does(ReplicaAttack attack) const { return std::find(attacks_.begin(), attacks_.end(), attack) != attacks_.end(); }

void LyingReplica::change(VoteReply& reply) {
  auto vote = reply.vote.statement;
  if (does(ReplicaAttack::kAbstains)) vote.vote = Outcome::kAbort;
  if (does(ReplicaAttack::kVotesBothWays)) vote.vote = any_outcome();
  if (vote != reply.vote.statement) reply.vote = attested(vote);
  if (!does(ReplicaAttack::kFalseConflict) || !committed_) return;
  vote.vote = Outcome::kAbort;
  reply.vote = attested(vote);
  reply.conflict = committed_;
}

void LyingReplica::change(LoggedReply& reply) {
  if (!does(ReplicaAttack::kLogsBothWays)) return;
  auto said = reply.logged.statement;
  said.decision = any_outcome();
  said.decided_in = static_cast<View>(random_.below(3));
  said.current = said.decided_in + static_cast<View>(random_.below(4));
  reply.logged = attested(said);
}

void LyingReplica::change(ReadReply& reply) {
  if (does(ReplicaAttack::kStale) && random_.chance(0.7)) {
    reply.committed.reset();
    reply.prepared.reset();
  }
  if (!does(ReplicaAttack::kInvents) || random_.chance(0.3)) return;
  if (reply.committed) reply.committed->value = "invented";
  else reply.committed = CommittedVersion{{1, ClientId(1)}, TxId{}, "invented", std::nullopt};
  if (reply.prepared && random_.chance(0.5)) reply.prepared->value = "invented";
}

void LyingReplica::change(ElectLeader& message) {
  if (!does(ReplicaAttack::kElectsBothWays)) return;
  auto said = message.elect.statement;
  said.decision = any_outcome();
  if (random_.chance(0.3)) said.view += static_cast<View>(random_.below(8));
  message.elect = attested(said);
}

void LyingReplica::change(Propose& message) {
  if (!does(ReplicaAttack::kProposesBothWays)) return;
  auto said = message.proposal.statement;
  said.decision = any_outcome();
  // Its own vote it can make anew, to get a majority; the others' it can leave out.
  for (auto& elect : message.electors)
    if (elect.signer == self_) elect = attested(ElectStatement{said.tx, said.decision, said.view});
  if (random_.chance(0.2) && message.electors.size() > 1) message.electors.back() = message.electors.front();
  message.proposal = attested(said);
}

void LyingReplica::change(DecidedReply& reply) {
  if (reply.decided.certificate.decision == Outcome::kCommit) committed_ = reply.decided;
  if (does(ReplicaAttack::kLogsBothWays)) reply.decided.certificate.decision = any_outcome();
}

void LyingReplica::change(WindowsCompared& compared) {
  if (!does(ReplicaAttack::kSuppliesFalsely)) return;
  if (random_.chance(0.3)) compared.ids.clear();
  if (random_.chance(0.3)) compared.ids.push_back({hash_of(purpose::kTransaction, "none")});
  if (random_.chance(0.2)) compared.until = random_.next();
}

void LyingReplica::change(SupplyDecided& supply) {
  if (!does(ReplicaAttack::kSuppliesFalsely)) return;
  for (auto& decided : supply.decided) {
    if (random_.chance(0.5)) decided.certificate.decision = any_outcome();
    if (random_.chance(0.3) && !decided.tx.tx.writes.empty()) decided.tx.tx.writes.front().value = "supplied";
  }
  if (random_.chance(0.3) && !supply.decided.empty()) supply.decided.pop_back();
}

/// Rows that nobody wrote, with a digest that fits them or that of the others; no rows; promises that it does not keep.
void LyingReplica::change(ScanReply& reply) {
  if (reply.part && does(ReplicaAttack::kStale)) {
    reply.part->rows.clear();
    reply.undecided.clear();
    reply.digest = digest_of(*reply.part);
  }
  if (reply.part && does(ReplicaAttack::kInvents) && !reply.part->rows.empty()) {
    reply.part->rows.front().value = "invented";
    if (random_.chance(0.5)) reply.digest = digest_of(*reply.part);
  }
  if (!does(ReplicaAttack::kVotesBothWays)) return;
  reply.held = true;
  if (random_.chance(0.3)) reply.undecided = {"nobody wrote this"};
  if (random_.chance(0.3)) reply.closed = random_.next();
}

std::vector<Outgoing> LyingReplica::instead_of(Outgoing honest) {
  if (does(ReplicaAttack::kSilent)) return {};
  std::visit([this](auto& m) { change(m); }, honest.message);
  std::vector<Outgoing> out;
  if (does(ReplicaAttack::kReplays)) {
    if (!sent_.empty() && random_.chance(0.3)) out.push_back({honest.to, sent_[random_.below(sent_.size())].message});
    sent_.push_back(honest);
    if (sent_.size() > 64) sent_.pop_front();
  }
  if (does(ReplicaAttack::kGarbage) && random_.chance(0.3)) {
    std::string bytes = encode_message(honest.message);
    for (std::uint64_t i = 1 + random_.below(4); i > 0; --i) bytes[random_.below(bytes.size())] = static_cast<char>(random_.below(256));
    auto decoded = decode_message(bytes);
    if (!decoded.ok()) return out;
    honest.message = std::move(*decoded);
  }
  out.push_back(std::move(honest));
  return out;
}

}  // namespace isobar::db
