#pragma once

#include "features/source_reader.h"

namespace isobar::features {

/// Entries of a Redis stream, by XREAD. A position is an entry's id. An entry without the source's time has that of its id.
/// A password is taken from the environment variable REDISCLI_AUTH, as redis-cli does.
Result<std::unique_ptr<SourceReader>> open_redis_source(const Source& source, const Engine& engine);

}  // namespace isobar::features
