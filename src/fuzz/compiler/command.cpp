#include "command.h"

#include "base/text.h"

namespace isobar::fuzz {
namespace {

std::string hexadecimal(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4], text += kDigits[byte & 15];
  }
  return text;
}

void tell_plugin(std::vector<std::string>& command, const std::string& option, const std::string& value) {
  if (value.empty()) return;
  command.emplace_back("-mllvm");
  command.push_back("-isobar-" + option + "=" + value);
}

// Loaded twice by name, once by the loader: -load makes its options known before they are read, -fpass-plugin its pass.
void add_plugin(std::vector<std::string>& command, const Invocation& invocation, const Toolchain& toolchain, const PluginText& text) {
  const std::string plugin = toolchain.plugin.string();
  for (const std::string& argument :
       {std::string("-Xclang"), std::string("-load"), std::string("-Xclang"), plugin, "-fpass-plugin=" + plugin})
    command.push_back(argument);
  tell_plugin(command, "domains", join(invocation.own.domains, ","));
  tell_plugin(command, "allocators", join(invocation.own.allocators, ","));
  tell_plugin(command, "changed", text.changed);
  tell_plugin(command, "own-domains", hexadecimal(text.own_domains));
  if (invocation.own.list_sites) tell_plugin(command, "list-sites", "true");
}

// The whole runtime, as libraries that the program opens later want hooks that it does not use itself. To the linker alone: after -x c, the
// compiler would take the archives for sources.
void add_runtime(std::vector<std::string>& command, const Toolchain& toolchain) {
  std::vector<std::string> linked = {"--whole-archive", toolchain.runtime.string(), "--no-whole-archive"};
  if (!toolchain.main.empty()) linked.push_back(toolchain.main.string());
  for (const std::string& argument : linked) {
    command.emplace_back("-Xlinker");
    command.push_back(argument);
  }
  command.emplace_back("-Wl,--export-dynamic-symbol=__isobar_fuzz_*");
  command.emplace_back("-Wl,--export-dynamic-symbol=isobar_fuzz_*");
  for (const char* library : {"-lpthread", "-ldl", "-lm"}) command.emplace_back(library);
}

}  // namespace

std::vector<std::string> clang_command(const Invocation& invocation, const Toolchain& toolchain, const PluginText& text) {
  std::vector<std::string> command;
  if (!invocation.own.launcher.empty()) command.push_back(invocation.own.launcher);
  command.push_back(toolchain.clang.string());
  if (invocation.has_sources) {
    // Before the user's own, so that these count.
    if (!invocation.has_debug_option) command.emplace_back("-gline-tables-only");
    add_plugin(command, invocation, toolchain, text);
  }
  command.insert(command.end(), invocation.passed.begin(), invocation.passed.end());
  if (invocation.has_sources) {
    command.emplace_back("-D__ISOBAR_FUZZ__=1");
    for (const char* folder : {"", "/isobar"}) {
      command.emplace_back("-idirafter");
      command.push_back(toolchain.include.string() + folder);
    }
  }
  if (invocation.links && !invocation.shared) add_runtime(command, toolchain);
  return command;
}

}  // namespace isobar::fuzz
