#pragma once

// How much moved lately: of two spans of half a second, the last whole one and the one that runs, the better.

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace isobar::transfer {

class RecentBytes {
 public:
  static constexpr Duration kSpan = std::chrono::milliseconds(500);

  void add(Instant now, std::uint64_t bytes) {
    if (now - began_ >= kSpan) {
      before_ = now - began_ < 2 * kSpan ? running_ : 0;
      running_ = 0;
      began_ = now;
    }
    running_ += bytes;
  }
  // In kSpan. What is longer ago than two of them is forgotten.
  std::uint64_t bytes(Instant now) const { return now - began_ < 2 * kSpan ? std::max(running_, before_) : 0; }

 private:
  Instant began_;
  std::uint64_t running_ = 0, before_ = 0;
};

}  // namespace isobar::transfer
