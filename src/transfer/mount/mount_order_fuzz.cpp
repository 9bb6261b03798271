#include <cstdint>
#include <cstdlib>

#include "transfer/mount_order.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto order = isobar::transfer::decode_mount_order({reinterpret_cast<const char*>(data), size});
  if (!order.ok()) return 0;
  const auto again = isobar::transfer::decode_mount_order(isobar::transfer::encode(*order));
  if (!again.ok() || again->destination != order->destination || again->settings != order->settings) std::abort();
  return 0;
}
