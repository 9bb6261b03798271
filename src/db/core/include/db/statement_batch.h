#pragma once

/// Gathers what a replica says until its driver has no more input for it, and signs all of it once. A statement that was signed before goes
/// out again as it was.

#include <vector>

#include "db/messages.h"
#include "db/signatures.h"

namespace isobar::db {

class StatementBatch {
 public:
  /// Place of the statement in the batch.
  std::uint32_t add(const Statement& statement);
  bool empty() const { return leaves_.empty(); }
  /// The proofs by place; the batch is empty again. Cost: one signature, two hashes a statement.
  std::vector<BatchProof> sign(Epoch epoch, const ReplicaId& self, const Signer& signer);

 private:
  std::vector<Hash> leaves_;
};

}  // namespace isobar::db
