#pragma once

/// Makes time zones of files and of POSIX's TZ texts.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sql/time_zone.h"

namespace isobar::sql {

struct TimeZoneReader {
  /// A file as RFC 8536 has it. None: it is no such file
  static std::shared_ptr<const TimeZone> from_file(std::string name, std::string_view bytes);
  /// "CET-1CEST,M3.5.0,M10.5.0/3". None: it is none
  static std::optional<TimeZone::Rule> rule(std::string_view text);
  static std::shared_ptr<const TimeZone> from_rule(std::string name, TimeZone::Rule rule);
};

}  // namespace isobar::sql
