/* A target that is instrumented by hand, so that what the runtime and the fuzzer do is tested on a machine without clang. Its first byte
   says what it does. Blocks: 0 always, 1 to 31 by the input's bytes; a domain of sites "site" with four, and one of 100 keys "key". */
#ifndef ISOBAR_FUZZ_SCRIPTED_H
#define ISOBAR_FUZZ_SCRIPTED_H

#include <stddef.h>
#include <stdint.h>

void scripted_register(void);
int scripted_run(const uint8_t* data, size_t size);

#endif
