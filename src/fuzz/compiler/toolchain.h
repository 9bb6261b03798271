#pragma once

/// The compiler, and what the wrapper brings along: the plugin made for that compiler, the runtime, the headers. They lie beside the
/// wrapper, in a build as when installed: PREFIX/bin/isobar-cc, PREFIX/lib/isobar/fuzz/*, PREFIX/include/isobar/*.

#include <filesystem>
#include <string>

#include "base/result.h"

namespace isobar::fuzz {

struct Toolchain {
  std::filesystem::path clang;
  std::filesystem::path plugin;
  std::filesystem::path runtime;  ///< libisobar_fuzz_target.a
  std::filesystem::path main;     ///< libisobar_fuzz_main.a: a main for harnesses that have none; empty: none is there
  std::filesystem::path include;
};

/// Finds them. `wanted` names a clang; empty: the newest of 19, 16 and 14 that is there together with its plugin.
/// `search` is PATH. Errors  kNotFound: no clang, no plugin for it, or no runtime; the message says what to install.
Result<Toolchain> find_toolchain(const std::filesystem::path& wrapper, bool cplusplus, const std::string& wanted, std::string_view search);

}  // namespace isobar::fuzz
