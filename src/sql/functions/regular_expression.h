#pragma once

/// PostgreSQL's advanced regular expressions on RE2.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sql/error.h"

namespace re2 {
class RE2;
}

namespace isobar::sql {

struct RegexFlags {
  bool ignore_case = false, newline_stops = false, newline_anchors = false, literal = false, extended = false, global = false;
};
/// Errors   22023 invalid regular expression option
SqlResult<RegexFlags> parse_regex_flags(std::string_view flags);

/// Matches in time that grows with the text's length alone.
class Regex {
 public:
  /// A few of those last used by this thread are kept. Errors   2201B; 0A000: back references, look-around
  static SqlResult<std::shared_ptr<const Regex>> compile(std::string_view pattern, const RegexFlags& flags);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  bool matches(std::string_view text) const;
  /// The first match from a byte on: the whole, then each group; of a group that took no part data() is null. False: there is none
  bool find(std::string_view text, std::size_t from, std::vector<std::string_view>& groups) const;
  std::size_t groups() const { return groups_; }

 private:
  Regex();
  std::unique_ptr<re2::RE2> matcher_;
  std::size_t groups_ = 0;
};

/// A pattern of SIMILAR TO as a regular expression. Errors   22025, 2201B
SqlResult<std::string> similar_to_regex(std::string_view pattern, std::string_view escape);

}  // namespace isobar::sql
