// Builds the tree from yaml-cpp's events. Its own node type drops the difference between `5` and "5" and accepts a
// document that names a key twice; our files need the first and must not have the second.

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "base/text.h"
#include "yaml/yaml_tree.h"

namespace isobar {

namespace {

constexpr std::size_t kDepthMax = 64;
constexpr std::size_t kNodesMax = 200'000;

struct Refused {
  YamlMark mark;
  std::string why;
};

YamlMark mark_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

std::size_t count_nodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const auto& item : node.items) count += count_nodes(item);
  for (const auto& field : node.fields) count += 1 + count_nodes(field.value);
  return count;
}

// yaml-cpp turns the escapes \N and \_ into lone Latin-1 bytes; here they become the UTF-8 they stand for.
std::string with_utf8_escapes(const std::string& text) {
  if (is_utf8(text)) return text;
  std::string repaired;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80 ? 1 : byte < 0xc0 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    if (length == 0) repaired += '\xc2';
    repaired += text.substr(i, std::max<std::size_t>(length, 1));
    i += std::max<std::size_t>(length, 1) - 1;
  }
  return repaired;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  std::optional<YamlNode> take_document() { return std::exchange(document_, std::nullopt); }

  void OnDocumentStart(const YAML::Mark&) override { anchors_.clear(); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(scalar(mark, "", true), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) throw Refused{mark_of(mark), "this alias refers to a value that contains it"};
    count(mark_of(mark), count_nodes(known->second));
    YamlNode copy = known->second;
    copy.mark = mark_of(mark);
    add(std::move(copy), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    add(scalar(mark, text, tag == "?"), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, YamlNode::Kind::kSequence, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, YamlNode::Kind::kMap, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::optional<YamlNode> key;   // read, its value still to come
    std::vector<YamlNode> merged;  // values of `<<`
  };

  static YamlNode scalar(const YAML::Mark& mark, const std::string& text, bool plain) {
    YamlNode node;
    node.mark = mark_of(mark);
    node.text = with_utf8_escapes(text);
    node.plain = plain;
    return node;
  }

  void count(YamlMark mark, std::size_t nodes) {
    if ((nodes_ += nodes) > kNodesMax) throw Refused{mark, fmt::format("the document unfolds to more than {} values", kNodesMax)};
  }

  void open(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor) {
    if (open_.size() >= kDepthMax) throw Refused{mark_of(mark), fmt::format("values are nested deeper than {}", kDepthMax)};
    YamlNode node;
    node.kind = kind;
    node.mark = mark_of(mark);
    open_.push_back({std::move(node), anchor, {}, {}});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    for (const auto& source : done.merged) merge(done.node, source);
    add(std::move(done.node), done.anchor);
  }

  // Keys of the map itself win over merged ones; of several merged maps the first wins.
  static void merge(YamlNode& into, const YamlNode& source) {
    if (source.kind == YamlNode::Kind::kSequence) {
      for (const auto& item : source.items) merge(into, item);
      return;
    }
    if (source.kind != YamlNode::Kind::kMap) throw Refused{source.mark, "the merge key << takes a map or a list of maps"};
    for (const auto& field : source.fields)
      if (!into.find(field.key.text)) into.fields.push_back(field);
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    count(node.mark, 1);
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      document_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kSequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      if (node.kind != YamlNode::Kind::kScalar) throw Refused{node.mark, "a key must be a single value, not a list or a map"};
      parent.key = std::move(node);
    } else {
      add_field(parent, std::move(node));
    }
  }

  static void add_field(Open& parent, YamlNode value) {
    YamlNode key = *std::exchange(parent.key, std::nullopt);
    if (key.plain && key.text == "<<") {
      parent.merged.push_back(std::move(value));
      return;
    }
    if (parent.node.find(key.text)) throw Refused{key.mark, fmt::format("the key '{}' stands twice in this map", key.text)};
    parent.node.fields.push_back({std::move(key), std::move(value)});
  }

  std::optional<YamlNode> document_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::size_t nodes_ = 0;
};

Error at(const std::string& file, YamlMark mark, const std::string& why) {
  return invalid(fmt::format("{}:{}:{}: {}", file, mark.line, mark.column, why));
}

Status check_bytes(std::string_view text, const std::string& file) {
  if (is_utf8(text) && text.find('\0') == std::string_view::npos) return {};
  int line = 1;
  for (const auto row : split(text, '\n')) {
    if (!is_utf8(row) || row.find('\0') != std::string_view::npos) return at(file, {line, 1}, "this line is not UTF-8 text");
    ++line;
  }
  return at(file, {1, 1}, "the file is not UTF-8 text");
}

// yaml-cpp's words for what is got wrong most, in ours.
std::string syntax_message(const std::string& theirs) {
  if (theirs == "illegal map value") return "a value may not start here; quote the text if it contains ': '";
  if (theirs == "end of map not found") return "this line does not fit the indentation of the map around it";
  if (theirs == "end of sequence not found") return "this line does not fit the indentation of the list around it";
  if (theirs == "unknown token") return "a plain value may not start with this character; quote it";
  return theirs;
}

}  // namespace

Result<std::vector<YamlNode>> read_yaml(std::string_view text, const std::string& file_name) {
  TRY(check_bytes(text, file_name));
  std::vector<YamlNode> documents;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder))
      if (auto document = builder.take_document()) documents.push_back(std::move(*document));
  } catch (const Refused& refused) {
    return at(file_name, refused.mark, refused.why);
  } catch (const YAML::Exception& failure) {
    return at(file_name, mark_of(failure.mark), syntax_message(failure.msg));
  } catch (const std::exception& failure) {
    return at(file_name, {1, 1}, failure.what());
  }
  if (documents.empty()) documents.emplace_back();
  return documents;
}

}  // namespace isobar
