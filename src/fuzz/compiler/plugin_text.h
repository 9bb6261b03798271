#pragma once

/// What the plugin is told besides the names of domains.

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "invocation.h"

namespace isobar::fuzz {

struct PluginText {
  std::string changed;      ///< FILE:FIRST-LAST;…, or @FILE with a line for each
  std::string own_domains;  ///< definitions, one file's text after the other's
};

/// Reads the files of own domains and asks git what changed, in the repository of the first source.
/// Errors  kInvalidArgument: FILE:LINE:COLUMN and what is wrong there; git's refusal; a range without a changed line. kNotFound: no such
/// file.
Result<PluginText> plugin_text(const Invocation& invocation);

/// The lines that a diff without context (git diff -U0) has on its new side; where lines were only taken out, those around the place.
/// As PluginText has them: "lib/a.c:3-5;lib/b.c:7-8".
std::string changed_lines_of(std::string_view diff);

}  // namespace isobar::fuzz
