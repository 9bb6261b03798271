#include "yaml/field_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"

namespace isobar {

std::string Problems::located(YamlMark mark, std::string_view field, std::string_view what) const {
  const std::string place = mark.line > 0 ? fmt::format("{}:{}:{}: ", file_name_, mark.line, mark.column) : "";
  return place + (field.empty() ? std::string(what) : fmt::format("{}: {}", field, what));
}

void Problems::add(YamlMark mark, std::string_view field, std::string_view what) { lines_.push_back({mark, located(mark, field, what)}); }

void Problems::warn(YamlMark mark, std::string_view field, std::string_view what) { warnings_.push_back(located(mark, field, what)); }

std::string Problems::text() const {
  auto sorted = lines_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Line& a, const Line& b) {
    return std::pair(a.mark.line, a.mark.column) < std::pair(b.mark.line, b.mark.column);
  });
  std::string all;
  for (const auto& line : sorted) all += (all.empty() ? "" : "\n") + line.text;
  return all;
}

std::string describe_node(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kSequence) return "a list";
  if (node.kind == YamlNode::Kind::kMap) return "a map";
  switch (resolve(node).type) {
    case Scalar::Type::kNull: return "nothing";
    case Scalar::Type::kBool: return fmt::format("the boolean {}", node.text);
    case Scalar::Type::kInt:
    case Scalar::Type::kFloat: return fmt::format("the number {}", node.text);
    case Scalar::Type::kString: break;
  }
  constexpr std::size_t kShownMax = 40;
  return node.text.size() <= kShownMax ? fmt::format("'{}'", node.text) : fmt::format("'{}…'", node.text.substr(0, kShownMax));
}

std::optional<std::string> scalar_text(const YamlNode& node, const std::string& path, Problems& problems, std::string_view expected) {
  if (node.kind == YamlNode::Kind::kScalar && !node.is_null()) return node.text;
  problems.add(node.mark, path, fmt::format("expected {}, got {}", expected, describe_node(node)));
  return std::nullopt;
}

FieldReader::FieldReader(const YamlNode& node, std::string path, Problems& problems)
    : node_(node), path_(std::move(path)), problems_(problems) {
  if (node.kind != YamlNode::Kind::kMap && !node.is_null())
    problems_.add(node.mark, path_, fmt::format("expected a map of fields, got {}", describe_node(node)));
}

std::string FieldReader::path_of(std::string_view key) const { return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key); }

YamlMark FieldReader::mark_of(std::string_view key) const {
  for (const auto& field : node_.fields)
    if (field.key.text == key) return field.key.mark;
  return node_.mark;
}

const YamlNode* FieldReader::get(std::string_view key) {
  known_.emplace_back(key);
  const YamlNode* value = node_.find(key);
  return value && !value->is_null() ? value : nullptr;
}

void FieldReader::report(std::string_view key, std::string_view what) {
  const YamlNode* value = node_.find(key);
  problems_.add(value ? value->mark : node_.mark, path_of(key), what);
}

bool FieldReader::text(std::string_view key, std::string& into) {
  const YamlNode* value = get(key);
  if (!value) return false;
  auto read = scalar_text(*value, path_of(key), problems_, "text");
  if (!read) return false;
  into = std::move(*read);
  return true;
}

bool FieldReader::boolean(std::string_view key, bool& into) {
  const YamlNode* value = get(key);
  if (!value) return false;
  const Scalar scalar = resolve(*value);
  if (value->kind != YamlNode::Kind::kScalar || scalar.type != Scalar::Type::kBool) {
    report(key, fmt::format("expected true or false, got {}", describe_node(*value)));
    return false;
  }
  into = scalar.boolean;
  return true;
}

bool FieldReader::integer(std::string_view key, int& into, std::int64_t least, std::int64_t most) {
  const YamlNode* value = get(key);
  if (!value) return false;
  const Scalar scalar = resolve(*value);
  if (value->kind != YamlNode::Kind::kScalar || scalar.type != Scalar::Type::kInt || scalar.integer < least || scalar.integer > most) {
    const std::string bounds = most == INT32_MAX ? fmt::format("of {} or more", least) : fmt::format("from {} to {}", least, most);
    report(key, fmt::format("expected a whole number {}, got {}", bounds, describe_node(*value)));
    return false;
  }
  into = static_cast<int>(scalar.integer);
  return true;
}

bool FieldReader::number(std::string_view key, double& into, double least) {
  const YamlNode* value = get(key);
  if (!value) return false;
  const Scalar scalar = resolve(*value);
  const bool numeric = value->kind == YamlNode::Kind::kScalar && (scalar.type == Scalar::Type::kInt || scalar.type == Scalar::Type::kFloat);
  if (!numeric || !std::isfinite(scalar.number) || scalar.number < least) {
    report(key, fmt::format("expected a number of {:g} or more, got {}", least, describe_node(*value)));
    return false;
  }
  into = scalar.number;
  return true;
}

bool FieldReader::seconds(std::string_view key, Duration& into) {
  const YamlNode* value = get(key);
  if (!value) return false;
  const auto read = value->kind == YamlNode::Kind::kScalar ? parse_duration(value->text) : Result<Duration>(invalid(""));
  if (!read.ok()) {
    report(key, fmt::format("expected seconds, or a duration such as 90s or 10m, got {}", describe_node(*value)));
    return false;
  }
  into = *read;
  return true;
}

std::optional<std::size_t> FieldReader::choice(std::string_view key, const std::vector<std::string>& words) {
  const YamlNode* value = get(key);
  if (!value) return std::nullopt;
  if (value->kind == YamlNode::Kind::kScalar)
    for (std::size_t i = 0; i < words.size(); ++i)
      if (to_lower(words[i]) == to_lower(value->text)) return i;
  std::string message = fmt::format("expected one of {}, got {}", join(words, ", "), describe_node(*value));
  if (const auto near = closest(value->text, words)) message += fmt::format("; did you mean {}?", *near);
  report(key, message);
  return std::nullopt;
}

bool FieldReader::text_map(std::string_view key, std::map<std::string, std::string>& into) {
  const YamlNode* value = get(key);
  if (!value) return false;
  FieldReader inner(*value, path_of(key), problems_);
  for (const auto& field : inner.free_fields())
    if (auto read = scalar_text(field.value, inner.path_of(field.key.text), problems_, "text")) into[field.key.text] = std::move(*read);
  return true;
}

bool FieldReader::text_list(std::string_view key, std::vector<std::string>& into) {
  const YamlNode* value = get(key);
  if (!value) return false;
  if (value->kind != YamlNode::Kind::kSequence) {
    if (auto read = scalar_text(*value, path_of(key), problems_, "text, or a list of texts")) into = {std::move(*read)};
    return true;
  }
  for (std::size_t i = 0; i < value->items.size(); ++i)
    if (auto read = scalar_text(value->items[i], fmt::format("{}[{}]", path_of(key), i), problems_, "text"))
      into.push_back(std::move(*read));
  return true;
}

const std::vector<YamlField>& FieldReader::free_fields() {
  free_ = true;
  return node_.fields;
}

void FieldReader::finish() {
  if (free_) return;
  for (const auto& field : node_.fields) {
    if (std::find(known_.begin(), known_.end(), field.key.text) != known_.end()) continue;
    std::string message = "there is no such field";
    if (const auto near = closest(field.key.text, known_)) message += fmt::format("; did you mean {}?", *near);
    else message += fmt::format("; the fields here are {}", join(known_, ", "));
    problems_.add(field.key.mark, path_of(field.key.text), message);
  }
}

}  // namespace isobar
