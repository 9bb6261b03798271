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
  return broken_by_conflict(said);
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
