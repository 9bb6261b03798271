#pragma once

// The pattern language of .gitignore.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isobar::broker {

/// One line of an ignore file, in the folder that it holds for.
struct IgnorePattern {
  std::string text;      ///< without '!', leading and trailing '/'
  bool negated = false;  ///< '!': what matches is sent after all
  bool folders_only = false;
  bool anchored = false;  ///< holds a '/' that is not at its end: matches from the folder of the file only
  std::string shown;      ///< as written, and where: "pattern '*.log' of .gitignore:3"
};

/// The patterns of one ignore file. file_name  for messages
std::vector<IgnorePattern> parse_ignore_file(std::string_view text, const std::string& file_name);

/// Whether git's wildmatch matches: '*' and '?' stop at '/', '**' crosses it, '[a-z]' and '\x' as in a shell.
bool wild_match(std::string_view pattern, std::string_view path);

/// The last pattern that matches decides; nullptr when none does.
/// path  relative to the folder of the ignore file, without a trailing '/'
const IgnorePattern* deciding_pattern(const std::vector<IgnorePattern>& patterns, std::string_view path, bool is_folder);

}  // namespace isobar::broker
