#include "scripted.h"

__attribute__((constructor)) static void begin(void) { scripted_register(); }

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { return scripted_run(data, size); }

/* Doubles the input. */
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t room, unsigned int seed) {
  (void)seed;
  for (size_t i = 0; i < size && size + i < room; ++i) data[size + i] = data[i];
  return 2 * size < room ? 2 * size : room;
}
