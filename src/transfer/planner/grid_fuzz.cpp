// Question: can any bytes make the reader of grids crash, or take what it would not write?

#include <cstdint>

#include "base/check.h"
#include "transfer/grid.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::transfer;
  const auto grid = parse_grid({reinterpret_cast<const char*>(data), size}, "grid.csv");
  if (!grid.ok()) return 0;
  const std::string written = write_grid(*grid);
  const auto again = parse_grid(written, "grid.csv");
  CHECK(again.ok() && write_grid(*again) == written);
  return 0;
}
