#pragma once

/// The command line for clang.

#include <string>
#include <vector>

#include "invocation.h"
#include "plugin_text.h"
#include "toolchain.h"

namespace isobar::fuzz {

/// The whole command, the program first.
std::vector<std::string> clang_command(const Invocation& invocation, const Toolchain& toolchain, const PluginText& text);

}  // namespace isobar::fuzz
