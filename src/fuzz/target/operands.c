/* The operands of compares, written down while the fuzzer asks for it: what stands on one side is often a part of the input, and what stands on the
   other is what should be there (Aschermann et al., REDQUEEN, NDSS 2019). */
#include <string.h>

#include "runtime.h"

#define RT isobar_runtime
#define OF_ONE_SITE 16

uint8_t __isobar_fuzz_logging;

/* A loop may compare ten thousand times at one place; the first compares there are kept. By a hash of the slot: two places may share. */
static uint8_t seen[1 << 16];
static uint32_t seen_epoch;

static int room_for(uint32_t slot) {
  if (seen_epoch != isobar_epoch) {
    memset(seen, 0, sizeof seen);
    seen_epoch = isobar_epoch;
  }
  uint8_t* count = &seen[(slot ^ slot >> 16) & 0xffff];
  return *count < OF_ONE_SITE ? ++*count : 0;
}

static uint32_t slot_of(const struct isobar_fuzz_cell* cell) { return cell->slot & ((1u << ISOBAR_FUZZ_SLOT_BITS) - 1); }

void __isobar_fuzz_log_integers(const struct isobar_fuzz_cell* cell, uint32_t form, uint64_t a, uint64_t b) {
  if (isobar_epoch == 0 || RT.shared == NULL || a == b || !room_for(slot_of(cell))) return;
  struct isobar_fuzz_shared* shared = RT.shared;
  if (shared->operands >= ISOBAR_FUZZ_OPERANDS_MAX) {
    ++shared->operands_lost;
    return;
  }
  shared->operand[shared->operands++] = (struct isobar_fuzz_operands){slot_of(cell), form, a, b};
}

void __isobar_fuzz_log_memory(const struct isobar_fuzz_cell* cell, uint32_t form, const void* a, uint64_t a_size, const void* b, uint64_t b_size) {
  if (isobar_epoch == 0 || RT.shared == NULL || !room_for(slot_of(cell))) return;
  struct isobar_fuzz_shared* shared = RT.shared;
  if (shared->buffers >= ISOBAR_FUZZ_BUFFERS_MAX) {
    ++shared->operands_lost;
    return;
  }
  struct isobar_fuzz_buffers* out = &shared->buffer[shared->buffers];
  *out = (struct isobar_fuzz_buffers){.slot = slot_of(cell), .form = form, .a_size = (uint8_t)(a_size < 32 ? a_size : 32), .b_size = (uint8_t)(b_size < 32 ? b_size : 32)};
  memcpy(out->a, a, out->a_size);
  memcpy(out->b, b, out->b_size);
  if (out->a_size != out->b_size || memcmp(out->a, out->b, out->a_size) != 0) ++shared->buffers;
}
