// Variables of a task inside its own file_mounts, workdir, volumes and service. They are put into the parsed tree, never
// into the text of the file: a value with a colon, a quote or a newline stays one value.

#include <fmt/format.h>

#include <algorithm>

#include "readers.h"

namespace isobar::broker {

namespace {

bool name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool name_part(char c) { return name_start(c) || (c >= '0' && c <= '9'); }

// The name after the dollar at `at`, and the length of the whole reference; an empty name for no reference.
std::pair<std::string, std::size_t> reference_at(const std::string& text, std::size_t at) {
  const bool braced = at + 1 < text.size() && text[at + 1] == '{';
  const std::size_t start = at + (braced ? 2 : 1);
  std::size_t end = start;
  while (end < text.size() && (end == start ? name_start(text[end]) : name_part(text[end]))) ++end;
  if (end == start || (braced && (end == text.size() || text[end] != '}'))) return {"", 0};
  return {text.substr(start, end - start), end - at + (braced ? 1 : 0)};
}

struct Context {
  const std::map<std::string, std::string>& values;
  const std::vector<std::string>& forbidden;
  Problems& problems;
};

std::string expand(const std::string& text, YamlMark mark, const std::string& path, const Context& context) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '$') {
      out += text[at++];
      continue;
    }
    if (at + 1 < text.size() && text[at + 1] == '$') {
      out += '$';
      at += 2;
      continue;
    }
    const auto [name, length] = reference_at(text, at);
    const auto value = context.values.find(name);
    if (std::find(context.forbidden.begin(), context.forbidden.end(), name) != context.forbidden.end())
      context.problems.add(mark, path, fmt::format("the secret {} may not be used here; only setup and run see secrets", name));
    if (length > 0 && value != context.values.end()) out += value->second;
    else out += text.substr(at, std::max<std::size_t>(length, 1));
    at += std::max<std::size_t>(length, 1);
  }
  return out;
}

void walk(YamlNode& node, const std::string& path, const Context& context) {
  if (node.kind == YamlNode::Kind::kScalar && node.text.find('$') != std::string::npos) {
    node.text = expand(node.text, node.mark, path, context);
    node.plain = false;
  }
  for (auto& field : node.fields) {
    walk(field.key, path, context);
    walk(field.value, fmt::format("{}.{}", path, field.key.text), context);
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) walk(node.items[i], fmt::format("{}[{}]", path, i), context);
}

}  // namespace

void substitute(YamlNode& node, const std::map<std::string, std::string>& values, const std::vector<std::string>& forbidden,
                const std::string& path, Problems& problems) {
  walk(node, path, {values, forbidden, problems});
}

}  // namespace isobar::broker
