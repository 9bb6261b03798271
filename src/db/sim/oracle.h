#pragma once

// What must hold of a run, whatever was done to it. Timestamps give the order of versions, so that serializability is checked in nearly
// linear time: each committed reader saw, of every key, exactly the newest committed version older than itself.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "db/messages.h"

namespace isobar::db {

class Oracle {
 public:
  /// What a correct replica sent, in order.
  void saw_vote(const ReplicaId& replica, const VoteStatement& vote);
  void saw_logged(const ReplicaId& replica, const LoggedStatement& logged);
  /// A correct participant holds this certificate.
  void saw_decided(const SignedTransaction& tx, const Certificate& certificate);
  /// A correct client was told so of its own transaction.
  void saw_ended(const TxId& id, Outcome outcome);
  /// What a correct client was told of [from, until) in a transaction that committed at `at`, before it wrote anything itself.
  struct Scanned {
    std::string from, until;
    Timestamp at;
    std::map<std::string, std::string> rows;
  };
  void saw_scanned(Scanned scanned) { scanned_.push_back(std::move(scanned)); }
  /// A correct replica keeps this version in the end.
  void saw_version(const ReplicaId& replica, const std::string& key, const Timestamp& version, const TxId& writer,
                   const std::optional<std::string>& value);
  void violate(std::string what) { violations_.push_back(std::move(what)); }

  /// byzantine  clients whose reads say nothing
  void finish(const std::set<ClientId>& byzantine);
  const std::vector<std::string>& violations() const { return violations_; }
  std::size_t committed() const;
  std::size_t aborted() const { return decided_.size() - committed(); }

 private:
  struct Decision {
    Transaction tx;
    Outcome outcome;
  };
  void check_reads(const Decision& decision, const TxId& id);
  void check_ranges(const Decision& decision, const TxId& id);
  void check_scanned(const Scanned& scanned);
  void expect(bool holds, const std::string& otherwise) {
    if (!holds) violate(otherwise);
  }

  std::map<std::pair<ReplicaId, TxId>, Outcome> votes_;
  struct LastLogged {
    View decided_in, current;
    Outcome decision;
  };
  std::map<std::pair<ReplicaId, TxId>, LastLogged> logged_;
  std::map<TxId, Decision> decided_;
  std::map<TxId, Outcome> ended_;
  std::map<std::string, std::map<Timestamp, TxId>> writers_;
  std::vector<Scanned> scanned_;
  std::vector<std::string> violations_;
};

}  // namespace isobar::db
