#include <cstdint>
#include <cstdlib>

#include "transfer/fetch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto orders = isobar::transfer::decode_fetch_orders({reinterpret_cast<const char*>(data), size});
  if (!orders.ok()) return 0;
  const auto again = isobar::transfer::decode_fetch_orders(isobar::transfer::encode(*orders));
  if (!again.ok() || again->orders != orders->orders) std::abort();
  return 0;
}
