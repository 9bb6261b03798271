#pragma once

/// Whether bytes are worth packing, by a small part of them: media, archives and columns that are compressed already do not shrink, and are
/// found out at a sixteenth of the cost. Pure.

#include <cstdint>
#include <string>
#include <string_view>

#include "compression/compressor.h"

namespace isobar::compression {

/// Less is not packed: it saves less than one packet.
constexpr std::uint64_t kPackedLeast = 4 << 10;

/// A few slices of the bytes, one after another: a sixteenth of them, and 64 KiB at most.
/// raw   kPackedLeast bytes or more
std::string sample_of(std::string_view raw);
/// Whether bytes are worth packing whose sample has become so small.
constexpr bool shrinks(std::uint64_t sample_bytes, std::uint64_t packed_bytes) { return packed_bytes * 10 <= sample_bytes * 9; }
/// What packed bytes may take at most; else they go raw, and whoever gets them is spared the unpacking.
constexpr std::uint64_t packed_bytes_most(std::uint64_t raw_bytes) { return raw_bytes - raw_bytes / 20; }

/// The sample taken and packed.
/// raw    of any length; less than kPackedLeast is not worth it
/// Cost   0.2 ms at most
bool worth_packing(Compressor& compressor, Codec codec, std::string_view raw);

}  // namespace isobar::compression
