#pragma once

/// Patterns over keys: `*` any bytes but '/', `**` any bytes, `?` one byte but '/', `[a-z]` and `[!a-z]` one of a set, `\x` the
/// character x itself.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::transfer {

bool has_wildcard(std::string_view text);

/// Cost O(pattern · text).
bool glob_matches(std::string_view pattern, std::string_view text);

/// What comes before the first wildcard, unescaped: no other key can match.
std::string literal_prefix(std::string_view pattern);

/// Which keys take part. The last rule that matches a key decides. Where the first rule includes, keys that match no rule are left
/// out; where it excludes, or there is none, they take part. A pattern without a slash is compared with the key's last component.
struct Filter {
  struct Rule {
    bool include;
    std::string pattern;
  };
  std::vector<Rule> rules;
  bool takes(std::string_view key) const;
};

}  // namespace isobar::transfer
