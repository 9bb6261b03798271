#pragma once

// A chunk at its source: read or made up, perhaps packed, offered to the network, and kept until every target has it.

#include "messages.h"
#include "packer.h"

namespace isobar::transfer {

struct SourceChunk {
  enum class Stage { kHeld, kPacking, kOffered };
  ChunkBytes bytes;  // as they go, once it is offered
  Stage stage = Stage::kHeld;
  wire::ChunkMeta meta;
  std::string sealed_meta;    // the same as it is sealed, once it is offered
  std::uint64_t awaited = 0;  // targets of which nothing was told yet

  // Targets may be told one after another, and each attempt has to say where all want the chunk. Returns the new ones.
  std::uint64_t add_writes(const wire::ChunkMeta& told);
  // The form in which it goes, and stays: a chunk's frames are sealed under numbers that must never see two kinds of bytes.
  // Returns what it adds to what was sent.
  PackedTotals settle(PackedChunk packed);
};

std::uint64_t targets_of(const wire::ChunkMeta& meta);

wire::ChunkCodec put(Codec codec);
Codec get(wire::ChunkCodec codec);

// What a measuring source sends: bytes that do not compress.
std::shared_ptr<char[]> made_up_bytes(std::uint64_t bytes);

}  // namespace isobar::transfer
