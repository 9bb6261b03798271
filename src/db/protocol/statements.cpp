#include "db/statements.h"

#include <algorithm>

#include "base/check.h"

namespace isobar::db {

namespace {

struct BatchRoot {
  Epoch epoch;
  Peer signer;
  std::uint32_t count;
  Hash root;
};
template <class Io>
void describe(Io& io, Like<BatchRoot> auto& batch) {
  io(batch.epoch)(batch.signer)(batch.count)(batch.root);
}

}  // namespace

std::string_view name_of(Outcome outcome) { return outcome == Outcome::kCommit ? "commit" : "abort"; }

Hash inner_of(const Hash& left, const Hash& right) {
  char bytes[2 * sizeof(Hash)];
  std::copy(left.begin(), left.end(), bytes);
  std::copy(right.begin(), right.end(), bytes + sizeof(Hash));
  return hash_of(purpose::kInner, {bytes, sizeof(bytes)});
}

Hash leaf_of(const Statement& statement) { return hash_of(purpose::kLeaf, encode(statement)); }

std::string batch_text(Epoch epoch, const Peer& signer, std::uint32_t count, const Hash& root) {
  const Hash digest = hash_of(purpose::kBatch, encode(BatchRoot{epoch, signer, count, root}));
  return {digest.begin(), digest.end()};
}

BatchProof sign_alone(const Statement& statement, const Peer& signer, Epoch epoch, const Signer& key) {
  return {1, 0, {}, key.sign(batch_text(epoch, signer, 1, leaf_of(statement)))};
}

MerkleTree::MerkleTree(std::vector<Hash> leaves) {
  CHECK(!leaves.empty() && leaves.size() <= kBatchMost, leaves.size());
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) {
    const auto& below = levels_.back();
    std::vector<Hash> level;
    for (std::size_t i = 0; i + 1 < below.size(); i += 2) level.push_back(inner_of(below[i], below[i + 1]));
    if (below.size() % 2 == 1) level.push_back(below.back());
    levels_.push_back(std::move(level));
  }
}

Siblings MerkleTree::siblings(std::uint32_t index) const {
  Siblings siblings;
  for (std::size_t level = 0; level + 1 < levels_.size(); ++level, index /= 2) {
    const std::uint32_t sibling = index ^ 1U;
    if (sibling < levels_[level].size()) siblings.push_back(levels_[level][sibling]);
  }
  return siblings;
}

std::optional<Hash> root_from(const Hash& leaf, std::uint32_t index, std::uint32_t count, std::span<const Hash> siblings) {
  if (count == 0 || count > kBatchMost || index >= count) return std::nullopt;
  Hash node = leaf;
  std::size_t used = 0;
  for (std::uint32_t width = count; width > 1; width = (width + 1) / 2, index /= 2) {
    if ((index ^ 1U) >= width) continue;  // without a sibling: it moves up
    if (used == siblings.size()) return std::nullopt;
    node = index % 2 == 0 ? inner_of(node, siblings[used]) : inner_of(siblings[used], node);
    ++used;
  }
  if (used != siblings.size()) return std::nullopt;
  return node;
}

}  // namespace isobar::db
