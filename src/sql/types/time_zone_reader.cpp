// Reading zoneinfo: the 64-bit part of a TZif file, and the POSIX text behind it that says how the years after its last change go on.

#include "time_zone_reader.h"

#include <algorithm>
#include <charconv>

#include "sql/calendar.h"
#include "wire.h"

namespace isobar::sql {
namespace {

constexpr std::int64_t kUnixEpoch = kUnixDaysOfEpoch * kSecondsPerDay;
constexpr std::size_t kHeader = 44;

struct Counts {
  std::uint32_t utc, standard, leap, times, types, chars;
  std::size_t body(std::size_t width) const { return times * (width + 1) + types * 6 + chars + leap * (width + 4) + standard + utc; }
};

Counts counts_of(std::string_view header) {
  return {get_u32(header, 20), get_u32(header, 24), get_u32(header, 28), get_u32(header, 32), get_u32(header, 36), get_u32(header, 40)};
}

bool plausible(const Counts& counts) {
  return counts.utc <= 256 && counts.standard <= 256 && counts.leap <= 1000 && counts.times <= 100'000 && counts.types >= 1 &&
         counts.types <= 256 && counts.chars <= 4096;
}

/// Reads a POSIX text from its front.
class PosixText {
 public:
  explicit PosixText(std::string_view text) : left_(text) {}
  bool done() const { return left_.empty(); }
  bool take(char wanted) {
    if (left_.empty() || left_[0] != wanted) return false;
    left_.remove_prefix(1);
    return true;
  }
  std::optional<std::string> abbreviation() {
    std::size_t size = 0;
    if (take('<')) {
      size = left_.find('>');
      if (size == std::string_view::npos) return std::nullopt;
    } else {
      while (size < left_.size() && ((left_[size] | 32) >= 'a' && (left_[size] | 32) <= 'z')) ++size;
      if (size < 3) return std::nullopt;
    }
    std::string name(left_.substr(0, size));
    left_.remove_prefix(size + (size < left_.size() && left_[size] == '>' ? 1 : 0));
    return name;
  }
  std::optional<int> number() {
    int value = 0;
    const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), value);
    if (error != std::errc() || value < 0 || left_[0] == '-') return std::nullopt;
    left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
    return value;
  }
  /// [+-]hh[:mm[:ss]]
  std::optional<std::int32_t> time() {
    const bool negative = take('-');
    if (!negative) take('+');
    const auto hours = number();
    if (!hours || *hours > 167) return std::nullopt;
    std::int32_t seconds = *hours * 3600;
    for (const int unit : {60, 1}) {
      if (!take(':')) break;
      const auto part = number();
      if (!part || *part > 59) return std::nullopt;
      seconds += *part * unit;
    }
    return negative ? -seconds : seconds;
  }
  std::optional<TimeZone::Change> change() {
    TimeZone::Change change;
    using How = TimeZone::Change::How;
    change.how = take('M') ? How::kWeek : take('J') ? How::kJulian : How::kDay;
    const auto first = number();
    if (!first) return std::nullopt;
    change.day = *first;
    if (change.how == How::kWeek) {
      change.month = *first;
      const auto week = take('.') ? number() : std::nullopt;
      const auto day = week && take('.') ? number() : std::nullopt;
      if (!day || change.month < 1 || change.month > 12 || *week < 1 || *week > 5 || *day > 6) return std::nullopt;
      change.week = *week, change.day = *day;
    } else if (change.day > 366) {
      return std::nullopt;
    }
    if (take('/')) {
      const auto at = time();
      if (!at) return std::nullopt;
      change.seconds = *at;
    }
    return change;
  }

 private:
  std::string_view left_;
};

}  // namespace

std::optional<TimeZone::Rule> TimeZoneReader::rule(std::string_view text) {
  PosixText posix(text);
  TimeZone::Rule rule;
  auto name = posix.abbreviation();
  const auto west = name ? posix.time() : std::nullopt;
  if (!west) return std::nullopt;
  rule.standard = {-*west, false, *std::move(name)};
  rule.summer = rule.standard;
  if (posix.done()) return rule;
  auto summer = posix.abbreviation();
  if (!summer) return std::nullopt;
  rule.summer = {rule.standard.seconds + 3600, true, *std::move(summer)};
  if (!posix.done() && !posix.take(',')) {
    const auto summer_west = posix.time();
    if (!summer_west || !(posix.done() || posix.take(','))) return std::nullopt;
    rule.summer.seconds = -*summer_west;
  }
  // Without dates: those that the United States have had since 2007.
  PosixText usual("M3.2.0,M11.1.0");
  PosixText& dates = posix.done() ? usual : posix;
  const auto begins = dates.change();
  const auto ends = begins && dates.take(',') ? dates.change() : std::nullopt;
  if (!ends || !dates.done()) return std::nullopt;
  rule.changes = true, rule.to_summer = *begins, rule.to_standard = *ends;
  return rule;
}

std::shared_ptr<const TimeZone> TimeZoneReader::from_rule(std::string name, TimeZone::Rule rule) {
  auto zone = std::make_shared<TimeZone>();
  zone->name_ = std::move(name);
  zone->rule_ = std::move(rule);
  return zone;
}

std::shared_ptr<const TimeZone> TimeZoneReader::from_file(std::string name, std::string_view bytes) {
  if (bytes.size() < kHeader || !bytes.starts_with("TZif") || bytes[4] < '2' || !plausible(counts_of(bytes))) return nullptr;
  const std::size_t first_body = counts_of(bytes).body(4);
  if (bytes.size() < kHeader * 2 + first_body) return nullptr;
  bytes.remove_prefix(kHeader + first_body);
  const Counts counts = counts_of(bytes);
  if (!bytes.starts_with("TZif") || !plausible(counts) || bytes.size() < kHeader + counts.body(8)) return nullptr;
  bytes.remove_prefix(kHeader);
  auto zone = std::make_shared<TimeZone>();
  zone->name_ = std::move(name);
  const std::size_t kinds_at = counts.times * 9, names_at = kinds_at + counts.types * 6;
  for (std::uint32_t kind = 0; kind < counts.types; ++kind) {
    const std::size_t at = kinds_at + kind * 6, abbreviation = static_cast<unsigned char>(bytes[at + 5]);
    if (abbreviation >= counts.chars) return nullptr;
    const std::string_view names = bytes.substr(names_at, counts.chars).substr(abbreviation);
    zone->kinds_.push_back(
        {static_cast<std::int32_t>(get_u32(bytes, at)), bytes[at + 4] != 0, std::string(names.substr(0, names.find('\0')))});
  }
  for (std::uint32_t change = 0; change < counts.times; ++change) {
    const auto kind = static_cast<std::uint8_t>(bytes[counts.times * 8 + change]);
    if (kind >= counts.types) return nullptr;
    zone->transitions_.push_back({static_cast<std::int64_t>(get_u64(bytes, change * 8)) - kUnixEpoch, kind});
  }
  std::string_view footer = bytes.substr(counts.body(8));
  if (footer.starts_with('\n')) footer.remove_prefix(1);
  auto rule = TimeZoneReader::rule(footer.substr(0, footer.find('\n')));
  const auto& last = zone->kinds_[zone->transitions_.empty() ? 0 : zone->transitions_.back().kind];
  zone->rule_ = rule ? *std::move(rule) : TimeZone::Rule{last, last};
  return zone;
}

}  // namespace isobar::sql
