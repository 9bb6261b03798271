#pragma once

// What the adversary can put together of what was said. Every answer is one of the real `Verifier`, `Committer` or `Replica`, which is
// handed the most convincing that there is; it is asked once for each set of statements that matters to it, whoever of those alike has said
// which.

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "db/verifier.h"
#include "said.h"

namespace isobar::db {

class Possible {
 public:
  Possible(const Cluster& cluster, const StatementTable& statements);

  /// Whether votes, or a conflict, allow the decision to be logged.
  bool justified(const Said& said, std::size_t tx, Outcome decision);
  /// As `justified`, by the protocol as it should be, whatever fault is seeded.
  bool rightly_justified(const Said& said, std::size_t tx, Outcome decision);
  struct Final {
    Certificate certificate;
    View view;  ///< 0 also where no view was needed
  };
  /// A certificate that a client or a replica takes for one, of the earliest view that there is one of.
  const std::optional<Final>& certified(const Said& said, std::size_t tx, Outcome decision);
  /// Whether enough are in the view, or in the one before, for others to be made to enter it.
  bool entered(const Said& said, std::size_t tx, View view) const;
  /// Whether the correct leader of the view, asked with what electors have said, proposes the decision.
  bool led(const Said& said, std::size_t tx, Outcome decision, View view);
  /// Whether a leader has proposed it already, or could if it is the liar, so that replicas adopt it.
  bool proposed(const Said& said, std::size_t tx, Outcome decision, View view);

  /// Whether a replica takes the checkpoint, with the first transaction in it or without, for stable.
  bool stable(const Said& said, Outcome outcome);

 private:
  std::string key(int what, const Said& said, std::size_t tx, Outcome decision, View view, StatementSet relevant) const;
  StatementSet votes_and_logged(std::size_t tx) const;
  StatementSet bears_on(std::size_t tx, Outcome decision) const;
  bool is_liar(const ReplicaId& replica) const;

  std::vector<Vote> votes(const Said& said, std::size_t tx, Outcome outcome) const;
  std::vector<Logged> logged(const Said& said, std::size_t tx, Outcome decision, View decided_in) const;
  /// One of each, those with the decision first.
  std::vector<Elect> electors(const Said& said, std::size_t tx, Outcome decision, View view) const;
  std::optional<ConflictProof> conflict_with(const Said& said, std::size_t tx);

  bool ask_justified(const Said& said, std::size_t tx, Outcome decision);
  std::optional<Final> ask_certified(const Said& said, std::size_t tx, Outcome decision);
  bool accepted(const Certificate& certificate, std::size_t tx);
  std::optional<Certificate> committed_by_client(std::size_t tx, Outcome decision, const std::vector<Vote>& votes,
                                                 const std::vector<Logged>& logged);
  bool ask_led(const Said& said, std::size_t tx, Outcome decision, View view);
  bool liar_proposes(const Said& said, std::size_t tx, Outcome decision, View view);

  const Cluster& cluster_;
  const StatementTable& statements_;
  Verifier verifier_;
  std::unordered_map<std::string, bool> answers_;
  std::unordered_map<std::string, std::optional<Final>> certificates_;
};

}  // namespace isobar::db
