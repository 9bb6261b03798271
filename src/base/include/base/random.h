#pragma once

/// A seeded source of randomness: the same seed gives the same draws on every machine and compiler, so that a
/// simulated run replays exactly. Not for secrets: those come from `secure_random_hex`.

#include <cstdint>
#include <string>

namespace isobar {

/// xoshiro256**, seeded through splitmix64 (Blackman and Vigna, 2018). Owned by one thread.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t next();
  /// Uniform in [0, bound); bound ≥ 1. Without modulo bias.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double uniform();
  bool chance(double probability) { return uniform() < probability; }
  /// Exponential with the given mean (same unit as the mean).
  double exponential(double mean);

 private:
  std::uint64_t state_[4];
};

/// `bytes` bytes from the kernel's generator, as lower-case hex: tokens and ids nobody can guess.
std::string secure_random_hex(std::size_t bytes);

}  // namespace isobar
