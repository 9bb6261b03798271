#pragma once

/// When to sign. A signature over a batch is checked by everybody else, so that it costs the cluster some 0.25 ms of CPU, and all else
/// about a statement a fraction of that. Under load it is put off for a moment, for more statements to share it; with few of them under way
/// nobody waits, as each would gain little.

#include <optional>

#include "base/time.h"

namespace isobar::db {

class SigningPace {
 public:
  /// How long what waits should wait still; none: it is to be signed now, which is noted. waiting: statements
  std::optional<Duration> pause(Duration now, std::size_t waiting) {
    if (waiting == 0) return std::nullopt;
    const Duration until = last_ + kPace;
    if (last_size_ > kFew && waiting < kEnough && now < until) return until - now;
    last_ = now;
    last_size_ = waiting;
    return std::nullopt;
  }

 private:
  static constexpr Duration kPace = std::chrono::milliseconds(6);
  static constexpr std::size_t kFew = 8, kEnough = 48;

  Duration last_{};
  std::size_t last_size_ = 0;
};

}  // namespace isobar::db
