#pragma once

/// How chunks are packed on their way between gateways, as a user chooses it, and what came of it.

#include <cstdint>

namespace isobar::transfer {

enum class Compression {
  kOff,
  kAuto,  ///< what shrinks, by zstd or, when the network is faster than packing, by lz4 or not at all
  kZstd,  ///< what shrinks, by zstd, though the network has to wait for it
  kLz4,
};

/// What a source has sent, each chunk counted once.
struct PackedTotals {
  std::uint64_t raw_bytes = 0;                  ///< as they were read
  std::uint64_t sent_bytes = 0;                 ///< the same as they went over the links
  std::uint64_t zstd_bytes = 0, lz4_bytes = 0;  ///< of raw_bytes, how much was packed by which
  PackedTotals& operator+=(const PackedTotals& other) {
    raw_bytes += other.raw_bytes;
    sent_bytes += other.sent_bytes;
    zstd_bytes += other.zstd_bytes;
    lz4_bytes += other.lz4_bytes;
    return *this;
  }
  friend bool operator==(const PackedTotals&, const PackedTotals&) = default;
};

}  // namespace isobar::transfer
