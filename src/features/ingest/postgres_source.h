#pragma once

#include "features/source_reader.h"

namespace isobar::features {

/// A table of PostgreSQL 10 or newer, by logical replication: first as it is, then every change. It needs wal_level=logical, a role that
/// may replicate, and makes a publication and a slot called isobar_SOURCE. The slot keeps what was not read: who gives a source up drops
/// it. A position is a place in the server's log of writes, or, while the table is copied, 0 and how many rows were.
Result<std::unique_ptr<SourceReader>> open_postgres_source(const Source& source, const Engine& engine);

}  // namespace isobar::features
