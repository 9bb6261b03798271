#include "crypto/expand.h"

#include <sodium.h>

namespace isobar::crypto {

void expand(const std::array<std::uint8_t, 32>& seed, std::span<std::uint8_t> out) {
  const std::array<unsigned char, crypto_stream_chacha20_ietf_NONCEBYTES> nonce{};
  crypto_stream_chacha20_ietf(out.data(), out.size(), nonce.data(), seed.data());
}

}  // namespace isobar::crypto
