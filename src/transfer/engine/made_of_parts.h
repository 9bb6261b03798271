#pragma once

#include <map>

#include "storage/store.h"

namespace isobar::transfer {

/// Whether an object is what completing an upload of these parts made: its size, and either its CRC-32C or its ETag, which S3 makes of
/// the parts' MD5s, prove it. What proves nothing is a no.
bool is_made_of(const storage::ObjectInfo& object, const std::map<int, storage::Part>& parts);

}  // namespace isobar::transfer
