#include "db/statement_batch.h"

#include <algorithm>

namespace isobar::db {

std::uint32_t StatementBatch::add(const Statement& statement) {
  leaves_.push_back(leaf_of(statement));
  return static_cast<std::uint32_t>(leaves_.size() - 1);
}

std::vector<BatchProof> StatementBatch::sign(Epoch epoch, const Peer& self, const Signer& signer, Verifier& verifier) {
  std::vector<BatchProof> proofs;
  proofs.reserve(leaves_.size());
  // Whoever asks for more answers at one time than a tree holds gets several trees.
  for (std::size_t from = 0; from < leaves_.size(); from += kBatchMost) {
    const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(kBatchMost, leaves_.size() - from));
    const auto first = leaves_.begin() + static_cast<std::ptrdiff_t>(from);
    const MerkleTree tree({first, first + count});
    const Signature signature = signer.sign(batch_text(epoch, self, count, tree.root()));
    verifier.remember_own(self, tree.root(), count, signature);
    for (std::uint32_t i = 0; i < count; ++i) proofs.push_back({count, i, tree.siblings(i), signature});
  }
  leaves_.clear();
  return proofs;
}

}  // namespace isobar::db
