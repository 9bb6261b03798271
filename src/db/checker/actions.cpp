#include "actions.h"

#include <fmt/format.h>

#include "db/verifier.h"

namespace isobar::db {

namespace {

VotesProof all_votes(const Cluster& cluster, std::size_t tx, Outcome outcome) {
  VotesProof proof;
  for (const auto& shard : cluster.participants(tx))
    for (const auto& replica : cluster.members.members.replicas_of(shard))
      proof.votes.push_back(cluster.signed_by(replica, VoteStatement{cluster.ids[tx], outcome}));
  return proof;
}

std::vector<Elect> electors(const Cluster& cluster, const Action& action, std::size_t many) {
  std::vector<Elect> all;
  for (std::uint32_t i = 0; i < many; ++i)
    all.push_back(cluster.signed_by(ReplicaId{cluster.leader(action.tx, 1).shard, i},
                                    ElectStatement{cluster.ids[action.tx], action.decision, action.view}));
  return all;
}

// With as many electors as the verifier asks for.
Propose proposal(const Cluster& cluster, const Action& action) {
  const FallbackStatement said{cluster.ids[action.tx], action.decision, action.view};
  Propose message{cluster.signed_by(cluster.leader(action.tx, action.view), said), {}};
  Verifier verifier(cluster.members.members, cluster.members.scheme);
  for (std::size_t many = 1; many <= cluster.members.members.budget.replicas(); ++many) {
    message.electors = electors(cluster, action, many);
    if (verifier.proposal(message.proposal, message.electors).ok()) break;
  }
  return message;
}

InvokeFallback fallback(const Cluster& cluster, const Action& action) {
  InvokeFallback message{{cluster.txs[action.tx], Outcome::kCommit, VotesProof{}}, {}};
  if (action.kind == Action::Kind::kEnter)
    for (std::uint32_t i = 0; i < cluster.members.members.budget.one_correct(); ++i)
      message.views.push_back(cluster.signed_by(ReplicaId{cluster.leader(action.tx, 1).shard, i},
                                                LoggedStatement{cluster.ids[action.tx], action.decision, 0, action.view}));
  return message;
}

}  // namespace

std::vector<Action> actions_of(const CheckConfiguration& configuration) {
  using Kind = Action::Kind;
  std::vector<Action> all;
  for (std::size_t tx = 0; tx < configuration.transactions.size(); ++tx) {
    all.push_back({Kind::kPrepare, tx});
    all.push_back({Kind::kAsk, tx});
    for (View view = 1; view <= configuration.views; ++view) all.push_back({Kind::kEnter, tx, Outcome::kCommit, view});
    for (const Outcome decision : {Outcome::kCommit, Outcome::kAbort}) {
      all.push_back({Kind::kLog, tx, decision});
      all.push_back({Kind::kWriteback, tx, decision});
      for (View view = 1; view <= configuration.views; ++view)
        for (const Kind kind : {Kind::kLead, Kind::kPropose}) all.push_back({kind, tx, decision, view});
    }
  }
  if (!configuration.closes) return all;
  all.push_back({Kind::kClose});
  for (const Outcome outcome : {Outcome::kCommit, Outcome::kAbort}) all.push_back({Kind::kStable, 0, outcome});
  return all;
}

std::string to_text(const Action& action) {
  const auto tx = action.tx + 1;
  const auto decision = name_of(action.decision);
  switch (action.kind) {
    case Action::Kind::kPrepare: return fmt::format("is handed transaction {} to prepare", tx);
    case Action::Kind::kLog: return fmt::format("is asked to log {} of transaction {}, with the votes for it", decision, tx);
    case Action::Kind::kAsk: return fmt::format("is asked what it has logged of transaction {}", tx);
    case Action::Kind::kEnter:
      return fmt::format("is shown that others are far enough to enter view {} of transaction {}", action.view, tx);
    case Action::Kind::kLead: return fmt::format("is elected in view {} of transaction {}, most for {}", action.view, tx, decision);
    case Action::Kind::kPropose: return fmt::format("is proposed {} in view {} of transaction {}", decision, action.view, tx);
    case Action::Kind::kWriteback: return fmt::format("is handed a certificate: {} of transaction {}", decision, tx);
    case Action::Kind::kClose: return "closes the interval, as far as it may";
    case Action::Kind::kStable:
      return fmt::format("is shown that a checkpoint {} transaction 1 is stable", action.decision == Outcome::kCommit ? "with" : "without");
  }
  return "";
}

std::vector<Delivery> deliveries(const Cluster& cluster, const Action& action) {
  if (action.kind == Action::Kind::kClose) return {{cluster.liars.front(), std::nullopt}};
  if (action.kind == Action::Kind::kStable) {
    StableCheckpoint stable;
    for (const auto& replica : cluster.members.members.replicas_of(ShardId(0)))
      stable.signed_by.push_back(cluster.signed_by(replica, cluster.checkpoint(action.decision)));
    return {{cluster.liars.front(), StableKnown{stable}}};
  }
  const SignedTransaction& tx = cluster.txs[action.tx];
  const Peer client = tx.tx.timestamp.client;
  std::vector<Delivery> all;
  switch (action.kind) {
    case Action::Kind::kPrepare: return {{client, Prepare{tx}}};
    case Action::Kind::kLog: return {{client, LogDecision{tx, action.decision, all_votes(cluster, action.tx, action.decision)}}};
    case Action::Kind::kAsk:
    case Action::Kind::kEnter: return {{client, fallback(cluster, action)}};
    case Action::Kind::kLead:
      for (auto& elect : electors(cluster, action, cluster.members.members.budget.election_quorum()))
        all.push_back({elect.signer, ElectLeader{elect}});
      return all;
    case Action::Kind::kPropose: return {{cluster.leader(action.tx, action.view), proposal(cluster, action)}};
    case Action::Kind::kWriteback:
      return {{client, Writeback{{tx, {cluster.ids[action.tx], action.decision, all_votes(cluster, action.tx, action.decision)}}}}};
    case Action::Kind::kClose:
    case Action::Kind::kStable: break;  // above
  }
  return all;
}

}  // namespace isobar::db
