// Ignore rules as git reads them (gitignore(5)). The semantics that implementations most often miss: trailing spaces
// count only when escaped; a pattern with a slash inside is anchored to its file's folder; `**` crosses folders only as
// a whole path component; a later pattern overrides an earlier one; and what lies in an ignored folder cannot be brought
// back, because git never looks inside.

#include "ignore_rules.h"

#include <fmt/format.h>

#include "base/text.h"

namespace isobar::broker {

namespace {

// Trailing spaces are dropped unless a backslash stands before them.
std::string_view without_trailing_spaces(std::string_view line) {
  while (!line.empty() && line.back() == ' ') {
    std::size_t backslashes = 0;
    while (backslashes + 1 < line.size() && line[line.size() - 2 - backslashes] == '\\') ++backslashes;
    if (backslashes % 2 == 1) break;
    line.remove_suffix(1);
  }
  return line;
}

// One "[…]" against `c`. On return `at` is past the closing bracket; false also for an unclosed one.
bool match_class(std::string_view pattern, std::size_t& at, char c) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  bool matched = false, first = true;
  for (; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
    if (pattern[i] == '[' && i + 1 < pattern.size() && pattern[i + 1] == ':') {
      const auto end = pattern.find(":]", i + 2);
      if (end == std::string_view::npos) return false;
      const auto name = pattern.substr(i + 2, end - i - 2);
      const auto u = static_cast<unsigned char>(c);
      matched |= (name == "alpha" && std::isalpha(u)) || (name == "digit" && std::isdigit(u)) || (name == "alnum" && std::isalnum(u)) ||
                 (name == "upper" && std::isupper(u)) || (name == "lower" && std::islower(u)) || (name == "space" && std::isspace(u)) ||
                 (name == "punct" && std::ispunct(u)) || (name == "xdigit" && std::isxdigit(u));
      i = end + 2;
      continue;
    }
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    const char low = pattern[i++];
    char high = low;
    if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
      high = pattern[i + 1];
      if (high == '\\' && i + 2 < pattern.size()) high = pattern[++i + 1];
      i += 2;
    }
    matched |= low <= c && c <= high;
  }
  if (i >= pattern.size()) return false;
  at = i + 1;
  return matched != negated;
}

// budget  bounds the backtracking of many stars, which would otherwise be exponential on hostile patterns
bool match(std::string_view pattern, std::string_view path, bool at_component_start, std::size_t& budget) {
  if (budget == 0) return false;
  --budget;
  std::size_t p = 0, t = 0;
  while (p < pattern.size()) {
    if (pattern[p] == '*') {
      const bool doubled = p + 1 < pattern.size() && pattern[p + 1] == '*';
      std::size_t after = p;
      while (after < pattern.size() && pattern[after] == '*') ++after;
      const bool whole = doubled && at_component_start && (after == pattern.size() || pattern[after] == '/');
      if (whole && after == pattern.size()) return true;
      if (whole) {
        // "**/" matches nothing, or any number of whole components.
        const auto rest = pattern.substr(after + 1);
        for (std::size_t from = t;; ++from) {
          if (match(rest, path.substr(from), true, budget)) return true;
          from = path.find('/', from);
          if (from == std::string_view::npos) return false;
        }
      }
      const auto rest = pattern.substr(after);
      for (std::size_t to = t;; ++to) {
        if (match(rest, path.substr(to), false, budget)) return true;
        if (to == path.size() || path[to] == '/') return false;
      }
    }
    if (t == path.size()) return false;
    if (pattern[p] == '?') {
      if (path[t] == '/') return false;
      ++p;
    } else if (pattern[p] == '[') {
      if (path[t] == '/' || !match_class(pattern, p, path[t])) return false;
    } else {
      if (pattern[p] == '\\' && p + 1 < pattern.size()) ++p;
      if (pattern[p] != path[t]) return false;
      ++p;
    }
    at_component_start = path[t] == '/';
    ++t;
  }
  return t == path.size();
}

}  // namespace

bool wild_match(std::string_view pattern, std::string_view path) {
  std::size_t budget = 100'000;
  return match(pattern, path, true, budget);
}

std::vector<IgnorePattern> parse_ignore_file(std::string_view text, const std::string& file_name) {
  std::vector<IgnorePattern> patterns;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = without_trailing_spaces(line);
    if (line.empty() || line[0] == '#') continue;
    IgnorePattern pattern;
    pattern.shown = fmt::format("pattern '{}' of {}:{}", line, file_name, number);
    if (line[0] == '!') pattern.negated = true, line.remove_prefix(1);
    if (line.ends_with('/')) pattern.folders_only = true, line.remove_suffix(1);
    pattern.anchored = line.find('/') != std::string_view::npos;
    if (line.starts_with('/')) line.remove_prefix(1);
    if (line.empty()) continue;
    pattern.text = std::string(line);
    patterns.push_back(std::move(pattern));
  }
  return patterns;
}

const IgnorePattern* deciding_pattern(const std::vector<IgnorePattern>& patterns, std::string_view path, bool is_folder) {
  const auto slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  for (auto pattern = patterns.rbegin(); pattern != patterns.rend(); ++pattern) {
    if (pattern->folders_only && !is_folder) continue;
    if (wild_match(pattern->text, pattern->anchored ? path : name)) return &*pattern;
  }
  return nullptr;
}

}  // namespace isobar::broker
