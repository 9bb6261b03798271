#pragma once

/// YAML as a tree of values that know where they stand. Every node keeps its line and column, so that whatever is wrong
/// with it later can be pointed at; plain scalars keep their text, and are given a type by `resolve`, by the rules of
/// YAML 1.1, which is what task files are written in.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar {

struct YamlMark {
  int line = 0, column = 0;  ///< both from 1; 0 for what did not come from a file
};

struct YamlField;

struct YamlNode {
  enum class Kind { kScalar, kSequence, kMap };
  Kind kind = Kind::kScalar;
  YamlMark mark;
  std::string text;   ///< of a scalar, without quotes and escapes
  bool plain = true;  ///< a scalar without quotes, block style or tag: its type follows from its text
  std::vector<YamlNode> items;
  std::vector<YamlField> fields;  ///< of a map, in the order written, merge keys applied; keys are unique

  bool is_null() const;
  /// The value of a field, or nullptr. Cost O(fields).
  const YamlNode* find(std::string_view key) const;
};

struct YamlField {
  YamlNode key;  ///< a scalar
  YamlNode value;
};

/// What YAML 1.1 makes of a scalar.
struct Scalar {
  enum class Type { kNull, kBool, kInt, kFloat, kString };
  Type type = Type::kString;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;  ///< set for ints too
};
Scalar resolve(const YamlNode& scalar);

/// The text that a Python program would have for the value: `on` is "True", `1:30` is "90", `1_000` is "1000", `1.50`
/// is "1.5"; strings are themselves. This is what existing task files rely on for environment variables.
std::string python_text(const YamlNode& scalar);

/// A scalar with the given text, as if quoted.
YamlNode yaml_string(std::string text);

/// All documents of a stream. An empty stream has one null document.
/// Errors   kInvalidArgument: "FILE:LINE:COLUMN: what", for the first thing that is no YAML: bad syntax, bytes that are
///          not UTF-8, a duplicate key, nesting deeper than 64, or aliases that unfold to more than 200,000 nodes
Result<std::vector<YamlNode>> read_yaml(std::string_view text, const std::string& file_name);

/// One document as text that `read_yaml` reads back to an equal tree.
std::string write_yaml(const YamlNode& node);

}  // namespace isobar
