#pragma once

/// The command line for clang.

#include <string>
#include <vector>

#include "invocation.h"
#include "toolchain.h"

namespace isobar::fuzz {

/// What the plugin is told besides the names of the domains; made once per run of the wrapper.
struct PluginText {
  std::string changed;      ///< FILE:FIRST-LAST;…, or @FILE
  std::string own_domains;  ///< definitions, one file's text after the other's
};

/// The whole command, the program first.
std::vector<std::string> clang_command(const Invocation& invocation, const Toolchain& toolchain, const PluginText& text);

}  // namespace isobar::fuzz
