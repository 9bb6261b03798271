#pragma once

/// Content for objects and files: the same for the same seed.

#include <cstdint>
#include <string>

#include "base/random.h"

namespace isobar {

inline std::string random_bytes(std::uint64_t seed, std::size_t size) {
  Random random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  return bytes;
}

}  // namespace isobar
