#pragma once

#include <stop_token>

#include "storage/store.h"

namespace isobar::transfer {

/// Objects are compared in pieces of this size; one comparison holds two of them.
inline constexpr std::uint64_t kContentPiece = 8 << 20;

/// How much of comparing goes on at once.
struct ContentBounds {
  int at_once = 1;                          ///< comparisons; each makes two requests
  std::uint64_t memory_bytes = 256U << 20;  ///< for pieces. A single comparison may exceed it
};

/// Whether two objects hold the same bytes, by reading what no checksum tells. Both are pinned to the versions given.
/// Errors   as of Store::get; kConflict: one of them changed meanwhile; kUnavailable: stopped
/// Cost     reads both once, in pieces of 8 MiB and both sides at once; memory for two pieces
Result<bool> same_content(storage::Store& a, const storage::ObjectInfo& in_a, storage::Store& b, const storage::ObjectInfo& in_b,
                          const std::stop_token& stop = {});

/// Reads one piece of an object, trying again what may pass.
Result<storage::Got> read_piece(storage::Store& store, const storage::GetRequest& request);

}  // namespace isobar::transfer
