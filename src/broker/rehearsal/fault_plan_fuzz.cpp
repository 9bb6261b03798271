// Any bytes as a fault file: parsing must end with a plan or a message.

#include <cstddef>
#include <cstdint>

#include "broker/rehearsal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)isobar::broker::parse_fault_plan(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz.yaml");
  return 0;
}
