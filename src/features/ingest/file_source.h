#pragma once

#include "features/source_reader.h"

namespace isobar::features {

/// The rows of files, from the first that the store does not have; then those that are added to them.
Result<std::unique_ptr<SourceReader>> open_file_source(const Source& source, const Engine& engine);

}  // namespace isobar::features
