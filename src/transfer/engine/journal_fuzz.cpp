// Any bytes as a journal: what is whole is read, nothing beyond, and reading twice tells the same.

#include <cstddef>
#include <cstdint>

#include "transfer/journal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  isobar::transfer::JournalState state, again;
  const std::size_t whole = isobar::transfer::replay(bytes, state);
  CHECK(whole <= size, whole, size);
  CHECK(isobar::transfer::replay(bytes.substr(0, whole), again) == whole);
  CHECK(state.objects_done == again.objects_done);
  return 0;
}
