#pragma once

// A heap that knows where each of its members is, so that a change of score costs O(log n) and no search. Four children a node: half the
// depth of a binary heap, and the four scores compared on the way down share a cache line (Johnson 1975; LaMarca and Ladner 1996).

#include <cstdint>
#include <limits>
#include <vector>

#include "base/check.h"

namespace isobar::features {

/// Members are slots, small dense numbers. The greatest score is on top; among equals `earlier(a, b)` decides, and
/// says the same of two members as long as both are in. 16 bytes a slot.
template <class Earlier>
class IndexedHeap {
 public:
  explicit IndexedHeap(Earlier earlier) : earlier_(std::move(earlier)) {}

  std::size_t size() const { return slots_.size(); }
  bool empty() const { return slots_.empty(); }
  bool contains(std::uint32_t slot) const { return slot < positions_.size() && positions_[slot] != kAbsent; }
  std::uint32_t top() const { return slots_.front(); }
  double score(std::uint32_t slot) const { return scores_[positions_[slot]]; }
  std::uint64_t comparisons() const { return comparisons_; }

  /// Puts a slot in, or gives it another score.
  void set(std::uint32_t slot, double score) {
    if (slot >= positions_.size()) grow(positions_, slot + 1, kAbsent);
    if (positions_[slot] == kAbsent) {
      grow(slots_, slots_.size() + 1, slot);
      grow(scores_, scores_.size() + 1, score);
      positions_[slot] = static_cast<std::uint32_t>(slots_.size() - 1);
      rise(slot, score, positions_[slot]);
    } else {
      const double before = scores_[positions_[slot]];
      if (score == before) return;
      score > before ? rise(slot, score, positions_[slot]) : sink(slot, score, positions_[slot]);
    }
  }

  void remove(std::uint32_t slot) {
    const std::uint32_t hole = positions_[slot];
    CHECK(hole != kAbsent, slot);
    const std::uint32_t last = slots_.back();
    const double last_score = scores_.back();
    slots_.pop_back();
    scores_.pop_back();
    positions_[slot] = kAbsent;
    if (last == slot) return;
    place(last, last_score, hole);
    settle(last, last_score);
  }

  /// How many would go before it. O(n).
  std::size_t ahead_of(std::uint32_t slot) const {
    std::size_t ahead = 0;
    const double own = score(slot);
    for (std::size_t i = 0; i < slots_.size(); ++i)
      ahead += scores_[i] > own || (scores_[i] == own && slots_[i] != slot && earlier_(slots_[i], slot)) ? 1 : 0;
    return ahead;
  }

  std::size_t memory_bytes() const { return slots_.capacity() * 4 + scores_.capacity() * 8 + positions_.capacity() * 4; }

 private:
  static constexpr std::uint32_t kAbsent = std::numeric_limits<std::uint32_t>::max();

  /// By an eighth, not twofold: at a million keys the difference is ten bytes a key.
  template <class T>
  static void grow(std::vector<T>& list, std::size_t size, T filler) {
    if (size > list.capacity()) list.reserve(size + size / 8 + 16);
    list.resize(size, filler);
  }

  bool before(std::uint32_t a, double a_score, std::uint32_t b, double b_score) {
    ++comparisons_;
    return a_score > b_score || (a_score == b_score && earlier_(a, b));
  }
  void place(std::uint32_t slot, double score, std::uint32_t position) {
    slots_[position] = slot;
    scores_[position] = score;
    positions_[slot] = position;
  }
  /// Up or down, whichever way it must go.
  void settle(std::uint32_t slot, double score) {
    const std::uint32_t position = positions_[slot];
    rise(slot, score, position);
    if (positions_[slot] == position) sink(slot, score, position);
  }
  void rise(std::uint32_t slot, double score, std::uint32_t position) {
    while (position > 0) {
      const std::uint32_t parent = (position - 1) / 4;
      if (!before(slot, score, slots_[parent], scores_[parent])) break;
      place(slots_[parent], scores_[parent], position);
      position = parent;
    }
    place(slot, score, position);
  }
  void sink(std::uint32_t slot, double score, std::uint32_t position) {
    const auto size = static_cast<std::uint32_t>(slots_.size());
    for (std::uint32_t first = position * 4 + 1; first < size; first = position * 4 + 1) {
      std::uint32_t best = first;
      for (std::uint32_t child = first + 1; child < size && child < first + 4; ++child)
        if (before(slots_[child], scores_[child], slots_[best], scores_[best])) best = child;
      if (!before(slots_[best], scores_[best], slot, score)) break;
      place(slots_[best], scores_[best], position);
      position = best;
    }
    place(slot, score, position);
  }

  Earlier earlier_;
  std::vector<std::uint32_t> slots_;
  std::vector<double> scores_;
  std::vector<std::uint32_t> positions_;
  std::uint64_t comparisons_ = 0;
};

}  // namespace isobar::features
