#pragma once

#include "sql/value.h"

namespace isobar::sql {

/// to_text at the end of what is there already.
void append_text(std::string& out, const Type& type, const Value& value, const TextStyle& style);

}  // namespace isobar::sql
