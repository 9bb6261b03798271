#pragma once

/// Times as services write them.

#include <optional>
#include <string_view>

#include "base/time.h"

namespace isobar {

/// "2026-11-25T03:07:58Z" and the same with a fraction or an offset. None: not of that form.
std::optional<Instant> parse_rfc3339(std::string_view text);

}  // namespace isobar
