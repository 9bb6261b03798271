// Question: can any bytes make the reader of scenarios crash, or take a network that cannot be set up or planned over?

#include <cstdint>

#include "layout.h"
#include "transfer/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::transfer;
  const auto scenario = parse_scenario({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
  if (!scenario.ok()) return 0;
  CHECK(scenario->regions.size() <= kSitesMax && scenario->links.size() <= kLinksMax);
  for (const auto& link : scenario->links) CHECK(link.from < scenario->regions.size() && link.to < scenario->regions.size());
  for (const auto& event : scenario->events)
    CHECK(event.kind == ScenarioEvent::Kind::kKill ? event.region < scenario->regions.size() : event.link < scenario->links.size());
  CHECK(lay_out(*scenario, 1, 0).sites.size() == scenario->regions.size());
  CHECK(scenario_grid(*scenario).regions.size() == scenario->regions.size());
  static_cast<void>(scenario_prices(*scenario));
  return 0;
}
