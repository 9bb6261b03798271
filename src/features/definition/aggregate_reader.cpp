// Aggregates over windows: "sum(amount) over 1h, 24h", or field by field.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "reading.h"

namespace isobar::features {

namespace {

constexpr std::size_t kWindowsMost = 64;
constexpr std::string_view kOver = " over ";

/// A window as it was written, for the name of its feature.
struct NamedWindow {
  std::string text;
  Window window;
  YamlMark mark;
};

struct Written {
  AggregateFeature feature;  ///< without its window
  std::vector<NamedWindow> windows;
  std::optional<Type> type;
};

std::optional<NamedWindow> read_window(const YamlNode& node, const std::string& path, Problems& problems) {
  if (node.kind == YamlNode::Kind::kScalar && node.text == "unbounded") return NamedWindow{node.text, Window::unbounded(), node.mark};
  const auto size = read_duration(node, path, problems);
  if (!size) return std::nullopt;
  return NamedWindow{node.text, Window::sliding(*size), node.mark};
}

/// The aggregate's type for what it is of, or none with what is wrong.
std::optional<Type> result_type(ViewReading& in, const YamlNode& node, const std::string& path, AggregateFeature& feature,
                                std::optional<Type> of) {
  std::vector<Type> arguments;
  if (!feature.of.empty()) {
    if (!of) return std::nullopt;
    arguments.push_back(*of);
    feature.spec.argument = 0;
  }
  const auto made = Aggregate::create(feature.spec, arguments);
  if (made.ok()) return (*made)->result_type();
  in.reading.problems.add(node.mark, path, made.error().message());
  return std::nullopt;
}

bool read_function(const YamlNode& node, const std::string& path, std::string_view name, AggregateFeature& feature, Problems& problems) {
  const auto function = parse_aggregate_function(name);
  if (function.ok()) feature.spec.function = *function;
  else problems.add(node.mark, path, function.error().message());
  return function.ok();
}

std::optional<Written> read_short(ViewReading& in, const YamlNode& node, const std::string& path) {
  const std::string_view text = trim(node.text);
  const std::size_t over = text.rfind(kOver), open = text.find('(');
  const std::string_view head = trim(text.substr(0, over));
  if (open == std::string_view::npos || head.empty() || head.back() != ')' || open > over) {
    in.reading.problems.add(node.mark, path, "expected FUNCTION(COLUMN) over WINDOW, WINDOW, as sum(amount) over 1h, 24h");
    return std::nullopt;
  }
  Written written;
  const bool known = read_function(node, path, trim(head.substr(0, open)), written.feature, in.reading.problems);
  const std::string_view of = trim(head.substr(open + 1, head.size() - open - 2));
  if (of != "*") written.feature.of = of;
  for (const std::string_view part : split(text.substr(over + kOver.size()), ',')) {
    YamlNode window{.mark = node.mark, .text = std::string(trim(part))};
    if (auto read = read_window(window, path, in.reading.problems)) written.windows.push_back(std::move(*read));
  }
  const auto of_type = written.feature.of.empty() ? std::nullopt : type_in(in, node, path, of);
  if (known) written.type = result_type(in, node, path, written.feature, of_type);
  return written;
}

void read_parameters(FieldReader& reader, AggregateSpec& spec) {
  int whole = 0;
  switch (spec.function) {
    case AggregateFunction::kQuantiles: read_numbers(reader, "quantiles", spec.quantiles); break;
    case AggregateFunction::kTopK:
      if (reader.integer("k", whole, 1, 1'000)) spec.k = static_cast<std::uint32_t>(whole);
      break;
    case AggregateFunction::kHistogram: read_numbers(reader, "bounds", spec.bounds); break;
    case AggregateFunction::kDecayedSum:
    case AggregateFunction::kDecayedCount: read_duration(reader, "half_life", spec.half_life); break;
    case AggregateFunction::kDistinct:
      if (reader.integer("precision", whole, 4, 16)) spec.precision = static_cast<std::uint32_t>(whole);
      break;
    default: break;
  }
}

void read_windows(FieldReader& reader, std::vector<NamedWindow>& into) {
  const YamlNode* node = reader.get("windows");
  if (node == nullptr)
    return reader.problems().add(reader.mark(), reader.path(), "it needs windows: one duration or a list, as [1h, 24h], or unbounded");
  const bool list = node->kind == YamlNode::Kind::kSequence;
  for (std::size_t i = 0; i < (list ? node->items.size() : 1); ++i) {
    const std::string path = list ? fmt::format("{}[{}]", reader.path_of("windows"), i) : reader.path_of("windows");
    if (auto read = read_window(list ? node->items[i] : *node, path, reader.problems())) into.push_back(std::move(*read));
  }
  if (list && node->items.empty()) reader.report("windows", "there are none; name at least one, as 1h");
}

/// kind (in the order of `WindowKind`), hop and exact, which hold for all windows of the feature.
void read_window_kind(FieldReader& reader, std::vector<NamedWindow>& windows) {
  static const std::vector<std::string> kKinds{"tumbling", "hopping", "sliding"};
  const auto kind = static_cast<WindowKind>(reader.choice("kind", kKinds).value_or(static_cast<std::size_t>(WindowKind::kSliding)));
  bool exact = false;
  Duration hop{0};
  reader.boolean("exact", exact);
  const bool hops = kind != WindowKind::kTumbling && read_duration(reader, "hop", hop);
  if (kind == WindowKind::kHopping && !hops && !reader.has("hop")) reader.report("kind", "hopping windows need hop: how often one ends");
  if (exact && hops) reader.report("exact", "an exact window has no hop; leave one of them out");
  for (auto& [text, window, mark] : windows) {
    if (window.kind == WindowKind::kUnbounded) continue;
    window.kind = kind;
    window.exact = exact;
    (kind == WindowKind::kHopping ? window.slide : window.hop) = hop;
    if (hops && window.size.count() % hop.count() != 0)
      reader.problems().add(mark, reader.path_of("windows"),
                            fmt::format("{} is no multiple of its hop, {}; make it one", text, duration_text(hop)));
  }
}

Written read_long(ViewReading& in, FieldReader& reader) {
  Written written;
  std::string name;
  const bool named = reader.text("function", name);
  const YamlNode& node = *reader.get("function");
  const bool known = named && read_function(node, reader.path_of("function"), name, written.feature, in.reading.problems);
  const auto of = read_sql(in, reader, "of", written.feature.of, "");
  if (known) read_parameters(reader, written.feature.spec);
  read_windows(reader, written.windows);
  read_window_kind(reader, written.windows);
  if (known) written.type = result_type(in, node, reader.path(), written.feature, of);
  return written;
}

void check_windows(const Written& written, YamlMark mark, const std::string& path, Problems& problems) {
  if (written.windows.size() > kWindowsMost)
    return problems.add(mark, path, fmt::format("more than {} windows; leave some out", kWindowsMost));
  constexpr std::string_view kFirst = "window 1: ";
  for (const auto& [text, window, at] : written.windows) {
    const auto plan = WindowPlan::create({window}, Duration::zero());
    if (plan.ok()) continue;
    std::string_view what = plan.error().message();
    if (what.starts_with(kFirst)) what.remove_prefix(kFirst.size());
    problems.add(at, path, fmt::format("window {}: {}", text, what));
  }
}

}  // namespace

bool is_aggregate(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kScalar) return node.text.find(kOver) != std::string::npos;
  return node.kind == YamlNode::Kind::kMap && node.find("function") != nullptr;
}

void read_aggregate(ViewReading& in, const YamlField& field, const std::string& path) {
  Problems& problems = in.reading.problems;
  const std::size_t before = problems.count();
  std::optional<Written> written;
  Remarks remarks;
  if (field.value.kind == YamlNode::Kind::kMap) {
    FieldReader reader(field.value, path, problems);
    if (!reader.has("function")) return reader.report("function", "it is empty; name one, as sum");
    written = read_long(in, reader);
    remarks = read_remarks(reader);
  } else {
    written = read_short(in, field.value, path);
  }
  if (!written) return;
  if (problems.count() == before) check_windows(*written, field.value.mark, path, problems);
  for (const auto& [text, window, mark] : written->windows) {
    const std::string name = written->windows.size() == 1 ? field.key.text : field.key.text + "_" + text;
    AggregateFeature feature = written->feature;
    feature.window = window;
    add_feature(in, {.name = name, .made_by = std::move(feature), .mark = field.key.mark}, written->type, remarks, path);
  }
}

}  // namespace isobar::features
