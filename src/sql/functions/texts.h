#pragma once

/// What several groups of text functions share.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sql/function.h"

namespace isobar::sql {

/// Of ASCII alone: that is what collation "C" folds.
std::string lowered(std::string_view text);
std::string raised(std::string_view text);

/// A value as concat, format and || print it.
std::string printed(const Call& call, std::size_t place);

/// An array of one dimension, its lowest subscript 1; empty: of none.
Value array_of_values(Kind element, std::vector<Value> values);
inline Value array_of_texts(std::vector<Value> values) { return array_of_values(Kind::kText, std::move(values)); }

std::string quoted_identifier(std::string_view name);
std::string quoted_literal(std::string_view text);

SqlError too_long();  ///< "requested length too large"

}  // namespace isobar::sql
