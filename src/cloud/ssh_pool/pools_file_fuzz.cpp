#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pools_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto pools = isobar::cloud::parse_pools({reinterpret_cast<const char*>(data), size}, "pools.yaml", "/home/ada");
  if (!pools.ok()) return 0;
  for (const auto& pool : *pools)
    // What ssh is given as a word is never an option.
    for (const auto& host : pool.hosts)
      if (host.target.host.empty() || host.target.host.front() == '-') __builtin_trap();
  return 0;
}
