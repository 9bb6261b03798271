/* Insertion sort of 64 bytes: 2,016 swaps when they come in falling order (PerfFuzz's example). With -DGOAL the swaps are told, to judge what others found. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef GOAL
#include <isobar/fuzz.h>
ISOBAR_FUZZ_DOMAIN(swaps, "swaps", 1, ISOBAR_FUZZ_ADD, ISOBAR_FUZZ_REDUCER_MAX);
#define SWAPPED() ISOBAR_FUZZ_RECORD(swaps, 0, 1)
#else
#define SWAPPED() ((void)0)
#endif

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint8_t a[64];
  if (size > sizeof a) size = sizeof a;
  memcpy(a, data, size);
  for (size_t i = 1; i < size; ++i)
    for (size_t j = i; j > 0 && a[j - 1] > a[j]; --j) {
      const uint8_t larger = a[j - 1];
      a[j - 1] = a[j];
      a[j] = larger;
      SWAPPED();
    }
  return size > 0 && a[0] == 255 ? 1 : 0;
}
