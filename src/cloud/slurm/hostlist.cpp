#include "hostlist.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "base/text.h"

namespace isobar::cloud {

namespace {

constexpr std::size_t kDigitsMax = 32, kNameMax = 1024;

Error wrong(std::string_view text, std::string_view what) { return invalid(fmt::format("hostlist \"{}\": {}", text.substr(0, 200), what)); }

Error too_many(std::string_view text) { return wrong(text, fmt::format("more than {} hosts", kHostsMax)); }

/// Parts between commas that stand in no bracket.
Result<std::vector<std::string_view>> split_outside_brackets(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t from = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[' && std::exchange(inside, true)) return wrong(text, "a bracket within a bracket");
    if (text[i] == ']' && !std::exchange(inside, false)) return wrong(text, "a bracket is closed that was not opened");
    if (text[i] == ',' && !inside) parts.push_back(text.substr(from, i - from)), from = i + 1;
  }
  if (inside) return wrong(text, "a bracket is not closed");
  parts.push_back(text.substr(from));
  return parts;
}

std::optional<std::uint64_t> number_of(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (code != std::errc() || end != digits.data() + digits.size() || digits.empty()) return std::nullopt;
  return number;
}

/// "08-10,12" → "08", "09", "10", "12".
Result<std::vector<std::string>> expand_ranges(std::string_view ranges) {
  std::vector<std::string> numbers;
  for (const std::string_view range : split(ranges, ',')) {
    const auto dash = range.find('-');
    const std::string_view first = range.substr(0, dash);
    const auto low = number_of(first);
    const auto high = dash == std::string_view::npos ? low : number_of(range.substr(dash + 1));
    if (!low || !high || *high < *low || first.size() > kDigitsMax)
      return wrong(ranges, fmt::format("\"{}\" is neither a number nor a range", range));
    if (*high - *low >= kHostsMax - numbers.size()) return too_many(ranges);
    // Counted from the lowest: the highest may be the last number there is.
    for (std::uint64_t i = 0; i <= *high - *low; ++i) numbers.push_back(fmt::format("{:0{}}", *low + i, first.size()));
  }
  return numbers;
}

/// One part, "rack[0-1]n[1-2]": each bracket multiplies what stands before it.
Result<std::vector<std::string>> expand_part(std::string_view part) {
  std::vector<std::string> names{""};
  while (!part.empty()) {
    const auto open = part.find('[');
    for (std::string& name : names) name += part.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = part.find(']', open);
    TRY_ASSIGN(const auto numbers, expand_ranges(part.substr(open + 1, close - open - 1)));
    if (names.size() * numbers.size() > kHostsMax) return too_many(part);
    if (names[0].size() > kNameMax) return wrong(part, "a host's name is longer than a name can be");
    std::vector<std::string> longer;
    longer.reserve(names.size() * numbers.size());
    for (const std::string& name : names)
      for (const std::string& number : numbers) longer.push_back(name + number);
    names = std::move(longer);
    part.remove_prefix(close + 1);
  }
  return names;
}

}  // namespace

Result<std::vector<std::string>> expand_hostlist(std::string_view text) {
  text = trim(text);
  std::vector<std::string> names;
  if (text.empty() || text == "(null)" || text == "None assigned" || text == "n/a") return names;
  TRY_ASSIGN(const auto parts, split_outside_brackets(text));
  for (const std::string_view part : parts) {
    if (part.empty()) return wrong(text, "a name is missing between commas");
    TRY_ASSIGN(auto expanded, expand_part(part));
    if (names.size() + expanded.size() > kHostsMax) return too_many(text);
    names.insert(names.end(), std::make_move_iterator(expanded.begin()), std::make_move_iterator(expanded.end()));
  }
  return names;
}

}  // namespace isobar::cloud
