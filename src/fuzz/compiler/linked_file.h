#pragma once

/// What the sections of an object, library or program tell about its instrumentation.

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "base/result.h"

namespace isobar::fuzz {

struct LinkedFile {
  uint64_t blocks = 0;            ///< counters of blocks
  std::set<std::string> domains;  ///< each list of domains that an object of it was compiled for: "cmp,mem,own:probes"
  std::set<std::string> matched;  ///< own domains that have a place somewhere
};

/// Reads an ELF file of 64 bits, or each one in an archive. Errors  kInvalidArgument: it is none, or is cut off.
Result<LinkedFile> read_linked_file(const std::filesystem::path& path);

}  // namespace isobar::fuzz
