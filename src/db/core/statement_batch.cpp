#include "db/statement_batch.h"

namespace isobar::db {

std::uint32_t StatementBatch::add(const Statement& statement) {
  leaves_.push_back(leaf_of(statement));
  return static_cast<std::uint32_t>(leaves_.size() - 1);
}

std::vector<BatchProof> StatementBatch::sign(Epoch epoch, const ReplicaId& self, const Signer& signer) {
  if (leaves_.empty()) return {};
  const auto count = static_cast<std::uint32_t>(leaves_.size());
  const MerkleTree tree(std::move(leaves_));
  leaves_.clear();
  const Signature signature = signer.sign(batch_text(epoch, self, count, tree.root()));
  std::vector<BatchProof> proofs;
  proofs.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) proofs.push_back({count, i, tree.siblings(i), signature});
  return proofs;
}

}  // namespace isobar::db
