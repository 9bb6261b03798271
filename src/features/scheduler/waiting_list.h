#pragma once

// Who waits, in the order in which they began to. Keys begin to wait as time goes on, so they join at the end in O(1); only one that comes
// back from a failed refresh may have to be put further ahead. 8 bytes a slot.

#include <cstdint>
#include <limits>
#include <vector>

namespace isobar::features {

class WaitingList {
 public:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  std::uint32_t oldest() const { return head_; }
  std::uint32_t newest() const { return tail_; }
  std::uint32_t before(std::uint32_t slot) const { return links_[slot].previous; }

  /// Puts a slot after `previous`, or first (kNone).
  void insert_after(std::uint32_t previous, std::uint32_t slot) {
    if (slot >= links_.size()) {
      if (slot >= links_.capacity()) links_.reserve(slot + slot / 8 + 16);
      links_.resize(slot + 1);
    }
    const std::uint32_t next = previous == kNone ? head_ : links_[previous].next;
    links_[slot] = {previous, next};
    (previous == kNone ? head_ : links_[previous].next) = slot;
    (next == kNone ? tail_ : links_[next].previous) = slot;
  }

  void remove(std::uint32_t slot) {
    const Links links = links_[slot];
    (links.previous == kNone ? head_ : links_[links.previous].next) = links.next;
    (links.next == kNone ? tail_ : links_[links.next].previous) = links.previous;
  }

  std::size_t memory_bytes() const { return links_.capacity() * sizeof(Links); }

 private:
  struct Links {
    std::uint32_t previous = kNone, next = kNone;
  };
  std::vector<Links> links_;
  std::uint32_t head_ = kNone, tail_ = kNone;
};

}  // namespace isobar::features
