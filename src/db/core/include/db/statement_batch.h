#pragma once

/// Gathers what a replica or a client says until its driver has no more input for it, and signs all of it once. A statement that was signed
/// before goes out again as it was.

#include <vector>

#include "db/verifier.h"

namespace isobar::db {

class StatementBatch {
 public:
  /// Place of the statement in the batch.
  std::uint32_t add(const Statement& statement);
  bool empty() const { return leaves_.empty(); }
  std::size_t size() const { return leaves_.size(); }
  /// The proofs by place; the batch is empty again. verifier  the signer's own, which need not check them. Cost: one signature, two hashes
  /// a statement.
  std::vector<BatchProof> sign(Epoch epoch, const Peer& self, const Signer& signer, Verifier& verifier);

 private:
  std::vector<Hash> leaves_;
};

}  // namespace isobar::db
