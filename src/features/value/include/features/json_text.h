#pragma once

/// JSON text to a tree of Boost.JSON, with every number exactly as it is written.
///
/// Boost.JSON 1.81 reads a double by multiplying with powers of ten, and is off by the last bit in some. A feature that is served
/// and read back would change, so doubles are read here by std::from_chars, which rounds correctly; all else is Boost's parser.

#include <boost/json/fwd.hpp>
#include <string_view>

#include "base/result.h"

namespace isobar::features {

/// Errors   kInvalidArgument: not one JSON value with nothing but blanks around it, nested deeper than 32, or not UTF-8; the message says
/// where
Result<boost::json::value> parse_json(std::string_view text);

}  // namespace isobar::features
