/* An input as the harness sees it: its own copy, whose last byte is the last before memory that may not be touched, so that reading beyond
   it is found without a sanitizer; with AddressSanitizer a heap block of its size, so that the report says by how much. */
#ifndef ISOBAR_FUZZ_INPUT_H
#define ISOBAR_FUZZ_INPUT_H

#include "runtime.h"

/* size, room   bytes; room ≥ size is what a mutator may use
   Null when there is no memory of that size. Valid until the next call. */
ISOBAR_HIDDEN uint8_t* isobar_input(const uint8_t* data, size_t size, size_t room);

#endif
