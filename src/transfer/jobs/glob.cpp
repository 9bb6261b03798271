#include "transfer/glob.h"

#include <optional>

namespace isobar::transfer {

namespace {

// Whether `c` is in the set that opens `pattern` ("[...]"), and how long the set's text is; none: it is no set.
std::optional<std::pair<bool, std::size_t>> in_set(std::string_view pattern, char c) {
  std::size_t at = 1;
  const bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (negated) ++at;
  bool found = false;
  for (bool first = true; at < pattern.size() && (first || pattern[at] != ']'); first = false) {
    const unsigned char low = static_cast<unsigned char>(pattern[at]);
    unsigned char high = low;
    if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
      high = static_cast<unsigned char>(pattern[at + 2]);
      at += 2;
    }
    ++at;
    const auto byte = static_cast<unsigned char>(c);
    found = found || (low <= byte && byte <= high);
  }
  if (at >= pattern.size()) return std::nullopt;
  return std::pair(found != negated && c != '/', at + 1);
}

}  // namespace

bool has_wildcard(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

// Backtracks to the last star alone: an earlier one can give nothing that a later one cannot. With two kinds of star, the last of each
// is remembered, since `**` may swallow what `*` must stop at.
bool glob_matches(std::string_view pattern, std::string_view text) {
  struct Star {
    std::size_t pattern = 0, text = 0;
    bool set = false;
  } star, double_star;
  std::size_t p = 0, t = 0;
  for (;;) {
    bool good = false;
    if (p < pattern.size() && pattern[p] == '*') {
      const bool twice = pattern.substr(p, 2) == "**";
      p += twice ? 2 : 1;
      (twice ? double_star : star) = {p, t, true};
      if (twice) star.set = false;
      continue;
    }
    if (t == text.size() && p == pattern.size()) return true;
    if (p < pattern.size() && t < text.size()) {
      std::size_t length = 1;
      if (pattern[p] == '?') {
        good = text[t] != '/';
      } else if (pattern[p] == '[') {
        const auto set = in_set(pattern.substr(p), text[t]);
        good = set ? set->first : text[t] == '[';
        if (set) length = set->second;
      } else if (pattern[p] == '\\' && p + 1 < pattern.size()) {
        good = pattern[p + 1] == text[t];
        length = 2;
      } else {
        good = pattern[p] == text[t];
      }
      if (good) {
        p += length;
        ++t;
        continue;
      }
    }
    if (star.set && star.text < text.size() && text[star.text] != '/') {
      p = star.pattern;
      t = ++star.text;
    } else if (double_star.set && double_star.text < text.size()) {
      star.set = false;
      p = double_star.pattern;
      t = ++double_star.text;
    } else {
      return false;
    }
  }
}

std::string literal_prefix(std::string_view pattern) {
  std::string prefix;
  for (std::size_t i = 0; i < pattern.size() && std::string_view("*?[").find(pattern[i]) == std::string_view::npos; ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    prefix += pattern[i];
  }
  return prefix;
}

bool Filter::takes(std::string_view key) const {
  bool taken = rules.empty() || !rules.front().include;
  for (const auto& rule : rules) {
    const bool whole = rule.pattern.find('/') != std::string::npos || rule.pattern.find("**") != std::string::npos;
    const std::string_view compared = whole ? key : key.substr(key.rfind('/') + 1);
    std::string_view pattern = rule.pattern;
    if (whole && pattern.starts_with('/')) pattern.remove_prefix(1);
    if (glob_matches(pattern, compared)) taken = rule.include;
  }
  return taken;
}

}  // namespace isobar::transfer
