// Files of machines, and what an emulated network says of itself.

#include <cstdint>

#include "base/check.h"
#include "transfer/gateway_sites.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto sites = isobar::transfer::parse_sites(text, "sites.yaml"); sites.ok())
    for (const auto& site : *sites) CHECK(!site.address.empty() || !site.address_from.empty(), site.region);
  std::string scenario;
  [[maybe_unused]] const auto emulated = isobar::transfer::parse_testbed_sites(text, scenario);
  return 0;
}
