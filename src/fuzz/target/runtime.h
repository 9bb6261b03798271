/* The runtime's parts among themselves. One process is one target; all is static, as there is nobody to pass it. */
#ifndef ISOBAR_FUZZ_RUNTIME_H
#define ISOBAR_FUZZ_RUNTIME_H

#include <stddef.h>

#include "isobar/fuzz_abi.h"

#define ISOBAR_HIDDEN __attribute__((visibility("hidden")))
#define ISOBAR_UNLIKELY(x) __builtin_expect(!!(x), 0)

typedef int (*isobar_harness)(const uint8_t* data, size_t size);
typedef size_t (*isobar_mutator)(uint8_t* data, size_t size, size_t room, unsigned int seed);

struct isobar_runtime {
  struct isobar_fuzz_shared* shared;  /* null: nobody listens */
  uint8_t* plane[ISOBAR_FUZZ_PLANES]; /* aggregates; null: not kept */
  uint64_t* best;                     /* of slots */

  struct isobar_fuzz_module* modules;
  struct isobar_fuzz_domain* domains;
  uint32_t blocks, slots, flags;
  int frozen; /* the fuzzer has been told what there is; what registers later is not seen */

  uint8_t* domain_of_slot; /* the domain's place in `initial` */
  uint64_t initial[ISOBAR_FUZZ_DOMAINS_MAX];
  uint32_t domain_count;

  struct isobar_fuzz_cell** touched;
  uint32_t touched_count, touched_room;
  uint32_t* hit; /* blocks of this run, and their counts */
  uint8_t* hit_count;
  uint32_t hits;

  uint32_t run_flags;
  uint8_t* diff_counters; /* the counters as they were when the first changed line was reached */
  uint32_t last_epoch;
};
extern ISOBAR_HIDDEN struct isobar_runtime isobar_runtime;
/* Of the run that goes on. Cells of another epoch are as if untouched. Between runs it is one that no cell ever has, so that what the
   program does then changes none. */
#define ISOBAR_NO_RUN UINT32_MAX
extern ISOBAR_HIDDEN uint32_t isobar_epoch;
/* The perf domain's cells are the counts of blocks, so it has slots without cells. */
extern ISOBAR_HIDDEN struct isobar_fuzz_domain isobar_perf, isobar_slow;

/* Memory of the runtime's own, zeroed, never given back: not the program's malloc, which may be instrumented. Ends the process when there
 * is none. */
ISOBAR_HIDDEN void* isobar_memory(size_t bytes);

/* From here on nothing registers: tables are made for what is there. Once. */
ISOBAR_HIDDEN void isobar_freeze(void);
/* Begins a run: counters, counts and cells are as new. */
ISOBAR_HIDDEN void isobar_run_begin(void);
/* Ends it: `run` says what it was, its features are listed if it is novel or `all` is set. 0: there was no room for them, and the run is as
   if it had not been. Async-signal-safe. */
ISOBAR_HIDDEN int isobar_run_end(struct isobar_fuzz_run* run, int all);
/* The blocks of one module that ran, into hit and hit_count, and their counters zeroed. */
ISOBAR_HIDDEN void isobar_scan(uint8_t* begin, uint8_t* end, uint32_t first_block);

/* The 8-bit counters of programs that count in 64 bits: made ready when all modules are known, and made from the counts. The latter
 * async-signal-safe. */
ISOBAR_HIDDEN void isobar_prepare_counts(void);
ISOBAR_HIDDEN void isobar_fold_counts(void);
/* Of the domain cmp: a new run has seen nothing. */
ISOBAR_HIDDEN void isobar_compares_begin(void);

/* A line for each site and each domain: "b SLOT DOMAIN ..." as docs/formats/fuzz-sites.md has it. 0, or errno. */
ISOBAR_HIDDEN int isobar_write_sites(const char* path);

/* Serves the fuzzer that the environment names, with a harness: does not return. Without a harness it returns in each copy of the process
   that is to run main once. 0: the environment names none. */
ISOBAR_HIDDEN int isobar_zygote(isobar_harness harness, isobar_mutator mutator, int (*initialize)(int*, char***), int* argc, char*** argv);
/* The same for AFL++, old and new. */
ISOBAR_HIDDEN int isobar_afl(isobar_harness harness);

/* From here on a death prints its stack, if no sanitizer does. */
ISOBAR_HIDDEN void isobar_print_deaths(void);

/* Of the monotonic clock. */
ISOBAR_HIDDEN uint64_t isobar_now(void);

#endif
