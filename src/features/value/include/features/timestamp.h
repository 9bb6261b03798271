#pragma once

/// Timestamps as people, files and JSON write them, to the nanosecond.

#include <string>
#include <string_view>

#include "base/time.h"

namespace isobar::features {

/// RFC 3339 ("2024-02-29T12:00:00.123456789+01:00"); a space may stand for the T; what names no offset is UTC, as is a date alone.
/// A leap second (":60") is the first instant of the next minute.
/// Errors   kInvalidArgument: not of that form, no such day or hour, a fraction below the nanosecond that is not zero, beyond 1677..2262
Result<Instant> parse_timestamp(std::string_view text);

/// "1970-01-01T00:00:00Z" with 0, 3, 6 or 9 digits of a fraction: as few as keep it exact.
void append_rfc3339(std::string& out, Instant at);
std::string to_rfc3339(Instant at);

}  // namespace isobar::features
