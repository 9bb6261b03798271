// What Google Cloud Storage may answer: objects, listings, steps of a copy, errors in both of its languages.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "gcs_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::storage::gcs;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto head = parse_object(text); head.ok()) CHECK(!head->info.key.empty());
  (void)parse_list(text);
  (void)parse_buckets(text);
  if (const auto step = parse_rewrite(text); step.ok()) CHECK(step->written || !step->token.empty());
  (void)code_of(parse_error(text), 400);
  return 0;
}
