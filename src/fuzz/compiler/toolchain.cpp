#include "toolchain.h"

#include <array>
#include <cstdio>
#include <optional>

#include "base/text.h"

namespace isobar::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::array<int, 3> kVersions = {19, 16, 14};
constexpr std::string_view kInstall = "apt-get install clang-19 libclang-rt-19-dev";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::optional<fs::path> in_path(const std::string& program, std::string_view search) {
  if (program.find('/') != std::string::npos) return is_there(program) ? std::optional<fs::path>(program) : std::nullopt;
  while (!search.empty()) {
    const size_t end = search.find(':');
    const fs::path candidate = fs::path(search.substr(0, end)) / program;
    if (is_there(candidate)) return candidate;
    if (end == std::string_view::npos) break;
    search.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::optional<fs::path> clang_of(int version, bool cplusplus, std::string_view search) {
  const std::string name = cplusplus ? "clang++" : "clang";
  if (auto found = in_path(name + "-" + std::to_string(version), search)) return found;
  const fs::path beside = "/usr/lib/llvm-" + std::to_string(version) + "/bin/" + name;
  return is_there(beside) ? std::optional(beside) : std::nullopt;
}

fs::path plugin_of(int version, const fs::path& library) { return library / ("libisobar_fuzz_plugin_" + std::to_string(version) + ".so"); }

// "Debian clang version 19.1.7 (3~deb12u1)" → 19.
std::optional<int> version_in(std::string_view text) {
  const size_t at = text.find("clang version ");
  if (at == std::string_view::npos) return std::nullopt;
  return std::atoi(std::string(text.substr(at + 14, 8)).c_str());
}

std::optional<int> ask_version(const fs::path& clang) {
  FILE* pipe = popen((shell_quote(clang.string()) + " --version 2>/dev/null").c_str(), "re");
  if (pipe == nullptr) return std::nullopt;
  char text[256];
  const size_t length = fread(text, 1, sizeof text, pipe);
  pclose(pipe);
  return version_in(std::string_view(text, length));
}

// /usr/bin/clang-19 leads to /usr/lib/llvm-19/bin/clang; other installations are asked.
std::optional<int> version_of(const fs::path& clang) {
  std::error_code ignored;
  const std::string real = fs::canonical(clang, ignored).string();
  for (int version : kVersions)
    if (real.find("/llvm-" + std::to_string(version) + "/") != std::string::npos) return version;
  return ask_version(clang);
}

Error no_plugin(const std::string& clang, const fs::path& library) {
  return not_found("there is no plugin for " + clang + " in " + library.string() +
                   ": it is built by `./dev fuzz-tools` in isobar's sources, for each of LLVM 19, 16 and 14 whose llvm-N-dev is installed");
}

Result<Toolchain> chosen(const std::string& wanted, const fs::path& library, std::string_view search) {
  const auto clang = in_path(wanted, search);
  if (!clang) return not_found("there is no " + wanted + ". " + std::string(kInstall) + " brings one that isobar finds by itself");
  const auto version = version_of(*clang);
  if (!version) return not_found(wanted + " does not say that it is clang");
  const fs::path plugin = plugin_of(*version, library);
  if (!is_there(plugin)) return no_plugin("clang " + std::to_string(*version), library);
  return Toolchain{*clang, plugin, {}, {}, {}};
}

Result<Toolchain> newest(bool cplusplus, const fs::path& library, std::string_view search) {
  std::string without_plugin;
  for (int version : kVersions) {
    const auto clang = clang_of(version, cplusplus, search);
    if (!clang) continue;
    const fs::path plugin = plugin_of(version, library);
    if (is_there(plugin)) return Toolchain{*clang, plugin, {}, {}, {}};
    if (without_plugin.empty()) without_plugin = "clang " + std::to_string(version);
  }
  if (!without_plugin.empty()) return no_plugin(without_plugin, library);
  return not_found("there is no clang 19, 16 or 14: " + std::string(kInstall) + ", or say where it is by --clang or ISOBAR_CC_CLANG");
}

}  // namespace

Result<Toolchain> find_toolchain(const fs::path& wrapper, bool cplusplus, const std::string& wanted, std::string_view search) {
  const fs::path prefix = wrapper.parent_path().parent_path();
  const fs::path library = prefix / "lib/isobar/fuzz";
  TRY_ASSIGN(Toolchain toolchain, wanted.empty() ? newest(cplusplus, library, search) : chosen(wanted, library, search));
  toolchain.runtime = library / "libisobar_fuzz_target.a";
  if (!is_there(toolchain.runtime)) return not_found("there is no " + toolchain.runtime.string() + ": this copy of isobar-cc is not whole");
  if (is_there(library / "libisobar_fuzz_main.a")) toolchain.main = library / "libisobar_fuzz_main.a";
  toolchain.include = prefix / "include";
  return toolchain;
}

}  // namespace isobar::fuzz
