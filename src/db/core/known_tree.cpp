#include "db/known_tree.h"

#include <boost/container/static_vector.hpp>

namespace isobar::db {

namespace {

std::size_t nodes_of(std::uint32_t count) {
  std::size_t nodes = 1;
  for (std::uint32_t width = count; width > 1; width = (width + 1) / 2) nodes += width;
  return nodes;
}

}  // namespace

KnownTree::KnownTree(std::uint32_t count, const Hash& root) : count_(count), nodes_(nodes_of(count)) { nodes_.back() = {root, true}; }

bool KnownTree::holds(const Hash& leaf, std::uint32_t index, std::span<const Hash> siblings) {
  if (index >= count_) return false;
  boost::container::static_vector<std::pair<std::size_t, Hash>, 2 * kBatchLevels + 2> learned;
  Hash hash = leaf;
  bool known = false;  // whether the way has come to what is known, and only the siblings are to be compared
  std::size_t level = 0, used = 0;
  for (std::uint32_t width = count_;; level += width, width = (width + 1) / 2, index /= 2) {
    const Node& node = nodes_[level + index];
    if (!known && node.known) {
      if (node.hash != hash) return false;
      known = true;
    }
    if (!known) learned.emplace_back(level + index, hash);
    if (width == 1) break;
    const std::uint32_t beside = index ^ 1U;
    if (beside >= width) continue;  // without a sibling: it moves up
    if (used == siblings.size()) return false;
    const Hash& sibling = siblings[used++];
    if (known) {
      if (nodes_[level + beside].hash != sibling) return false;
      continue;
    }
    learned.emplace_back(level + beside, sibling);
    hash = index % 2 == 0 ? inner_of(hash, sibling) : inner_of(sibling, hash);
  }
  if (!known || used != siblings.size()) return false;
  for (const auto& [place, node] : learned) nodes_[place] = {node, true};
  return true;
}

}  // namespace isobar::db
