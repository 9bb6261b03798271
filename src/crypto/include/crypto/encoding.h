#pragma once

/// Bytes as text: hexadecimal and base64.

#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::crypto {

/// Lower-case hexadecimal.
std::string to_hex(std::string_view bytes);
/// Either case. Errors   kInvalidArgument: an odd length, or a character that is no digit
Result<std::string> from_hex(std::string_view text);

/// RFC 4648 §4, padded.
std::string to_base64(std::string_view bytes);
/// RFC 4648 §5 without padding, as JSON Web Tokens are written.
std::string to_base64_url(std::string_view bytes);
/// Errors   kInvalidArgument: not padded base64
Result<std::string> from_base64(std::string_view text);

}  // namespace isobar::crypto
