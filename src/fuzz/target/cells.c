/* Values of keys in the run that goes on. A key's first touch in a run writes it down, so that what a run costs besides itself follows the keys it
   touched, not those there are: with a scan over all of 65,536 keys, FuzzFactory spends 120 us after each run. */
#include "runtime.h"

#define RT isobar_runtime

uint32_t isobar_epoch;

/* Threads may race here: two first touches may take one place, and a key is lost to this run. */
static int first_touch(struct isobar_fuzz_cell* cell) {
  const uint32_t epoch = isobar_epoch;
  if (epoch == 0 || RT.touched_count >= RT.touched_room) return 0;
  const uint32_t slot = cell->slot & ((1u << ISOBAR_FUZZ_SLOT_BITS) - 1);
  if (slot == 0 || slot >= RT.slots) return 0;
  cell->value = RT.initial[RT.domain_of_slot[slot]];
  cell->epoch = epoch;
  RT.touched[RT.touched_count++] = cell;
  return 1;
}

#define FRESH(cell) (!ISOBAR_UNLIKELY((cell)->epoch != isobar_epoch) || first_touch(cell))

void __isobar_fuzz_cell_add(struct isobar_fuzz_cell* cell, uint64_t value) {
  if (FRESH(cell) && __builtin_add_overflow(cell->value, value, &cell->value)) cell->value = UINT64_MAX;
}
void __isobar_fuzz_cell_max(struct isobar_fuzz_cell* cell, uint64_t value) {
  if (FRESH(cell) && value > cell->value) cell->value = value;
}
void __isobar_fuzz_cell_min(struct isobar_fuzz_cell* cell, uint64_t value) {
  if (FRESH(cell) && value < cell->value) cell->value = value;
}
void __isobar_fuzz_cell_or(struct isobar_fuzz_cell* cell, uint64_t value) {
  if (FRESH(cell)) cell->value |= value;
}
void __isobar_fuzz_cell_set(struct isobar_fuzz_cell* cell, uint64_t value) {
  if (FRESH(cell)) cell->value = value;
}
