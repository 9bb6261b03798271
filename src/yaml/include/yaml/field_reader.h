#pragma once

/// Reads the fields of one map into typed values, gathering every problem instead of stopping at the first: an unknown
/// key (with the nearest known one), a value of the wrong type, a number out of bounds. Task files, fault files and the
/// configuration are all read through it.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "yaml/yaml_tree.h"

namespace isobar {

class Problems {
 public:
  explicit Problems(std::string file_name) : file_name_(std::move(file_name)) {}

  /// field  the path of the value ("resources.cpus"); what  expected and found, with the mend
  void add(YamlMark mark, std::string_view field, std::string_view what);
  void warn(YamlMark mark, std::string_view field, std::string_view what);

  bool empty() const { return lines_.empty(); }
  std::size_t count() const { return lines_.size(); }
  /// All problems, a line each, in the order of the file.
  std::string text() const;
  std::vector<std::string> take_warnings() { return std::move(warnings_); }

 private:
  struct Line {
    YamlMark mark;
    std::string text;
  };
  std::string located(YamlMark mark, std::string_view field, std::string_view what) const;
  std::string file_name_;
  std::vector<Line> lines_;
  std::vector<std::string> warnings_;
};

/// "a list", "the number 5", "the text 'x'": what a node is, for messages.
std::string describe_node(const YamlNode& node);

class FieldReader {
 public:
  /// path  of the map itself, "" for the document. A node that is no map is reported and read as empty; null is empty.
  FieldReader(const YamlNode& node, std::string path, Problems& problems);

  const std::string& path() const { return path_; }
  std::string path_of(std::string_view key) const;
  Problems& problems() { return problems_; }
  YamlMark mark() const { return node_.mark; }
  YamlMark mark_of(std::string_view key) const;

  /// The value of a key, nullptr when absent or null. Reading a key marks it as known.
  const YamlNode* get(std::string_view key);
  bool has(std::string_view key) { return get(key) != nullptr; }

  /// Each reads one key when present; on a wrong value it reports and leaves the target as it was.
  bool text(std::string_view key, std::string& into);
  bool boolean(std::string_view key, bool& into);
  bool integer(std::string_view key, int& into, std::int64_t least, std::int64_t most);
  bool number(std::string_view key, double& into, double least);
  bool seconds(std::string_view key, Duration& into);
  /// One of a few words, compared without case; returns its index.
  std::optional<std::size_t> choice(std::string_view key, const std::vector<std::string>& words);
  bool text_map(std::string_view key, std::map<std::string, std::string>& into);
  /// A list of texts, or one text.
  bool text_list(std::string_view key, std::vector<std::string>& into);

  void report(std::string_view key, std::string_view what);
  /// Reports every key that nothing asked for, suggesting the nearest of those asked for.
  void finish();
  /// Keys of a map with free names count as known.
  const std::vector<YamlField>& free_fields();

 private:
  const YamlNode& node_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string> known_;
  bool free_ = false;
};

/// The text of a scalar of any type, as the user wrote it; reports anything else.
std::optional<std::string> scalar_text(const YamlNode& node, const std::string& path, Problems& problems, std::string_view expected);

}  // namespace isobar
