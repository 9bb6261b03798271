#pragma once

/// A hash of keys' bytes, which is neither stored nor seen in any answer.

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace isobar::features {

inline std::uint64_t hash_of_key(std::string_view key) { return XXH3_64bits(key.data(), key.size()); }

struct KeyHash {
  using is_transparent = void;
  using is_avalanching = void;
  std::size_t operator()(std::string_view key) const noexcept { return hash_of_key(key); }
};

}  // namespace isobar::features
