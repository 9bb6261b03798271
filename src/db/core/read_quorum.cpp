#include "db/read_quorum.h"

#include <algorithm>
#include <tuple>

#include "db/seeded_bugs.h"

namespace isobar::db {

void ReadQuorum::add(const ReplicaId& from, ReadReply reply) {
  const bool refuses = reply.refused != AbortReason::kNone;
  if (refuses && !replies_.contains(from)) ++refusals_[reply.refused];
  if (!refuses && !in_form(reply)) reply = ReadReply{reply.request, AbortReason::kMalformed, {}, {}, reply.clock};
  replies_[from] = std::move(reply);
}

std::optional<AbortReason> ReadQuorum::refused() const {
  for (const auto& [reason, count] : refusals_)
    if (count > 2 * members_.budget.f()) return reason;
  return std::nullopt;
}

/// Versions are older than the reader, and a prepared one is what its writer wrote.
bool ReadQuorum::in_form(const ReadReply& reply) const {
  if (seeded(Bug::kPreparedReadsNewer)) return true;
  if (reply.committed && !(reply.committed->version < at_)) return false;
  if (!reply.prepared) return true;
  const Transaction& writer = reply.prepared->writer.tx;
  const Write* write = writer.write_of(key_);
  return reply.prepared->version < at_ && writer.timestamp == reply.prepared->version && write && write->value == reply.prepared->value;
}

bool ReadQuorum::proven(const CommittedVersion& version) {
  if (!version.proof) return false;
  if (seeded(Bug::kReadsUncheckedProofs)) return true;
  const auto& [tx, certificate] = *version.proof;
  const Write* write = tx.tx.write_of(key_);
  return certificate.decision == Outcome::kCommit && tx.tx.timestamp == version.version && write && write->value == version.value &&
         tx.tx.id() == version.writer && verifier_.decided(*version.proof, version.writer).ok();
}

std::optional<ReadValue> ReadQuorum::result() {
  struct Support {
    std::uint32_t committed = 0, prepared = 0;
    const SignedTransaction* writer = nullptr;
    bool proven = false;
  };
  std::map<std::tuple<Timestamp, TxId, std::optional<std::string>>, Support> versions;
  for (const auto& [from, reply] : replies_) {
    if (reply.refused != AbortReason::kNone) continue;
    if (reply.committed) {
      auto& support = versions[{reply.committed->version, reply.committed->writer, reply.committed->value}];
      ++support.committed;
      support.proven = support.proven || proven(*reply.committed);
    } else {
      ++versions[{Timestamp{}, TxId{}, std::nullopt}].committed;
    }
    if (!reply.prepared) continue;
    auto& support = versions[{reply.prepared->version, reply.prepared->writer.tx.id(), reply.prepared->value}];
    ++support.prepared;
    support.writer = &reply.prepared->writer;
  }
  const std::uint32_t enough = seeded(Bug::kReadsUnsupportedVersions) ? 1 : members_.budget.one_correct();
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    const auto& [at, writer, value] = version->first;
    const Support& support = version->second;
    if (support.committed >= enough || support.proven) return ReadValue{at, value, std::nullopt};
    if (support.committed + support.prepared < enough) continue;
    ReadValue found{at, value, std::nullopt};
    if (support.writer && !seeded(Bug::kReadsForgetDependencies)) found.depends_on = *support.writer;
    return found;
  }
  return std::nullopt;
}

}  // namespace isobar::db
