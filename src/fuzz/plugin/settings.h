#pragma once

/// What the compiler is asked to instrument for, from -mllvm -isobar-… options: on the command line of the compiler itself, so that a cache
/// of compilations sees them.

#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/domain_text.h"

namespace isobar::fuzz {

/// A function of the program's own that gives memory: `size` is the argument that says how many bytes; with `count`, times that argument.
struct Allocator {
  std::string name;
  int size;
  int count;  ///< -1: none
};

/// Lines [first, last] of a file, named as far as is known: "lib/inflate.c" is the end of any path to it.
struct ChangedLines {
  std::string file;
  uint32_t first, last;
};

struct Settings {
  bool slow = false, perf = false, mem = false, cmp = false, valid = false, diff = false;
  bool stack = false, recursion = false, loops = false, lock = false, io = false, log = false;
  std::vector<Allocator> allocators;
  std::vector<ChangedLines> changed;
  std::string own_domains;  ///< the text of domains as domain_text.h reads it
  bool list_sites = false;  ///< print the number of sites per module and domain

  bool counts() const { return slow || perf; }
};

/// Reads the options. What cannot be read ends the compiler with a sentence: the wrapper has checked them before.
Settings settings_of_command_line();

/// "cmp,mem,own:probes": the domains in alphabetical order, then those of the user; "-" when there are none. Objects of one program must
/// agree about it.
std::string name_of_domains(const Settings& settings, const std::vector<OwnDomain>& own);

}  // namespace isobar::fuzz
