#pragma once

#include "storage/store.h"

namespace isobar::transfer {

/// Whether two objects hold the same bytes, by reading what no checksum tells. Both are pinned to the versions given.
/// Errors   as of Store::get; kConflict: one of them changed meanwhile
/// Cost     reads both once, in pieces of 8 MiB; memory for two pieces
Result<bool> same_content(storage::Store& a, const storage::ObjectInfo& in_a, storage::Store& b, const storage::ObjectInfo& in_b);

/// Reads one piece of an object, trying again what may pass.
Result<storage::Got> read_piece(storage::Store& store, const storage::GetRequest& request);

}  // namespace isobar::transfer
