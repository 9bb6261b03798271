#pragma once

#include <string>
#include <string_view>

#include "sql/numeric.h"

namespace isobar::sql {

/// to_char(number, pattern). Errors   42601; 0A000: EEEE, V
SqlResult<std::string> format_number(const Numeric& value, std::string_view pattern);
/// Of a float, which has so many digits; halves are rounded as C prints them.
SqlResult<std::string> format_real(double value, int digits, std::string_view pattern);
/// to_number(text, pattern).
SqlResult<Numeric> parse_number(std::string_view text, std::string_view pattern);

}  // namespace isobar::sql
