/* The state that a program says it is in. In a file of its own, outside of what is linked whole: the domains are there for programs that name one. */
#include "runtime.h"

static struct isobar_fuzz_domain state = {.name = "state", .keys = 1u << 14, .op = ISOBAR_FUZZ_OP_ADD, .reducer = ISOBAR_FUZZ_REDUCE_LOG};
static struct isobar_fuzz_domain step = {.name = "state.step", .keys = 1u << 16, .op = ISOBAR_FUZZ_OP_MAX, .reducer = ISOBAR_FUZZ_REDUCE_OR};

__attribute__((constructor(102))) static void declare(void) {
  __isobar_fuzz_register_domain(&state);
  __isobar_fuzz_register_domain(&step);
}

void isobar_fuzz_state(uint64_t now) {
  static __thread uint64_t before;
  static __thread uint32_t of_epoch;
  if (isobar_epoch == 0) return;
  if (of_epoch != isobar_epoch) before = UINT64_MAX;
  of_epoch = isobar_epoch;
  __isobar_fuzz_cell_add(__isobar_fuzz_cell_of(&state, now), 1);
  /* Beyond the capacity, so that pairs are spread by the hash of keys. */
  const uint64_t pair = (before * UINT64_C(0x9e3779b97f4a7c15) ^ now) | UINT64_C(1) << 63;
  __isobar_fuzz_cell_max(__isobar_fuzz_cell_of(&step, pair), 1);
  before = now;
}
