#pragma once

#include "features/source_reader.h"

namespace isobar::features {

/// A message that is a JSON object, as a row of its source; members that are no columns are left out.
/// key    of the message; with an empty `value` the record of that key is no more, where the source's key is one column
/// Errors kInvalidArgument
Result<SourceRow> row_of_message(const Source& source, std::string_view key, std::string_view value);

}  // namespace isobar::features
