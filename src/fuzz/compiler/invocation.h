#pragma once

/// What the wrapper was asked: its own options, taken out of a compiler's command line, and what the rest of it means to do.

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::fuzz {

/// The options that are isobar-cc's own.
struct CompilerOptions {
  std::vector<std::string> domains;      ///< --domains, in the order given
  std::vector<std::string> own_domains;  ///< --domain-file, paths
  std::vector<std::string> allocators;   ///< --allocator NAME:ARGUMENT[:COUNT]
  std::string diff;                      ///< --diff, a range of git's
  std::string clang;                     ///< --clang, a program
  std::string launcher;                  ///< --launcher, a program that runs the compiler: ccache
  bool help = false, version = false, list_sites = false, uninstrumented = false;
};

struct Invocation {
  CompilerOptions own;
  std::vector<std::string> passed;   ///< what goes to clang, in order
  std::vector<std::string> objects;  ///< object files and archives among the inputs
  std::string source;                ///< the first that is a file of its own; empty: none
  std::string output = "a.out";
  bool has_inputs = false, has_sources = false, links = false, shared = false, relocatable = false;
  bool has_debug_option = false;
};

/// The domains that --domains knows, in the order in which messages name them.
std::span<const std::string_view> domain_names();

/// Reads a command line (without the program's name), response files included; ISOBAR_CC_DOMAINS, ISOBAR_CC_DOMAIN_FILE,
/// ISOBAR_CC_ALLOCATORS, ISOBAR_CC_DIFF, ISOBAR_CC_CLANG and ISOBAR_CC_LAUNCHER stand in for options that it lacks, for build systems that
/// pass none on. What existing builds say for libFuzzer is understood: fuzzer and fuzzer-no-link are taken out of -fsanitize=,
/// -fsanitize-coverage= is dropped. Errors  kInvalidArgument: an own option that cannot be; the message says what can.
Result<Invocation> read_invocation(std::span<const std::string> arguments,
                                   const std::function<std::optional<std::string>(const char*)>& environment);

}  // namespace isobar::fuzz
