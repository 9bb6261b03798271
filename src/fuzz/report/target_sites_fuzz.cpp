// Any bytes as a target's list of places.

#include "fuzz/sites.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::fuzz;
  static const TargetShape shape{
      .blocks = 16, .slots = 9, .valid = false, .diff = false, .domains = {{"mem", 1, 8, Reducer::kMax, 0, true}}};
  const auto table = SiteTable::parse({reinterpret_cast<const char*>(data), size}, shape);
  if (!table.ok()) return 0;
  for (std::uint32_t key = 0; key < 20; ++key)
    for (const Goal goal : {kCoverage, kFirstDomain}) table->name(shape, goal, key);
  return 0;
}
