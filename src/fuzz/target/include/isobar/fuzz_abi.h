/* What an instrumented program, its runtime and the fuzzer agree on. Three parties include this file: the compiler plugin emits calls and
   sections by these names, the runtime (C, linked into each target) keeps them, and the fuzzer reads the memory that it shares with a
   target.

   The program of a target is full of *sites*: blocks, compares, calls. Each has a record that says where in the source it is, and
     - a block has a counter of 8 bits (section isobar_counters), and with the domains slow or perf one of 64 bits (isobar_counts),
       both in the order of the blocks' records (isobar_blocks);
     - any other site has a *cell* (section isobar_c_DOMAIN, its records in isobar_s_DOMAIN, in the same order).
   A run of an input gives a value to some keys of some domains. A key's values over all inputs are folded by the domain's reducer into its
   aggregate; an input is kept when it changes an aggregate (a waypoint: Padhye et al., FuzzFactory, OOPSLA 2019, section 3).

   Numbers are of the machine's byte order: both sides are on one machine. */
#ifndef ISOBAR_FUZZ_ABI_H
#define ISOBAR_FUZZ_ABI_H

#include <stddef.h>
#include <stdint.h>

/* NOLINTBEGIN(readability-identifier-naming): names of C */

#ifdef __cplusplus
extern "C" {
#endif

#define ISOBAR_FUZZ_ABI_VERSION 1u
#define ISOBAR_FUZZ_MAGIC 0x5a464249u /* "IBFZ" */

/* How a key's value changes within one run, from the domain's initial value. */
enum isobar_fuzz_op {
  ISOBAR_FUZZ_OP_ADD = 0, /* sum, at most 2^64-1 */
  ISOBAR_FUZZ_OP_MAX = 1,
  ISOBAR_FUZZ_OP_MIN = 2,
  ISOBAR_FUZZ_OP_OR = 3,
  ISOBAR_FUZZ_OP_SET = 4 /* the last value */
};

/* How the values of many runs make an aggregate. Each is idempotent and takes values in any order: a join of a semilattice. */
enum isobar_fuzz_reducer {
  ISOBAR_FUZZ_REDUCE_MAX = 0,
  ISOBAR_FUZZ_REDUCE_MIN = 1,
  ISOBAR_FUZZ_REDUCE_OR = 2,  /* union of bits */
  ISOBAR_FUZZ_REDUCE_AND = 3, /* intersection of bits */
  ISOBAR_FUZZ_REDUCE_LOG = 4  /* union of {floor(log2 value)}; 0 adds nothing */
};

static inline uint64_t isobar_fuzz_reduce(uint32_t reducer, uint64_t aggregate, uint64_t value) {
  switch (reducer) {
    case ISOBAR_FUZZ_REDUCE_MAX: return value > aggregate ? value : aggregate;
    case ISOBAR_FUZZ_REDUCE_MIN: return value < aggregate ? value : aggregate;
    case ISOBAR_FUZZ_REDUCE_OR: return aggregate | value;
    case ISOBAR_FUZZ_REDUCE_AND: return aggregate & value;
    default: return value == 0 ? aggregate : aggregate | (UINT64_C(1) << (63 - __builtin_clzll(value)));
  }
}

/* AFL's classes of how often a block ran in a run, one bit each: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, 128 and more. */
static inline uint8_t isobar_fuzz_bucket(uint8_t count) {
  if (count == 0) return 0;
  if (count < 4) return (uint8_t)(1u << (count - 1));
  if (count < 32) return (uint8_t)(1u << (31 - __builtin_clz(count) + 1));
  return count < 128 ? 64 : 128;
}

/* Where a site is; what it is depends on its domain. The texts are found by their distance from the field itself, so that a table of them
   needs no relocation. */
struct isobar_fuzz_site {
  int32_t function; /* &function + function is the name, as the compiler has it; 0: unknown */
  int32_t file;     /* the same for the path */
  uint32_t line;    /* 0: unknown */
  uint32_t form;    /* ISOBAR_FUZZ_BLOCK_*, ISOBAR_FUZZ_CMP_*, or what the domain says */
};

/* Forms of blocks. */
#define ISOBAR_FUZZ_BLOCK_ENTRY 1u  /* a function's first */
#define ISOBAR_FUZZ_BLOCK_LOOP 2u   /* a loop's header */
#define ISOBAR_FUZZ_BLOCK_SELECT 4u /* no block: one side of a choice without a branch */

/* Forms of compares: the low byte is the width in bits (8, 16, 32, 64), or 0 for memory and strings. */
#define ISOBAR_FUZZ_CMP_EQUAL 0x100u /* == and != */
#define ISOBAR_FUZZ_CMP_LESS 0x200u  /* <, <=, >, >= */
#define ISOBAR_FUZZ_CMP_SIGNED 0x400u
#define ISOBAR_FUZZ_CMP_CONSTANT 0x800u  /* the second operand is a constant */
#define ISOBAR_FUZZ_CMP_CASE 0x1000u     /* of a switch */
#define ISOBAR_FUZZ_CMP_TEXT 0x2000u     /* strings: ends at NUL */
#define ISOBAR_FUZZ_CMP_ANY_CASE 0x4000u /* letters without their case */
#define ISOBAR_FUZZ_CMP_SEARCH 0x8000u   /* the second is looked for within the first */

/* A key's value in this run. `epoch` tells whether the run has touched it: a reset is one increment, whatever the number of keys. */
struct isobar_fuzz_cell {
  uint64_t value;
  uint32_t epoch;
  uint32_t slot; /* reducer in the top 3 bits, then the place among all domains' keys; given at registration */
};
#define ISOBAR_FUZZ_SLOT_BITS 29u

/* A domain. Static in the target; its constructor hands it to the runtime before main. */
struct isobar_fuzz_domain {
  const char* name;
  uint32_t keys;    /* how many; of domains of sites the runtime counts them */
  uint8_t op;       /* isobar_fuzz_op */
  uint8_t reducer;  /* isobar_fuzz_reducer */
  uint8_t of_sites; /* 1: a key is a site */
  uint8_t reserved;
  uint64_t initial; /* of a key in each run, and of its aggregate; neutral to the reducer */
  /* the runtime's: */
  struct isobar_fuzz_cell* cells;
  struct isobar_fuzz_domain* next;
  uint32_t first_slot;
  uint32_t registered;
};

/* ---- what instrumented code calls ---- */

/* Each module of code (executable or shared library) registers itself in a constructor of priority 1 (hidden, one for each linked object).
   flags: ISOBAR_FUZZ_USES_*. `counts` may be null. All of [begin, end). */
struct isobar_fuzz_module {
  uint32_t abi; /* ISOBAR_FUZZ_ABI_VERSION */
  uint32_t flags;
  uint8_t *counters_begin, *counters_end;
  uint64_t *counts_begin, *counts_end;
  const struct isobar_fuzz_site *blocks_begin, *blocks_end;
  struct isobar_fuzz_module* next; /* the runtime's */
  uint32_t first_block, reserved;
};
#define ISOBAR_FUZZ_USES_SLOW 1u  /* scalar domain "slow": the sum of all counts */
#define ISOBAR_FUZZ_USES_PERF 2u  /* domain "perf": each block's count */
#define ISOBAR_FUZZ_USES_VALID 4u /* plane "valid": coverage of runs in which no assumption failed */
#define ISOBAR_FUZZ_USES_DIFF 8u  /* plane "diff": coverage from the first changed line on */
void __isobar_fuzz_register_module(struct isobar_fuzz_module* module);
/* A domain whose keys are sites: the cells and their records, in one order. Several modules may register the same domain by name. */
void __isobar_fuzz_register_sites(struct isobar_fuzz_domain* domain, struct isobar_fuzz_cell* begin, struct isobar_fuzz_cell* end,
                                  const struct isobar_fuzz_site* sites);
/* A domain with `keys` keys of its own. */
void __isobar_fuzz_register_domain(struct isobar_fuzz_domain* domain);

/* The first thing that a `main` of the program's own does, where there is no harness: the plugin puts the call there. */
void __isobar_fuzz_main(int argc, char** argv);

/* Before a program ends its process past its exit handlers (_exit): what the run did is written down. */
void __isobar_fuzz_finish(void);

/* Records at a site. Safe before registration, outside runs (nothing is recorded) and from any thread (counts may then be lost, never
 * memory). */
void __isobar_fuzz_cell_add(struct isobar_fuzz_cell* cell, uint64_t value);
void __isobar_fuzz_cell_max(struct isobar_fuzz_cell* cell, uint64_t value);
void __isobar_fuzz_cell_min(struct isobar_fuzz_cell* cell, uint64_t value);
void __isobar_fuzz_cell_or(struct isobar_fuzz_cell* cell, uint64_t value);
void __isobar_fuzz_cell_set(struct isobar_fuzz_cell* cell, uint64_t value);
/* The cell of a key of a domain that has keys of its own: keys beyond its capacity are folded by a hash. */
struct isobar_fuzz_cell* __isobar_fuzz_cell_of(struct isobar_fuzz_domain* domain, uint64_t key);

/* Non-zero while operands are logged: compares then call __isobar_fuzz_log_*, whatever the domains. */
extern uint8_t __isobar_fuzz_logging;
/* a, b: zero-extended from the width in `form`. */
void __isobar_fuzz_log_integers(const struct isobar_fuzz_cell* cell, uint32_t form, uint64_t a, uint64_t b);
/* Two buffers of the program's; of each at most 32 bytes are kept. */
void __isobar_fuzz_log_memory(const struct isobar_fuzz_cell* cell, uint32_t form, const void* a, uint64_t a_size, const void* b,
                              uint64_t b_size);

void __isobar_fuzz_diff_hit(void); /* a changed line is about to run */
void __isobar_fuzz_invalid(void);  /* an assumption about the input failed: this run is not valid */

/* ---- memory shared by a target and the fuzzer ---- */

/* Environment of a target that the fuzzer starts. */
#define ISOBAR_FUZZ_ENV_SHARED "ISOBAR_FUZZ_SHARED" /* the descriptor of the shared memory, decimal */
#define ISOBAR_FUZZ_ENV_STACKS "ISOBAR_FUZZ_STACKS" /* set: a program that dies prints its stack; a harness always does */
#define ISOBAR_FUZZ_ENV_FILE \
  "ISOBAR_FUZZ_FILE" /* a path where a program without a harness finds its input; standard input, if there is none */
#define ISOBAR_FUZZ_ENV_SITES "ISOBAR_FUZZ_SITES" /* a path: the target writes its sites there at its start, and a line "end" last */

#define ISOBAR_FUZZ_SHARED_BYTES (UINT64_C(1) << 29) /* address space; memory is taken as it is touched */
#define ISOBAR_FUZZ_DOMAINS_MAX 64u
#define ISOBAR_FUZZ_RUNS_MAX 1024u
#define ISOBAR_FUZZ_INPUTS_BYTES (UINT64_C(64) << 20)
#define ISOBAR_FUZZ_FEATURES_MAX (UINT64_C(1) << 20)
#define ISOBAR_FUZZ_OPERANDS_MAX 16384u
#define ISOBAR_FUZZ_BUFFERS_MAX 2048u
#define ISOBAR_FUZZ_FORKS_MAX 128u /* processes of one run: the next fork ends whoever asks */

enum isobar_fuzz_state {
  ISOBAR_FUZZ_STARTING = 0,
  ISOBAR_FUZZ_READY = 1, /* the zygote waits for a fork */
  ISOBAR_FUZZ_FAILED = 2 /* `message` says why */
};

struct isobar_fuzz_shared_domain {
  char name[48];
  uint32_t first_slot, keys;
  uint8_t op, reducer, of_sites, reserved[5];
  uint64_t initial;
};

enum isobar_fuzz_run_status {
  ISOBAR_FUZZ_NOT_RUN = 0,
  ISOBAR_FUZZ_RUNNING = 1, /* died, or was killed, in it */
  ISOBAR_FUZZ_DONE = 2,
  ISOBAR_FUZZ_CAUGHT = 3 /* died in it, and its values could be read */
};
#define ISOBAR_FUZZ_RUN_NOVEL 1u    /* changes an aggregate as it stood at the batch's beginning; its features are listed */
#define ISOBAR_FUZZ_RUN_REJECTED 2u /* the harness answered -1: never to be kept */
#define ISOBAR_FUZZ_RUN_INVALID 4u  /* an assumption failed */
#define ISOBAR_FUZZ_RUN_DIFF 8u     /* a changed line ran */
#define ISOBAR_FUZZ_RUN_CUT 16u     /* more features than there is room for */

struct isobar_fuzz_run {
  /* the fuzzer's: */
  uint64_t input;      /* place within the inputs */
  uint32_t size, room; /* bytes; room: what the harness' own mutator may grow it to */
  uint64_t seed;       /* for that mutator */
  /* the target's: */
  uint32_t status, flags;
  uint64_t nanoseconds;
  uint64_t hash; /* of (block, bucket) over all blocks that ran */
  uint64_t first_feature;
  uint32_t features, blocks; /* how many features are listed; how many blocks ran */
  uint32_t signal, reserved;
};

/* One key's value in a run. Planes: coverage 0, valid 1, diff 2, whose keys are blocks and whose values are buckets; domains from 8 on, by
 * slot. */
struct isobar_fuzz_feature {
  uint32_t key;
  uint32_t what;
  uint64_t value;
};
#define ISOBAR_FUZZ_PLANE_COVERAGE 0u
#define ISOBAR_FUZZ_PLANE_VALID 1u
#define ISOBAR_FUZZ_PLANE_DIFF 2u
#define ISOBAR_FUZZ_PLANES 3u
#define ISOBAR_FUZZ_WHAT_SLOT 8u /* key: the slot */

struct isobar_fuzz_operands {
  uint32_t slot, form;
  uint64_t a, b;
};
struct isobar_fuzz_buffers {
  uint32_t slot, form;
  uint8_t a_size, b_size, reserved[6];
  uint8_t a[32], b[32];
};

#define ISOBAR_FUZZ_BATCH_LOG 1u    /* operands are logged; of one run */
#define ISOBAR_FUZZ_BATCH_ALL 2u    /* features are listed of all runs, not only of novel ones */
#define ISOBAR_FUZZ_BATCH_MUTATE 4u /* the harness' own mutator changes each input before its run */
#define ISOBAR_FUZZ_BATCH_LAST 8u   /* the worker ends after it: the next batch begins in a fresh copy of the zygote */

/* The beginning of the shared memory. Offsets are from its beginning; the fuzzer believes nothing that the target wrote without checking
   it, as a target may write anywhere. */
struct isobar_fuzz_shared {
  uint32_t magic, abi; /* abi: ISOBAR_FUZZ_SHARED_ABI */
  uint32_t state;      /* isobar_fuzz_state; a futex */
  uint32_t zygote_pid, worker_pid;
  uint32_t persistent;                     /* 1: a worker runs many inputs (a harness function); 0: main runs once for each */
  uint32_t has_mutator;                    /* the harness has LLVMFuzzerCustomMutator */
  uint32_t blocks, slots, domains, planes; /* planes: bits of ISOBAR_FUZZ_USES_VALID and _DIFF; bit 0 of coverage always */
  char message[256];
  struct isobar_fuzz_shared_domain domain[ISOBAR_FUZZ_DOMAINS_MAX];

  /* Hand-offs; each word is a futex. The fuzzer adds one to `forks` for a new worker, and to `batches` for what is described here to be
     run, by that worker. `taken` is the batch that was begun, `answered` the one that was done, or in which the worker died; `dead` is the
     worker (of `forks`) that died last; `answers` goes up when either changes. A program without a harness takes a new worker for each
     batch, and the zygote then forks for each run. */
  uint32_t forks, batches, answers, taken, answered, dead;
  uint32_t worker_status;           /* as waitpid gives it, of the last that died */
  uint32_t batch_flags, runs, next; /* next: the run that is running or comes next */
  uint32_t operands, buffers, operands_lost, late_sites;
  uint32_t forked;              /* processes that the run has started */
  uint32_t full;                /* the batch ended early, as there was no room for the features of `next` */
  uint64_t started_nanoseconds; /* when `next` began, CLOCK_MONOTONIC */
  uint64_t features;
  struct isobar_fuzz_run run[ISOBAR_FUZZ_RUNS_MAX];
  struct isobar_fuzz_operands operand[ISOBAR_FUZZ_OPERANDS_MAX];
  struct isobar_fuzz_buffers buffer[ISOBAR_FUZZ_BUFFERS_MAX];
  struct isobar_fuzz_feature feature[ISOBAR_FUZZ_FEATURES_MAX];
  uint8_t input[ISOBAR_FUZZ_INPUTS_BYTES];
};
/* The version, and the layout: a target that was built with another one is refused, also between two versions. */
#define ISOBAR_FUZZ_SHARED_ABI \
  (ISOBAR_FUZZ_ABI_VERSION << 24 ^ (uint32_t)sizeof(struct isobar_fuzz_shared) ^ (uint32_t)offsetof(struct isobar_fuzz_shared, run) << 4)
/* After it: the aggregates, written by the fuzzer alone. Planes of `blocks` bytes each, padded to 64, coverage first; then 8 bytes for each
 * slot. */
static inline uint64_t isobar_fuzz_plane_offset(uint32_t blocks, uint32_t plane) {
  const uint64_t begin = (sizeof(struct isobar_fuzz_shared) + 4095) / 4096 * 4096;
  return begin + plane * (((uint64_t)blocks + 63) / 64 * 64);
}
static inline uint64_t isobar_fuzz_slots_offset(uint32_t blocks) { return isobar_fuzz_plane_offset(blocks, ISOBAR_FUZZ_PLANES); }

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming) */
#endif
