#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::features {

/// "division by zero, at 1:7\n  total / trips\n        ^"
/// at   a byte of `text`, or its end
Error error_at(std::string_view text, std::size_t at, std::string_view what);

}  // namespace isobar::features
