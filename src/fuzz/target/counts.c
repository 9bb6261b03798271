/* Programs with the domains slow or perf count in 64 bits; of the 8-bit counters only those of functions' entries are kept as the program runs, which tell
   where to look. The others are made from the counts when a run is over. One add per block is all that exact counts then cost. What a function does in a
   run that it was entered before is not seen: that of a thread that lives from run to run. */
#include "runtime.h"

/* Functions of all modules, in the order of their blocks: block `first` of a module is an entry, and the next function's is the end. */
struct function {
  const uint64_t *counts, *end;
  uint8_t* counters;
};
static struct function* functions;
static uint32_t function_count;

static int is_entry(const struct isobar_fuzz_module* module, size_t block) { return (module->blocks_begin[block].form & ISOBAR_FUZZ_BLOCK_ENTRY) != 0; }

static void list_functions(const struct isobar_fuzz_module* module) {
  const size_t blocks = (size_t)(module->counts_end - module->counts_begin);
  for (size_t block = 0; block < blocks;) {
    size_t end = block + 1;
    while (end < blocks && !is_entry(module, end)) ++end;
    functions[function_count++] = (struct function){module->counts_begin + block, module->counts_begin + end, module->counters_begin + block};
    block = end;
  }
}

void isobar_prepare_counts(void) {
  if (!(isobar_runtime.flags & (ISOBAR_FUZZ_USES_PERF | ISOBAR_FUZZ_USES_SLOW))) return;
  functions = isobar_memory(isobar_runtime.blocks * sizeof *functions);
  for (const struct isobar_fuzz_module* module = isobar_runtime.modules; module != NULL; module = module->next) list_functions(module);
}

/* From 256 on in the class of 128 and more, where a counter of 8 bits would go round. Without a branch: most blocks of a function that ran did not. */
static inline uint8_t folded(uint64_t count) { return (uint8_t)((uint8_t)count | (uint8_t)((count > 255) << 7)); }

void isobar_fold_counts(void) {
  for (uint32_t i = 0; i < function_count; ++i) {
    if (functions[i].counters[0] == 0) continue;
    const size_t blocks = (size_t)(functions[i].end - functions[i].counts);
    uint8_t* counters = functions[i].counters;
    /* Choices are counted in the counter alone; and all may have been folded before in this run. */
    for (size_t block = 0; block < blocks; ++block) {
      const uint8_t made = folded(functions[i].counts[block]);
      counters[block] = made > counters[block] ? made : counters[block];
    }
  }
}
