#pragma once

/// Rows as bytes, as they are stored: one encoding for each row.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sql/type.h"
#include "sql/value.h"

namespace isobar::sql {

/// types  one for each value of the row
std::string encode_row(std::span<const Type> types, const Row& row);
/// A row that was stored when the table had fewer columns has nulls for the later ones. Errors   XX001: damaged, or of more columns
SqlResult<Row> decode_row(std::span<const Type> types, std::string_view bytes);
/// Only the wanted columns; the others are null. `into` keeps its memory from row to row.
/// wanted  one for each type, or none: all
SqlStatus decode_columns(std::span<const Type> types, std::string_view bytes, const std::vector<bool>& wanted, Row& into);

}  // namespace isobar::sql
