#pragma once

/// Points in time as HTTP and the stores write them, all in UTC.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace isobar::storage {

/// "Wed, 21 Oct 2015 07:28:00 GMT" (RFC 9110 §5.6.7, its preferred form).
std::string format_http_date(Instant at);
/// Errors   kInvalidArgument: not of that form
Result<Instant> parse_http_date(std::string_view text);

/// "20150830T123600Z", the form that AWS signs.
std::string format_basic_time(Instant at);

/// "2009-10-12T17:50:30.123456Z", with or without a fraction, or with an offset such as +02:00.
/// Errors   kInvalidArgument: not of that form
Result<Instant> parse_iso_time(std::string_view text);
/// "2009-10-12T17:50:30Z"
std::string format_iso_time(Instant at);

}  // namespace isobar::storage
