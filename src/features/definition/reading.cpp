#include "reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"

namespace isobar::features {

namespace {

constexpr Duration kDurationMost = std::chrono::hours(24 * 365 * 100);
constexpr std::size_t kNameMost = 128;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_part(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; }

}  // namespace

std::string mend_by_name(std::string_view wrong, const std::vector<std::string>& names, std::string_view kind) {
  if (const auto near = closest(wrong, names)) return fmt::format("there is no {} '{}'; did you mean '{}'?", kind, wrong, *near);
  if (names.empty()) return fmt::format("there is no {} '{}'; there are none at all", kind, wrong);
  constexpr std::size_t kNamesMost = 12;
  const auto shown = std::vector(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kNamesMost)));
  return fmt::format("there is no {} '{}'; there are {}{}", kind, wrong, join(shown, ", "), names.size() > kNamesMost ? ", ..." : "");
}

bool check_name(std::string_view name, YamlMark mark, std::string_view path, Problems& problems) {
  const bool fits = !name.empty() && name.size() <= kNameMost && is_letter(name.front()) && std::ranges::all_of(name, is_name_part);
  if (!fits)
    problems.add(mark, path,
                 fmt::format("a name has 1 to {} letters, digits, _ and -, and begins with a letter or _; rename it", kNameMost));
  return fits;
}

void read_labels(FieldReader& reader, Labels& labels) {
  reader.text("description", labels.description);
  reader.text("owner", labels.owner);
  reader.text_map("tags", labels.tags);
}

std::optional<Duration> read_duration(const YamlNode& node, const std::string& path, Problems& problems, bool zero) {
  const auto read = node.kind == YamlNode::Kind::kScalar ? parse_duration(node.text) : Result<Duration>(invalid(""));
  if (!read.ok()) {
    problems.add(node.mark, path, fmt::format("expected a duration such as 90s, 10m, 24h or 30d, got {}", describe_node(node)));
    return std::nullopt;
  }
  if (*read > kDurationMost || *read < Duration::zero() || (!zero && *read == Duration::zero())) {
    problems.add(node.mark, path,
                 fmt::format("{} is not from {} to 100 years; write 90s, 10m, 24h or 30d", node.text, zero ? "0" : "1 ns"));
    return std::nullopt;
  }
  if (parse_duration(duration_text(*read)).value_or(Duration(-1)) != *read) {
    problems.add(node.mark, path, fmt::format("{} is not exact to the nanosecond; write it in fewer digits", node.text));
    return std::nullopt;
  }
  return *read;
}

bool read_duration(FieldReader& reader, std::string_view key, Duration& into, bool zero) {
  const YamlNode* node = reader.get(key);
  if (node == nullptr) return false;
  const auto read = read_duration(*node, reader.path_of(key), reader.problems(), zero);
  if (read) into = *read;
  return read.has_value();
}

std::string duration_text(Duration span) {
  struct Unit {
    std::int64_t nanos;
    std::string_view name;
  };
  constexpr std::array<Unit, 6> kUnits{
      {{86'400'000'000'000, "d"}, {3'600'000'000'000, "h"}, {60'000'000'000, "m"}, {1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}}};
  if (span == Duration::zero()) return "0s";
  for (const auto& [nanos, name] : kUnits)
    if (span.count() % nanos == 0) return fmt::format("{}{}", span.count() / nanos, name);
  return fmt::format("{}ns", span.count());
}

std::string number_text(double number) {
  std::string text = fmt::format("{}", number);
  // YAML 1.1 takes a number with an exponent for a text if it has no point.
  const std::size_t exponent = text.find('e');
  if (exponent != std::string::npos && text.find('.') == std::string::npos) text.insert(exponent, ".0");
  return text;
}

std::vector<Column> read_columns(FieldReader& reader, std::string_view key) {
  std::vector<Column> columns;
  const YamlNode* node = reader.get(key);
  if (node == nullptr) return columns;
  FieldReader inner(*node, reader.path_of(key), reader.problems());
  for (const auto& [name, type] : inner.free_fields()) {
    const std::string path = inner.path_of(name.text);
    if (name.text.empty()) reader.problems().add(name.mark, path, "a column has no name; give it one");
    const auto word = scalar_text(type, path, reader.problems(), "the column's type, as int64");
    if (!word) continue;
    const auto read = parse_type(*word);
    if (read.ok()) columns.push_back({name.text, *read});
    else reader.problems().add(type.mark, path, read.error().message());
  }
  return columns;
}

bool read_numbers(FieldReader& reader, std::string_view key, std::vector<double>& into) {
  const YamlNode* node = reader.get(key);
  if (node == nullptr) return false;
  const auto items = node->kind == YamlNode::Kind::kSequence ? node->items : std::vector<YamlNode>{*node};
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Scalar scalar = items[i].kind == YamlNode::Kind::kScalar ? resolve(items[i]) : Scalar{};
    const bool numeric = scalar.type == Scalar::Type::kInt || scalar.type == Scalar::Type::kFloat;
    if (numeric && std::isfinite(scalar.number)) into.push_back(scalar.number);
    else
      reader.problems().add(items[i].mark, fmt::format("{}[{}]", reader.path_of(key), i),
                            "expected a number, got " + describe_node(items[i]));
  }
  return true;
}

}  // namespace isobar::features
