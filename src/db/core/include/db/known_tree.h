#pragma once

/// What is known of a batch whose signature holds. Replicas check certificates of many transactions whose votes share their batches: a leaf
/// is followed upwards only to the first node that an earlier one led through, which for most of them is the leaf's own neighbour.

#include <span>
#include <vector>

#include "db/statements.h"

namespace isobar::db {

class KnownTree {
 public:
  /// root  whose signature was checked
  KnownTree(std::uint32_t count, const Hash& root);

  /// Whether the batch holds the leaf at this place, and these are exactly its siblings: a proof that is accepted here is accepted by
  /// anyone. Cost: one hash for each level that is new.
  bool holds(const Hash& leaf, std::uint32_t index, std::span<const Hash> siblings);
  std::size_t nodes() const { return nodes_.size(); }

 private:
  struct Node {
    Hash hash{};
    bool known = false;  // then its parent and its sibling are, too
  };
  std::uint32_t count_;
  std::vector<Node> nodes_;  // level by level, leaves first
};

}  // namespace isobar::db
