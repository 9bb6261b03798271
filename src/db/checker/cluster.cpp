#include "cluster.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "db/verifier.h"

namespace isobar::db {

Cluster::Cluster(const CheckConfiguration& wanted) : configuration(wanted), members(1, wanted.shards, 3) {
  for (const auto& tx : configuration.transactions) {
    txs.push_back(members.sign(tx));
    ids.push_back(txs.back().tx.id());
  }
  for (std::uint32_t shard = 0; shard < configuration.shards; ++shard) place(ShardId(shard));
  sort_kinds();
  if (configuration.closes) prepare_closing();
}

ReplicaConfig Cluster::replica_config() const {
  ReplicaConfig config;
  if (configuration.closes) config.checkpoints = {Duration(kClosed / 2), Duration(0), Duration(0)};
  return config;
}

void Cluster::prepare_closing() {
  Transaction tx;
  tx.timestamp = {kClosed, ClientId(3)};
  for (const char* key : {"m", "n", "o", "p", "q", "r"}) tx.writes.push_back({key, "1"});  // on every shard
  later.emplace(Decided{members.sign(tx), {}});
  const TxId id = later->tx.tx.id();
  VotesProof proof;
  for (const auto& shard : later->tx.tx.participants)
    for (const auto& replica : members.members.replicas_of(shard))
      proof.votes.push_back(signed_by(replica, VoteStatement{id, Outcome::kCommit}));
  later->certificate = {id, Outcome::kCommit, std::move(proof)};
  for (const bool committed : {true, false}) {
    StateDigest digest(1);
    const auto add = [&](const Transaction& of, const TxId& writer) {
      for (const auto& write : of.writes)
        if (members.members.shard_of(write.key) == ShardId(0)) digest.add(write.key, {of.timestamp, writer, write.value});
    };
    add(later->tx.tx, id);
    if (committed) add(txs.front().tx, ids.front());
    roots[committed ? 0 : 1] = root_of(digest.leaves());
  }
}

ReplicaId Cluster::leader(std::size_t tx, View view) const {
  return {logging_shard(txs[tx].tx, ids[tx]), leader_of(ids[tx], view, members.members)};
}

std::uint32_t Cluster::liar_of(ShardId) const {
  const View led = configuration.liar == LiarLeads::kView1 ? 1 : configuration.liar == LiarLeads::kView2 ? 2 : 3 + configuration.views;
  return leader(0, led).index;
}

// Those that refuse are none that lead, as far as there are others, so that more of them are alike.
void Cluster::place(ShardId shard) {
  const ReplicaId liar{shard, liar_of(shard)};
  liars.push_back(liar);
  std::vector<ReplicaId> followers, leaders;
  for (const auto& replica : members.members.replicas_of(shard)) {
    if (replica == liar) continue;
    const bool leads = replica.index == leader(0, 1).index || replica.index == leader(0, 2).index;
    (leads ? leaders : followers).push_back(replica);
    correct.push_back(replica);
  }
  followers.insert(followers.end(), leaders.begin(), leaders.end());
  const std::size_t refusing = shard.value() < configuration.refuse.size() ? configuration.refuse[shard.value()] : 0;
  refuses.insert(followers.begin(), followers.begin() + static_cast<std::ptrdiff_t>(std::min(refusing, followers.size())));
}

// A replica is told from others by its shard, by whether it refuses, and by the views that it leads.
void Cluster::sort_kinds() {
  const auto told_by = [this](const ReplicaId& replica) {
    std::vector<std::pair<std::size_t, View>> leads;
    for (std::size_t tx = 0; tx < txs.size(); ++tx)
      for (View view = 1; view <= configuration.views; ++view)
        if (leader(tx, view) == replica) leads.emplace_back(tx, view);
    return std::tuple(replica.shard, refuses.contains(replica), leads);
  };
  std::map<decltype(told_by(correct.front())), std::vector<ReplicaId>> kinds;
  for (const auto& replica : correct) kinds[told_by(replica)].push_back(replica);
  correct.clear();
  std::uint32_t number = 0;
  for (const auto& [what, replicas] : kinds) {
    correct.insert(correct.end(), replicas.begin(), replicas.end());
    kind.insert(kind.end(), replicas.size(), number++);
  }
}

}  // namespace isobar::db
