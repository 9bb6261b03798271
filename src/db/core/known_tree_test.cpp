#include "db/known_tree.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace isobar::db {
namespace {

Hash numbered(std::uint64_t number) { return hash_of(purpose::kLeaf, encode(number)); }

std::vector<Hash> leaves_of(std::uint32_t count) {
  std::vector<Hash> leaves;
  for (std::uint32_t i = 0; i < count; ++i) leaves.push_back(numbered(i));
  return leaves;
}

/// A proof that is true, or one that something is wrong with.
struct Claim {
  Hash leaf;
  std::uint32_t index;
  Siblings siblings;
};

Claim claim_on(const MerkleTree& tree, std::uint32_t count, Random& random) {
  const auto index = static_cast<std::uint32_t>(random.below(count));
  Claim claim{numbered(index), index, tree.siblings(index)};
  switch (random.below(7)) {
    case 0: claim.leaf = numbered(count + 1); break;
    case 1: claim.index = static_cast<std::uint32_t>(random.below(count + 2)); break;
    case 2:
      if (!claim.siblings.empty()) claim.siblings[random.below(claim.siblings.size())][0] ^= 1;
      break;
    case 3:
      if (!claim.siblings.empty()) claim.siblings.pop_back();
      break;
    case 4:
      if (claim.siblings.size() < kBatchLevels) claim.siblings.push_back(numbered(7));
      break;
    default: break;
  }
  return claim;
}

// What was learned from earlier proofs must neither let a false one pass nor keep a true one out.
TEST(KnownTree, HoldsExactlyWhatLeadsToTheRoot) {
  Random random(1);
  for (std::uint32_t count = 1; count <= 40; ++count) {
    const MerkleTree tree(leaves_of(count));
    for (int round = 0; round < 20; ++round) {
      KnownTree known(count, tree.root());
      for (int i = 0; i < 60; ++i) {
        const Claim claim = claim_on(tree, count, random);
        const bool leads_there = root_from(claim.leaf, claim.index, count, claim.siblings) == tree.root();
        ASSERT_EQ(known.holds(claim.leaf, claim.index, claim.siblings), leads_there) << count << " leaves, at " << claim.index;
      }
    }
  }
}

TEST(KnownTree, HoldsEveryLeafOfTheLargestBatch) {
  const MerkleTree tree(leaves_of(kBatchMost));
  KnownTree known(kBatchMost, tree.root());
  for (std::uint32_t i = 0; i < kBatchMost; ++i) EXPECT_TRUE(known.holds(numbered(i), i, tree.siblings(i)));
}

}  // namespace
}  // namespace isobar::db
