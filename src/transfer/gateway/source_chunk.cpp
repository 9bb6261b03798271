#include "source_chunk.h"

#include "route_table.h"

namespace isobar::transfer {

std::uint64_t targets_of(const wire::ChunkMeta& meta) {
  std::uint64_t targets = 0;
  for (const auto& write : meta.writes()) targets |= std::uint64_t{1} << (write.target() % kTargetsMost);
  return targets;
}

std::uint64_t SourceChunk::add_writes(const wire::ChunkMeta& told) {
  const std::uint64_t targets = targets_of(told);
  wire::ChunkMeta both = told;
  for (const auto& write : meta.writes())
    if ((targets >> (write.target() % kTargetsMost) & 1) == 0) *both.add_writes() = write;
  both.set_codec(meta.codec());
  both.set_unpacked_bytes(meta.unpacked_bytes());
  meta = std::move(both);
  if (stage == Stage::kOffered) sealed_meta = meta.SerializeAsString();
  awaited |= targets;
  return targets;
}

PackedTotals SourceChunk::settle(PackedChunk packed) {
  const std::uint64_t raw = bytes.bytes;
  const auto by = [&](Codec codec) { return packed.codec == codec ? raw : 0; };
  const PackedTotals totals{raw, packed.bytes.bytes, by(Codec::kZstd), by(Codec::kLz4)};
  if (packed.codec != Codec::kNone) meta.set_unpacked_bytes(raw);
  meta.set_codec(put(packed.codec));
  bytes = std::move(packed.bytes);
  sealed_meta = meta.SerializeAsString();
  stage = Stage::kOffered;
  return totals;
}

wire::ChunkCodec put(Codec codec) {
  switch (codec) {
    case Codec::kZstd: return wire::ZSTD;
    case Codec::kLz4: return wire::LZ4;
    case Codec::kNone: break;
  }
  return wire::NONE;
}

Codec get(wire::ChunkCodec codec) {
  switch (codec) {
    case wire::ZSTD: return Codec::kZstd;
    case wire::LZ4: return Codec::kLz4;
    default: return Codec::kNone;
  }
}

// The same whenever it is asked for.
std::shared_ptr<char[]> made_up_bytes(std::uint64_t bytes) {
  std::shared_ptr<char[]> memory(new char[bytes]);
  std::uint64_t state = 88172645463325252ULL;
  for (std::uint64_t i = 0; i < bytes; ++i) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    memory[i] = static_cast<char>(state);
  }
  return memory;
}

}  // namespace isobar::transfer
