#pragma once

/// BLAKE2b (RFC 7693) with 32 bytes of result, over libsodium. The personalisation is part of the parameter block, so digests made for
/// one purpose are never equal to those made for another, whatever the input: domain separation without a prefix to get wrong.

#include <array>
#include <cstdint>
#include <string_view>

namespace isobar::crypto {

using Blake2bDigest = std::array<std::uint8_t, 32>;

/// purpose  at most 16 bytes
/// key      at most 64 bytes: then it is a message authentication code; none: a digest
Blake2bDigest blake2b(std::string_view purpose, std::string_view message, std::string_view key = {});

}  // namespace isobar::crypto
