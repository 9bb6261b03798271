#pragma once

/// Which version a read takes, from what replicas answered (Basil §4.1). A single replica is believed nothing: a version counts when f + 1
/// of them say the same of it, one of those correct, or when it comes with its certificate. Most reads are decided by f + 1 equal answers
/// and cost no signature; certificates are asked for when replicas disagree.

#include <map>
#include <optional>
#include <string>

#include "db/messages.h"
#include "db/verifier.h"

namespace isobar::db {

/// What is read: a version, and on whom it depends.
struct ReadValue {
  Timestamp version;
  std::optional<std::string> value;             ///< none: there is none
  std::optional<SignedTransaction> depends_on;  ///< its writer is not decided yet
};

class ReadQuorum {
 public:
  /// members and verifier outlive it.
  ReadQuorum(const Membership& members, Verifier& verifier, std::string key, Timestamp at)
      : members_(members), verifier_(verifier), key_(std::move(key)), at_(at) {}

  /// The last answer of each replica counts.
  void add(const ReplicaId& from, ReadReply reply);
  std::size_t answers() const { return replies_.size(); }
  bool heard(const ReplicaId& from) const { return replies_.contains(from); }
  /// Why it cannot be read: so many say so that too few are left who would answer.
  std::optional<AbortReason> refused() const;
  /// The newest version that can be relied upon; none: not yet.
  std::optional<ReadValue> result();

 private:
  bool in_form(const ReadReply& reply) const;
  bool proven(const CommittedVersion& version);

  const Membership& members_;
  Verifier& verifier_;
  std::string key_;
  Timestamp at_;
  std::map<ReplicaId, ReadReply> replies_;
  std::map<AbortReason, std::size_t> refusals_;
};

}  // namespace isobar::db
