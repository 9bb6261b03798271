#include "glob.h"

#include <cstddef>

namespace isobar::features {

namespace {

/// Whether a class, whose '[' is behind us, has the byte; `pattern` is moved behind its ']'.
bool class_has(std::string_view& pattern, unsigned char byte) {
  const bool negated = pattern.starts_with('^');
  if (negated) pattern.remove_prefix(1);
  bool found = false;
  while (!pattern.empty() && pattern.front() != ']') {
    if (pattern.front() == '\\' && pattern.size() > 1) pattern.remove_prefix(1);
    auto low = static_cast<unsigned char>(pattern.front());
    auto high = low;
    pattern.remove_prefix(1);
    if (pattern.size() > 1 && pattern[0] == '-' && pattern[1] != ']') {
      high = static_cast<unsigned char>(pattern[1]);
      pattern.remove_prefix(2);
    }
    if (low > high) std::swap(low, high);
    found = found || (low <= byte && byte <= high);
  }
  if (!pattern.empty()) pattern.remove_prefix(1);
  return found != negated;
}

/// Whether what the pattern begins with, which is not *, has the byte; `pattern` is moved behind it.
bool one_matches(std::string_view& pattern, char byte) {
  const char first = pattern.front();
  pattern.remove_prefix(1);
  if (first == '?') return true;
  if (first == '[') return class_has(pattern, static_cast<unsigned char>(byte));
  if (first != '\\' || pattern.empty()) return first == byte;
  const char meant = pattern.front();
  pattern.remove_prefix(1);
  return meant == byte;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  // Where the last * was met: it takes one byte more each time that what follows does not match.
  std::string_view after_star, star_text;
  bool star = false;
  while (!text.empty()) {
    if (!pattern.empty() && pattern.front() == '*') {
      pattern.remove_prefix(1);
      after_star = pattern;
      star_text = text;
      star = true;
      continue;
    }
    if (!pattern.empty() && one_matches(pattern, text.front())) {
      text.remove_prefix(1);
      continue;
    }
    if (!star) return false;
    star_text.remove_prefix(1);
    text = star_text;
    pattern = after_star;
  }
  while (pattern.starts_with('*')) pattern.remove_prefix(1);
  return pattern.empty();
}

}  // namespace isobar::features
