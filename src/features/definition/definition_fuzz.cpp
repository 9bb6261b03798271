// Any bytes as a definition: it is refused with a message, or its canonical form is read back to the same, and is no change of it.

#include <cstddef>
#include <cstdint>

#include "features/definition_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::features;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto definition = parse_definition(text, "fuzz.yaml");
  if (!definition.ok()) return 0;
  const std::string canonical = canonical_text(*definition);
  const auto again = parse_definition(canonical, "again.yaml");
  CHECK(again.ok(), canonical, again.ok() ? "" : again.error().message());
  CHECK(canonical_text(*again) == canonical, canonical);
  const auto plan = plan_definition(&*definition, *again, "again.yaml");
  CHECK(plan.ok() && plan->changes.empty(), canonical);
  return 0;
}
