// The most convincing sets of statements that the adversary has: of correct replicas what they said, of the liar whatever helps.

#include <algorithm>

#include "possible.h"

namespace isobar::db {

bool Possible::is_liar(const ReplicaId& replica) const {
  return std::find(cluster_.liars.begin(), cluster_.liars.end(), replica) != cluster_.liars.end();
}

std::vector<Vote> Possible::votes(const Said& said, std::size_t tx, Outcome outcome) const {
  const VoteStatement vote{cluster_.ids[tx], outcome};
  const auto& shards = cluster_.participants(tx);
  const auto takes_part = [&](const ReplicaId& replica) { return std::find(shards.begin(), shards.end(), replica.shard) != shards.end(); };
  std::vector<Vote> all;
  for (const auto& liar : cluster_.liars)
    if (takes_part(liar)) all.push_back(cluster_.signed_by(liar, vote));
  const StatementSet said_it = statements_.find(vote);
  for (std::size_t place = 0; place < said.size(); ++place)
    if ((said[place] & said_it) != 0) all.push_back(cluster_.signed_by(cluster_.correct[place], vote));
  return all;
}

std::vector<Logged> Possible::logged(const Said& said, std::size_t tx, Outcome decision, View decided_in) const {
  std::vector<Logged> all;
  for (const auto& liar : cluster_.liars)
    if (liar.shard == cluster_.leader(tx, 1).shard)
      all.push_back(cluster_.signed_by(liar, LoggedStatement{cluster_.ids[tx], decision, decided_in, decided_in}));
  const LoggedStatement statement{cluster_.ids[tx], decision, decided_in, decided_in};
  const StatementSet said_it = statements_.find(statement);
  for (std::size_t place = 0; place < said.size(); ++place)
    if ((said[place] & said_it) != 0) all.push_back(cluster_.signed_by(cluster_.correct[place], statement));
  return all;
}

std::vector<Elect> Possible::electors(const Said& said, std::size_t tx, Outcome decision, View view) const {
  const Outcome other = decision == Outcome::kCommit ? Outcome::kAbort : Outcome::kCommit;
  const ElectStatement for_it{cluster_.ids[tx], decision, view}, against{cluster_.ids[tx], other, view};
  std::vector<Elect> all, last;
  for (const auto& liar : cluster_.liars)
    if (liar.shard == cluster_.leader(tx, view).shard) all.push_back(cluster_.signed_by(liar, for_it));
  for (std::size_t place = 0; place < said.size(); ++place) {
    if ((said[place] & statements_.find(for_it)) != 0) all.push_back(cluster_.signed_by(cluster_.correct[place], for_it));
    else if ((said[place] & statements_.find(against)) != 0) last.push_back(cluster_.signed_by(cluster_.correct[place], against));
  }
  all.insert(all.end(), last.begin(), last.end());
  return all;
}

bool Possible::stable(const Said& said, Outcome outcome) {
  const CheckpointStatement statement = cluster_.checkpoint(outcome);
  StableCheckpoint all;
  all.signed_by.push_back(cluster_.signed_by(cluster_.liars.front(), statement));
  const StatementSet said_it = statements_.find(statement);
  for (std::size_t place = 0; place < said.size(); ++place)
    if (cluster_.correct[place].shard == ShardId(0) && (said[place] & said_it) != 0)
      all.signed_by.push_back(cluster_.signed_by(cluster_.correct[place], statement));
  return verifier_.stable(all).ok();
}

}  // namespace isobar::db
