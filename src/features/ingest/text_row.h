#pragma once

/// Records of named texts, as streams have them, into rows.

#include <span>
#include <string_view>
#include <utility>

#include "features/project.h"

namespace isobar::features {

using NamedText = std::pair<std::string_view, std::string_view>;

/// A column's value is written as in CSV, without quotes. Fields that are no columns are left out; columns that are not there are null.
/// Errors   kInvalidArgument: a value that is not of its column's type, with the column
Result<Row> row_from_texts(std::span<const NamedText> fields, std::span<const Column> columns);

}  // namespace isobar::features
