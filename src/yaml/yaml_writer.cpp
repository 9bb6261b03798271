// The tree as text again. Every scalar is written in the plainest style that reads back to the same bytes and type:
// plain, a literal block for scripts, double quotes for the rest.

#include <fmt/format.h>

#include <algorithm>

#include "yaml/yaml_tree.h"

namespace isobar {

namespace {

bool plain_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' || c == '.' || c == '-' ||
         c == '+';
}

// Whether a string may stand without quotes and still be read as that string.
bool may_stand_plain(const std::string& text) {
  if (text.empty() || text[0] == '-' || text[0] == '.' || !std::all_of(text.begin(), text.end(), plain_character)) return false;
  YamlNode probe;
  probe.text = text;
  return resolve(probe).type == Scalar::Type::kString;
}

// A literal block keeps lines as they are; it cannot hold control characters, nor begin with a space or an empty line.
bool may_stand_as_block(const std::string& text) {
  if (text.find('\n') == std::string::npos || text[0] == ' ' || text[0] == '\n' || text[0] == '\t') return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t'; }) &&
         text.find('\x7f') == std::string::npos && text.find("\xc2\x85") == std::string::npos &&
         text.find("\xe2\x80\xa8") == std::string::npos && text.find("\xe2\x80\xa9") == std::string::npos &&
         text.find("\xef\xbb\xbf") == std::string::npos;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else out += c;
  }
  // Line separators and the byte-order mark would be folded or dropped by a reader.
  for (const auto& [raw, escape] : {std::pair<std::string, const char*>{"\xc2\x85", "\\x85"},
                                    {"\xe2\x80\xa8", "\\L"},
                                    {"\xe2\x80\xa9", "\\P"},
                                    {"\xef\xbb\xbf", "\\ufeff"}})
    for (auto at = out.find(raw); at != std::string::npos; at = out.find(raw, at)) out.replace(at, raw.size(), escape);
  return out + "\"";
}

std::string block(const std::string& text, std::size_t indent) {
  std::size_t end = text.find_last_not_of('\n');
  const std::size_t newlines = text.size() - (end + 1);
  std::string out = newlines == 0 ? "|-" : newlines == 1 ? "|" : "|+";
  std::size_t at = 0;
  const std::size_t stop = newlines == 0 ? text.size() : text.size() - 1;
  while (at <= stop) {
    auto next = std::min(text.find('\n', at), stop);
    const std::string_view line = std::string_view(text).substr(at, next - at);
    out += '\n';
    if (!line.empty()) out += std::string(indent, ' ') + std::string(line);
    at = next + 1;
  }
  return out;
}

std::string scalar(const YamlNode& node, std::size_t indent) {
  if (node.plain) return node.text.empty() ? "null" : node.text;
  if (may_stand_plain(node.text)) return node.text;
  if (indent > 0 && may_stand_as_block(node.text)) return block(node.text, indent);
  return quoted(node.text);
}

void write(const YamlNode& node, std::size_t indent, std::string& out);

// What follows "key:" or "-": on the same line for scalars and empty collections, below it otherwise.
void write_value(const YamlNode& value, std::size_t indent, std::string& out) {
  if (value.kind == YamlNode::Kind::kScalar) out += " " + scalar(value, indent + 2) + "\n";
  else if (value.items.empty() && value.fields.empty()) out += value.kind == YamlNode::Kind::kMap ? " {}\n" : " []\n";
  else {
    out += "\n";
    write(value, indent + 2, out);
  }
}

void write(const YamlNode& node, std::size_t indent, std::string& out) {
  const std::string lead(indent, ' ');
  for (const auto& field : node.fields) {
    out += lead + scalar(field.key, 0) + ":";
    write_value(field.value, indent, out);
  }
  for (const auto& item : node.items) {
    out += lead + "-";
    write_value(item, indent, out);
  }
}

}  // namespace

std::string write_yaml(const YamlNode& node) {
  std::string out;
  if (node.kind == YamlNode::Kind::kScalar) return scalar(node, 0) + "\n";
  if (node.items.empty() && node.fields.empty()) return node.kind == YamlNode::Kind::kMap ? "{}\n" : "[]\n";
  write(node, 0, out);
  return out;
}

}  // namespace isobar
