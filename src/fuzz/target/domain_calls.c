/* How deep calls go: the domains stack (bytes of the deepest, of any thread) and recursion (activations of a function at a time). */
#include "runtime.h"

static struct isobar_fuzz_domain stack = {.name = "stack", .keys = 1, .op = ISOBAR_FUZZ_OP_MAX, .reducer = ISOBAR_FUZZ_REDUCE_MAX};

void __isobar_fuzz_use_stack(void) { __isobar_fuzz_register_domain(&stack); }

/* From the highest frame that this thread had in the run: where a run begins is no address that instrumented code knows. */
void __isobar_fuzz_stack_here(void) {
  static __thread uint32_t of_epoch;
  static __thread uintptr_t top, deepest;
  const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  if (of_epoch != isobar_epoch || here > top) {
    if (of_epoch != isobar_epoch) deepest = here;
    of_epoch = isobar_epoch;
    top = here;
  }
  if (here >= deepest) return;
  deepest = here;
  __isobar_fuzz_cell_max(__isobar_fuzz_cell_of(&stack, 0), top - here);
}

/* A function's activations in this run. */
struct depth {
  uint32_t epoch, now;
};

void __isobar_fuzz_recursion_enter(struct isobar_fuzz_cell* cell, struct depth* depth) {
  if (depth->epoch != isobar_epoch) {
    depth->epoch = isobar_epoch;
    depth->now = 0;
  }
  __isobar_fuzz_cell_max(cell, ++depth->now);
}
void __isobar_fuzz_recursion_leave(struct depth* depth) {
  if (depth->epoch == isobar_epoch && depth->now > 0) --depth->now;
}
