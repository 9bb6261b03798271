// Question: can any bytes make the reader of gateway programs crash, hang, or take what it would not write?

#include <cstdint>

#include "base/check.h"
#include "transfer/program.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::transfer;
  const auto programs = parse_programs({reinterpret_cast<const char*>(data), size});
  if (!programs.ok()) return 0;
  const auto again = parse_programs(programs_json(*programs));
  CHECK(again.ok() && *again == *programs);
  return 0;
}
