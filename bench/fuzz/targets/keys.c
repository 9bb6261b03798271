/* A domain of 65,536 keys, of which a run touches 300, or none: what an engine spends on keys. */
#include <isobar/fuzz.h>

ISOBAR_FUZZ_DOMAIN(many, "many", 65536, ISOBAR_FUZZ_MAX, ISOBAR_FUZZ_REDUCER_MAX);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0 && data[0] == 'k')
    for (uint32_t key = 0; key < 300; ++key) ISOBAR_FUZZ_RECORD(many, key * 211, 1);
  return 0;
}
