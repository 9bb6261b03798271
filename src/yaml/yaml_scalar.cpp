// The types of plain scalars, by the YAML 1.1 rules of PyYAML's resolver, whose readings the field's task files were
// written against: `on` and `yes` are booleans, `1:30` is ninety (base sixty), `010` is eight, `1e3` is a string.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "yaml/yaml_tree.h"

namespace isobar {

namespace {

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_null_text(std::string_view text) { return one_of(text, {"", "~", "null", "Null", "NULL"}); }
bool is_true_text(std::string_view text) { return one_of(text, {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}); }
bool is_false_text(std::string_view text) { return one_of(text, {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}); }

bool all_digits(std::string_view text, int base) {
  bool any = false;
  for (const char c : text) {
    if (c == '_') continue;
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
    if (digit >= base) return false;
    any = true;
  }
  return any;
}

std::string without_underscores(std::string_view text) {
  std::string bare(text);
  std::erase(bare, '_');
  return bare;
}

// Reads digits of a base; false when they overflow 63 bits.
bool read_digits(std::string_view text, int base, std::int64_t& value) {
  errno = 0;
  value = std::strtoll(without_underscores(text).c_str(), nullptr, base);
  return errno == 0;
}

// "1:30" and "2:15:00": base sixty, the first part without a leading zero, the others below sixty.
bool read_sexagesimal(std::string_view text, std::int64_t& value) {
  const auto parts = split(text, ':');
  if (parts.size() < 2 || parts[0].empty() || parts[0][0] < '1' || parts[0][0] > '9' || !all_digits(parts[0], 10)) return false;
  if (!read_digits(parts[0], 10, value)) return false;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    std::int64_t part = 0;
    if (parts[i].empty() || parts[i].size() > 2 || parts[i].find('_') != std::string_view::npos || !all_digits(parts[i], 10)) return false;
    read_digits(parts[i], 10, part);
    if (part >= 60 || __builtin_mul_overflow(value, 60, &value)) return false;
    value += part;
  }
  return true;
}

bool read_int(std::string_view text, std::int64_t& value) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) negative = text[0] == '-', text.remove_prefix(1);
  if (text.empty() || text[0] == '_') return false;
  bool read = false;
  if (text == "0") value = 0, read = true;
  else if (text.starts_with("0b")) read = all_digits(text.substr(2), 2) && read_digits(text.substr(2), 2, value);
  else if (text.starts_with("0x")) read = all_digits(text.substr(2), 16) && read_digits(text.substr(2), 16, value);
  else if (text[0] == '0') read = all_digits(text, 8) && read_digits(text, 8, value);
  else if (all_digits(text, 10)) read = read_digits(text, 10, value);
  else read = read_sexagesimal(text, value);
  if (negative) value = -value;
  return read;
}

// YAML 1.1 floats need a dot, and a sign in the exponent: "1.5", ".5", "1.5e+3", ".inf"; "1e3" is a string.
bool read_float(std::string_view text, double& value) {
  std::string_view unsigned_text = text;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) unsigned_text.remove_prefix(1);
  const double sign = text.starts_with("-") ? -1 : 1;
  if (one_of(unsigned_text, {".inf", ".Inf", ".INF"})) return value = sign * INFINITY, true;
  if (one_of(text, {".nan", ".NaN", ".NAN"})) return value = NAN, true;
  const auto dot = unsigned_text.find('.');
  if (dot == std::string_view::npos) return false;
  const auto exponent = unsigned_text.find_first_of("eE");
  const std::string_view whole = unsigned_text.substr(0, dot);
  const std::string_view fraction = unsigned_text.substr(dot + 1, exponent == std::string_view::npos ? exponent : exponent - dot - 1);
  if (exponent != std::string_view::npos) {
    const std::string_view power = unsigned_text.substr(exponent + 1);
    if (exponent < dot || power.size() < 2 || (power[0] != '+' && power[0] != '-') || !all_digits(power.substr(1), 10)) return false;
  }
  if (!whole.empty() && (whole[0] == '_' || !all_digits(whole, 10))) return false;
  if (!fraction.empty() && !all_digits(fraction, 10)) return false;
  if (whole.empty() && fraction.empty()) return false;
  value = std::strtod(without_underscores(text).c_str(), nullptr);
  return true;
}

}  // namespace

Scalar resolve(const YamlNode& scalar) {
  Scalar result;
  if (scalar.kind != YamlNode::Kind::kScalar || !scalar.plain) return result;
  if (is_null_text(scalar.text)) {
    result.type = Scalar::Type::kNull;
  } else if (is_true_text(scalar.text) || is_false_text(scalar.text)) {
    result.type = Scalar::Type::kBool;
    result.boolean = is_true_text(scalar.text);
  } else if (read_int(scalar.text, result.integer)) {
    result.type = Scalar::Type::kInt;
    result.number = static_cast<double>(result.integer);
  } else if (read_float(scalar.text, result.number)) {
    result.type = Scalar::Type::kFloat;
  }
  return result;
}

std::string python_text(const YamlNode& scalar) {
  const Scalar value = resolve(scalar);
  switch (value.type) {
    case Scalar::Type::kNull: return "None";
    case Scalar::Type::kBool: return value.boolean ? "True" : "False";
    case Scalar::Type::kInt: return std::to_string(value.integer);
    case Scalar::Type::kFloat: {
      std::string text = fmt::format("{}", value.number);
      if (text.find_first_of(".en") == std::string::npos) text += ".0";
      return text;
    }
    case Scalar::Type::kString: break;
  }
  return scalar.text;
}

bool YamlNode::is_null() const { return resolve(*this).type == Scalar::Type::kNull && kind == Kind::kScalar; }

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const auto& field : fields)
    if (field.key.text == key) return &field.value;
  return nullptr;
}

YamlNode yaml_string(std::string text) {
  YamlNode node;
  node.text = std::move(text);
  node.plain = false;
  return node;
}

}  // namespace isobar
