// What must hold in every state. Whatever the adversary could show now counts as shown: what was said cannot be taken back, so an order in
// which one thing comes before the other need not be looked at.

#include <fmt/format.h>

#include <algorithm>

#include "explorer.h"

namespace isobar::db {

std::string Explorer::broken(const Said& said) {
  for (std::size_t tx = 0; tx < cluster_.txs.size(); ++tx) {
    for (const auto& found : {broken_by_certificates(said, tx), broken_by_proposal(said, tx, Outcome::kCommit),
                              broken_by_proposal(said, tx, Outcome::kAbort), broken_by_logged(said, tx)})
      if (!found.empty()) return found;
  }
  const std::string found = broken_by_conflict(said);
  return found.empty() && cluster_.configuration.closes ? broken_by_checkpoint(said) : found;
}

std::string Explorer::broken_by_checkpoint(const Said& said) {
  const bool with = possible_.stable(said, Outcome::kCommit), without = possible_.stable(said, Outcome::kAbort);
  if (with && without) return "two checkpoints of one time are stable, one with transaction 1 and one without it";
  if (without && possible_.certified(said, 0, Outcome::kCommit))
    return "transaction 1 has a certificate of commit, and a checkpoint without it is stable";
  if (with && possible_.certified(said, 0, Outcome::kAbort))
    return "transaction 1 has a certificate of abort, and a checkpoint with it is stable";
  return "";
}

std::string Explorer::broken_by_certificates(const Said& said, std::size_t tx) {
  const auto& commit = possible_.certified(said, tx, Outcome::kCommit);
  const auto& abort = possible_.certified(said, tx, Outcome::kAbort);
  if (commit) report_.certified.insert({tx, Outcome::kCommit, commit->view});
  if (abort) report_.certified.insert({tx, Outcome::kAbort, abort->view});
  if (!commit || !abort) return "";
  return fmt::format("transaction {} has a certificate of commit, of view {}, and one of abort, of view {}", tx + 1, commit->view,
                     abort->view);
}

std::string Explorer::broken_by_proposal(const Said& said, std::size_t tx, Outcome decision) {
  const auto& final = possible_.certified(said, tx, decision);
  const Outcome other = decision == Outcome::kCommit ? Outcome::kAbort : Outcome::kCommit;
  for (View view = final ? final->view + 1 : 1; final && view <= cluster_.configuration.views; ++view)
    if (possible_.proposed(said, tx, other, view) || possible_.led(said, tx, other, view))
      return fmt::format("transaction {} has a certificate of {}, of view {}, and a leader may propose {} in view {}", tx + 1,
                         name_of(decision), final->view, name_of(other), view);
  return "";
}

std::string Explorer::broken_by_logged(const Said& said, std::size_t tx) {
  for (const Outcome decision : {Outcome::kCommit, Outcome::kAbort}) {
    StatementSet logged = 0;
    for (View view = 0; view <= cluster_.configuration.views; ++view)
      logged |= statements_.find(LoggedStatement{cluster_.ids[tx], decision, view, view});
    const auto has = std::find_if(said.begin(), said.end(), [&](StatementSet set) { return (set & logged) != 0; });
    if (has == said.end() || possible_.rightly_justified(said, tx, decision)) continue;
    const ReplicaId& replica = cluster_.correct[static_cast<std::size_t>(has - said.begin())];
    return fmt::format("replica {}.{} has {} of transaction {} on record, which no votes justify", replica.shard, replica.index,
                       name_of(decision), tx + 1);
  }
  return "";
}

std::string Explorer::broken_by_conflict(const Said& said) {
  for (std::size_t a = 0; a < cluster_.txs.size(); ++a)
    for (std::size_t b = 0; b < a; ++b)
      if (conflict(cluster_.txs[a].tx, cluster_.txs[b].tx) && possible_.certified(said, a, Outcome::kCommit) &&
          possible_.certified(said, b, Outcome::kCommit))
        return fmt::format("transactions {} and {} are in conflict and have certificates of commit both", b + 1, a + 1);
  return "";
}

}  // namespace isobar::db
