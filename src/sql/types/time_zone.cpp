// What holds when: transitions are searched by halves; after the last, the rule of the file's end says when each year changes.

#include "sql/time_zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/mutex.h"
#include "base/text.h"
#include "sql/calendar.h"
#include "time_zone_reader.h"

namespace isobar::sql {
namespace {

constexpr std::string_view kFolder = "/usr/share/zoneinfo";
constexpr std::size_t kZoneFileMost = 1 << 20, kZonesMost = 2000;

/// Seconds since 2000-01-01 of a change in a year, in the local time that holds before it.
std::int64_t local_change(const TimeZone::Change& change, std::int64_t year) {
  std::int64_t day = 0;
  switch (change.how) {
    case TimeZone::Change::How::kWeek: {
      const std::int64_t first = days_of({year, change.month, 1});
      day = first + floor_mod(change.day - weekday_of(first), 7) + (change.week - 1) * 7LL;
      if (day >= first + days_in_month(year, change.month)) day -= 7;
      break;
    }
    case TimeZone::Change::How::kJulian:  // February 29 is never counted
      day = days_of({year, 1, 1}) + change.day - 1 + (is_leap(year) && change.day >= 60 ? 1 : 0);
      break;
    case TimeZone::Change::How::kDay: day = days_of({year, 1, 1}) + change.day; break;
  }
  return day * kSecondsPerDay + change.seconds;
}

/// The path below the folder that the name has in either case of letters. Empty: there is none
std::string path_of(std::string_view name) {
  namespace fs = std::filesystem;
  fs::path path(kFolder);
  for (const std::string_view part : split(name, '/')) {
    if (part.empty() || part[0] == '.') return {};
    std::error_code error;
    if (fs::exists(path / part, error)) {
      path /= part;
      continue;
    }
    const std::string wanted = to_lower(part);
    fs::path found;
    for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
      if (to_lower(entry->path().filename().string()) == wanted) found = entry->path();
    if (found.empty()) return {};
    path = found;
  }
  return path.string();
}

std::shared_ptr<const TimeZone> read_zone(std::string_view name) {
  const std::string path = path_of(name);
  if (path.empty() || std::filesystem::is_directory(path)) return nullptr;
  std::ifstream file(path, std::ios::binary);
  std::string bytes(kZoneFileMost, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return TimeZoneReader::from_file(path.substr(kFolder.size() + 1), bytes);
}

bool is_zone_name(std::string_view name) {
  return !name.empty() && name.size() < 100 && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '_' || c == '-' || c == '+';
  });
}

/// "+02", "-3.5", "05:30": east is positive, as SET TIME ZONE takes numbers.
std::optional<std::int32_t> offset_named(std::string_view name) {
  if (name.empty() || !(name[0] == '+' || name[0] == '-' || (name[0] >= '0' && name[0] <= '9'))) return std::nullopt;
  const bool negative = name[0] == '-';
  if (name[0] == '+' || negative) name.remove_prefix(1);
  std::int32_t seconds = 0, unit = 3600;
  for (const auto part : split(name, ':')) {
    if (part.empty() || part.size() > 2 || unit == 0 || !std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return std::nullopt;
    seconds += std::stoi(std::string(part)) * unit;
    unit /= 60;
  }
  if (seconds > 167 * 3600) return std::nullopt;
  return negative ? -seconds : seconds;
}

}  // namespace

const TimeZone& TimeZone::utc() {
  static const auto zone = TimeZoneReader::from_rule("UTC", {{0, false, "UTC"}, {0, false, "UTC"}});
  return *zone;
}

std::shared_ptr<const TimeZone> TimeZone::fixed(std::int32_t seconds_east) {
  const std::int32_t size = std::abs(seconds_east);
  std::string text = fmt::format("{}{:02}", seconds_east < 0 ? '-' : '+', size / 3600);
  if (size % 3600 != 0) text += fmt::format(":{:02}", size / 60 % 60);
  if (size % 60 != 0) text += fmt::format(":{:02}", size % 60);
  // PostgreSQL shows such a zone as POSIX writes it, where west is positive.
  std::string west = text;
  west[0] = seconds_east < 0 ? '+' : '-';
  const Kind kind{seconds_east, false, text};
  return TimeZoneReader::from_rule(fmt::format("<{}>{}", text, west), {kind, kind});
}

SqlResult<std::shared_ptr<const TimeZone>> TimeZone::find(std::string_view name) {
  // Zones are read once in a program's life, whoever asks: they are constants of the system.
  static Mutex mutex;
  static std::map<std::string, std::shared_ptr<const TimeZone>, std::less<>> known;
  const std::string key = to_lower(name);
  {
    const MutexLock lock(mutex);
    if (const auto found = known.find(key); found != known.end()) return found->second;
  }
  std::shared_ptr<const TimeZone> zone;
  if (const auto offset = offset_named(name)) zone = fixed(*offset);
  else if (is_zone_name(name)) zone = read_zone(name);
  if (zone == nullptr && name.size() < 100)
    if (auto rule = TimeZoneReader::rule(name)) zone = TimeZoneReader::from_rule(std::string(name), *std::move(rule));
  if (zone == nullptr) return SqlError(state::kInvalidParameterValue, fmt::format("time zone \"{}\" not recognized", name));
  const MutexLock lock(mutex);
  if (known.size() < kZonesMost) known.emplace(key, zone);
  return zone;
}

TimeZone::Offset TimeZone::by_rule(std::int64_t utc_seconds) const {
  const auto offset_of = [](const Kind& kind) { return Offset{kind.seconds, kind.daylight, kind.abbreviation}; };
  if (!rule_.changes) return offset_of(rule_.standard);
  const std::int64_t year = civil_of(floor_div(utc_seconds + rule_.standard.seconds, kSecondsPerDay)).year;
  const std::int64_t begins = local_change(rule_.to_summer, year) - rule_.standard.seconds;
  const std::int64_t ends = local_change(rule_.to_standard, year) - rule_.summer.seconds;
  const bool summer = begins < ends ? utc_seconds >= begins && utc_seconds < ends : utc_seconds >= begins || utc_seconds < ends;
  return offset_of(summer ? rule_.summer : rule_.standard);
}

TimeZone::Offset TimeZone::at(std::int64_t utc_microseconds) const {
  const std::int64_t seconds = floor_div(utc_microseconds, kMicrosecondsPerSecond);
  if (transitions_.empty() || seconds >= transitions_.back().at) return by_rule(seconds);
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), seconds,
                                      [](std::int64_t time, const Transition& transition) { return time < transition.at; });
  const Kind& kind = kinds_[after == transitions_.begin() ? 0 : std::prev(after)->kind];
  return {kind.seconds, kind.daylight, kind.abbreviation};
}

TimeZone::Offset TimeZone::at_local(std::int64_t local_microseconds) const {
  // No zone is a day away from UTC, and none changes twice within two days.
  const Offset before = at(local_microseconds - kMicrosecondsPerDay), after = at(local_microseconds + kMicrosecondsPerDay);
  if (before.seconds == after.seconds) return at(local_microseconds - before.seconds * kMicrosecondsPerSecond);
  const auto agrees = [&](const Offset& offset) {
    return at(local_microseconds - offset.seconds * kMicrosecondsPerSecond).seconds == offset.seconds;
  };
  const bool is_before = agrees(before), is_after = agrees(after);
  if (is_before != is_after) return is_before ? before : after;
  return before.seconds < after.seconds ? before : after;
}

}  // namespace isobar::sql
