#include "slurm_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"

namespace isobar::cloud {

namespace {

bool is_key_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':' || c == '/';
}

/// The length of a key that begins here and is followed by '='; 0: no key begins here.
std::size_t key_length(std::string_view text) {
  if (text.empty() || text[0] < 'A' || text[0] > 'Z') return 0;
  std::size_t length = 0;
  while (length < text.size() && is_key_byte(text[length])) ++length;
  return length < text.size() && text[length] == '=' ? length : 0;
}

bool is_nothing(std::string_view value) {
  static constexpr std::array<std::string_view, 6> kNothing{"(null)", "N/A", "n/a", "NONE", "None", "Unknown"};
  return std::find(kNothing.begin(), kNothing.end(), value) != kNothing.end();
}

template <class T>
std::optional<T> whole_number(std::string_view digits) {
  T number{};
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (code != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

SlurmRecord SlurmRecord::parse(std::string_view line) {
  SlurmRecord record;
  std::string key;
  std::size_t from = 0;
  const auto keep = [&](std::size_t until) {
    if (!key.empty()) record.values_.emplace(key, trim(line.substr(from, until - from)));
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (i > 0 && line[i - 1] != ' ' && line[i - 1] != '\t') continue;
    const std::size_t length = key_length(line.substr(i));
    if (length == 0) continue;
    keep(i);
    key = line.substr(i, length);
    from = i + length + 1;
    i += length;
  }
  keep(line.size());
  return record;
}

std::string_view SlurmRecord::get(std::string_view key) const {
  const auto found = values_.find(key);
  if (found == values_.end() || is_nothing(found->second)) return {};
  return found->second;
}

std::uint64_t SlurmRecord::number(std::string_view key) const {
  const std::string_view value = get(key);
  std::uint64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

std::vector<std::string> SlurmRecord::list(std::string_view key) const {
  std::vector<std::string> parts;
  for (const std::string_view part : split(get(key), ','))
    if (!trim(part).empty()) parts.emplace_back(trim(part));
  return parts;
}

std::vector<SlurmRecord> parse_records(std::string_view text) {
  std::vector<SlurmRecord> records;
  for (const std::string_view line : split(text, '\n'))
    if (!trim(line).empty()) records.push_back(SlurmRecord::parse(line));
  return records;
}

std::optional<Duration> parse_slurm_span(std::string_view text) {
  constexpr std::int64_t kDaysMax = 36'500, kPartMax = 100'000'000;
  text = trim(text);
  std::int64_t days = 0;
  const auto dash = text.find('-');
  if (dash != std::string_view::npos) {
    const auto number = whole_number<std::int64_t>(text.substr(0, dash));
    if (!number || *number < 0 || *number > kDaysMax) return std::nullopt;
    days = *number;
    text.remove_prefix(dash + 1);
  }
  std::vector<std::int64_t> parts;
  for (const std::string_view part : split(text, ':')) {
    const auto number = whole_number<std::int64_t>(part.substr(0, part.find('.')));
    if (!number || *number < 0 || *number > kPartMax) return std::nullopt;
    parts.push_back(*number);
  }
  if (parts.size() > 3) return std::nullopt;
  // After days the first part is hours; without, one part is minutes and two are minutes and seconds.
  const bool hours_first = dash != std::string_view::npos || parts.size() == 3;
  if (!hours_first) parts.insert(parts.begin(), 0);
  parts.resize(3, 0);
  return std::chrono::hours(24 * days + parts[0]) + std::chrono::minutes(parts[1]) + std::chrono::seconds(parts[2]);
}

std::string format_slurm_span(Duration span) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(std::max(span, Duration::zero())).count();
  const auto days = seconds / 86'400;
  return (days > 0 ? fmt::format("{}-{:02}", days, seconds / 3600 % 24) : fmt::format("{}", seconds / 3600)) +
         fmt::format(":{:02}:{:02}", seconds / 60 % 60, seconds % 60);
}

namespace {

/// "gpu:a100:4(S:0-1)" without what stands in parentheses; several are parted by commas that stand in none.
std::vector<std::string> gres_words(std::string_view text) {
  std::vector<std::string> words{""};
  int depth = 0;
  for (const char c : text) {
    if (c == '(') ++depth;
    else if (c == ')') depth = std::max(0, depth - 1);
    else if (depth > 0) continue;
    else if (c == ',') words.emplace_back();
    else words.back() += c;
  }
  return words;
}

std::optional<SlurmGres> gres_of(std::string_view word) {
  auto parts = split(word, ':');
  // "gpu:a100:no_consume:4": a flag that says how it is counted stands between.
  std::erase(parts, std::string_view("no_consume"));
  int multiple = 1;
  std::string_view digits = parts.back();
  if (digits.ends_with('K')) multiple = 1024, digits.remove_suffix(1);
  const auto count = whole_number<int>(digits);
  if (parts[0].empty() || parts.size() > 3) return std::nullopt;
  if (!count)
    return parts.size() > 2 ? std::nullopt
                            : std::optional(SlurmGres{std::string(parts[0]), parts.size() > 1 ? std::string(parts[1]) : "", 1});
  if (parts.size() == 1 || *count < 0 || *count > 1'000'000) return std::nullopt;
  return SlurmGres{std::string(parts[0]), parts.size() > 2 ? std::string(parts[1]) : "", *count * multiple};
}

}  // namespace

std::vector<SlurmGres> parse_gres(std::string_view has, std::string_view uses) {
  std::vector<SlurmGres> found;
  for (const std::string& word : gres_words(has)) {
    if (is_nothing(word)) continue;
    const auto gres = gres_of(word);
    if (!gres) continue;
    const auto same = std::find_if(found.begin(), found.end(), [&](const auto& g) { return g.kind == gres->kind && g.type == gres->type; });
    if (same == found.end()) found.push_back(*gres);
    else same->count += gres->count;
  }
  for (const std::string& word : gres_words(uses))
    if (const auto used = gres_of(word))
      for (SlurmGres& gres : found)
        if (gres.kind == used->kind && gres.type == used->type) gres.used += used->count;
  return found;
}

std::optional<Instant> parse_slurm_instant(std::string_view text) {
  const auto seconds = whole_number<std::int64_t>(trim(text));
  constexpr std::int64_t kSecondsMax = 9'000'000'000;
  if (!seconds || *seconds <= 0 || *seconds > kSecondsMax) return std::nullopt;
  return Instant::from_unix_seconds(*seconds);
}

}  // namespace isobar::cloud
