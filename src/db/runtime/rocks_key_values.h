#pragma once

// What is at rest, in RocksDB: one writer, any readers. Every block and every record of its log carries a checksum, which is looked at
// whenever it is read.

#include <filesystem>
#include <memory>

#include "base/file.h"
#include "db/settled.h"

namespace isobar::db {

/// sync  whether a write is on the disk when it is done. Errors   kDataLoss: damaged; kConflict: another process has it
Result<std::unique_ptr<KeyValues>> open_rocks(const fs::path& folder, bool sync);

}  // namespace isobar::db
