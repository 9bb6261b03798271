/* Memory (domains mem, mem.largest, mem.peak): bytes asked for at each site, summed and the largest at once, and the most that was live at a time.

   What is asked counts also when it is refused. What is live is what the allocator set aside, by malloc_usable_size, from the instrumented code's own
   calls: memory that an uninstrumented library takes and gives back by itself is not seen. */
#include <malloc.h>
#include <string.h>

#include "runtime.h"

/* Of AddressSanitizer and its like: whether an address is one of theirs, and how long. An address that is not is for them to report. */
__attribute__((weak)) int __sanitizer_get_ownership(const volatile void*);
__attribute__((weak)) size_t __sanitizer_get_allocated_size(const volatile void*);

/* Set by an object that has an operator new of its own: what that gives is no block of malloc's. */
__attribute__((weak)) uint8_t __isobar_fuzz_own_new = 0;

static struct isobar_fuzz_domain peak = {.name = "mem.peak", .keys = 1, .op = ISOBAR_FUZZ_OP_MAX, .reducer = ISOBAR_FUZZ_REDUCE_MAX};
static int64_t live, live_at_begin;
static uint32_t live_epoch;

void __isobar_fuzz_use_mem_peak(void) { __isobar_fuzz_register_domain(&peak); }

void __isobar_fuzz_mem_asked(struct isobar_fuzz_cell* sum, struct isobar_fuzz_cell* largest, uint64_t bytes) {
  if (isobar_epoch == 0) return;
  __isobar_fuzz_cell_add(sum, bytes);
  __isobar_fuzz_cell_max(largest, bytes);
}
void __isobar_fuzz_mem_asked_items(struct isobar_fuzz_cell* sum, struct isobar_fuzz_cell* largest, uint64_t items, uint64_t size) {
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(items, size, &bytes)) bytes = UINT64_MAX;
  __isobar_fuzz_mem_asked(sum, largest, bytes);
}
void __isobar_fuzz_mem_asked_text(struct isobar_fuzz_cell* sum, struct isobar_fuzz_cell* largest, const char* text, uint64_t limit) {
  __isobar_fuzz_mem_asked(sum, largest, strnlen(text, limit) + 1);
}

static void change_live(int64_t by) {
  if (live_epoch != isobar_epoch) {
    live_epoch = isobar_epoch;
    live_at_begin = __atomic_load_n(&live, __ATOMIC_RELAXED);
  }
  const int64_t now = __atomic_add_fetch(&live, by, __ATOMIC_RELAXED);
  if (by > 0 && isobar_epoch != 0 && now > live_at_begin) __isobar_fuzz_cell_max(__isobar_fuzz_cell_of(&peak, 0), (uint64_t)(now - live_at_begin));
}

static uint64_t usable(void* block) {
  if (block == NULL) return 0;
  if (__sanitizer_get_ownership != NULL) return __sanitizer_get_ownership(block) ? __sanitizer_get_allocated_size(block) : 0;
  return malloc_usable_size(block);
}

/* from_new: by operator new or delete. */
void __isobar_fuzz_mem_got(void* block, uint32_t from_new) {
  if (!from_new || !__isobar_fuzz_own_new) change_live((int64_t)usable(block));
}
void __isobar_fuzz_mem_freed(void* block, uint32_t from_new) {
  if (block != NULL && (!from_new || !__isobar_fuzz_own_new)) change_live(-(int64_t)usable(block));
}
/* realloc: what it was before, and what came of it. A block that cannot grow stays. */
uint64_t __isobar_fuzz_mem_before(void* block) { return usable(block); }
void __isobar_fuzz_mem_became(void* block, uint64_t before, uint64_t asked) {
  if (block != NULL || asked == 0) change_live((int64_t)usable(block) - (int64_t)before);
}
void __isobar_fuzz_mem_mapped(void* block, uint64_t bytes) {
  if (block != (void*)-1) change_live((int64_t)bytes);
}
void __isobar_fuzz_mem_unmapped(uint64_t bytes) { change_live(-(int64_t)bytes); }
