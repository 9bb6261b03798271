// Any bytes as stored aggregates and champions of a target of some blocks and domains: no crash, and nothing outside the target is
// believed.

#include "fuzz/aggregates.h"
#include "fuzz/champions.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::fuzz;
  static const TargetShape shape{.blocks = 16,
                                 .slots = 9,
                                 .valid = true,
                                 .diff = false,
                                 .domains = {{"max", 1, 4, Reducer::kMax}, {"min", 5, 4, Reducer::kMin, UINT64_MAX}}};
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto read = Aggregates::decode(shape, bytes); read.ok()) {
    const auto again = Aggregates::decode(shape, read->encode());
    if (!again.ok() || again->encode() != read->encode()) __builtin_trap();
  }
  if (const auto read = Champions::decode(shape, bytes, 3); read.ok())
    for (Goal goal = 0; goal < goals_of(shape); ++goal)
      for (const EntryId holder : read->holders(goal))
        if (holder >= 3) __builtin_trap();
  return 0;
}
