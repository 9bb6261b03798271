/* One run: what it touched, and whether that changes an aggregate. The aggregates are the fuzzer's and may be older than its newest; as each of them
   only moves one way, what is novel to the newest is novel to an older one, so nothing is missed, and the fuzzer looks again at what is reported. */
#include <string.h>
#include <time.h>

#include "runtime.h"

#define RT isobar_runtime

uint64_t isobar_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void scan_all(void) {
  RT.hits = 0;
  isobar_fold_counts();
  for (const struct isobar_fuzz_module* module = RT.modules; module != NULL; module = module->next)
    isobar_scan(module->counters_begin, module->counters_end, module->first_block);
}

static uint64_t* count_of(uint32_t block) {
  for (const struct isobar_fuzz_module* module = RT.modules; module != NULL; module = module->next) {
    const uint32_t size = (uint32_t)(module->blocks_end - module->blocks_begin);
    if (block - module->first_block < size) return module->counts_begin == module->counts_end ? NULL : &module->counts_begin[block - module->first_block];
  }
  return NULL;
}

static void zero_counts(void) {
  if (RT.flags & (ISOBAR_FUZZ_USES_PERF | ISOBAR_FUZZ_USES_SLOW))
    for (uint32_t i = 0; i < RT.hits; ++i) {
      uint64_t* count = count_of(RT.hit[i]);
      if (count != NULL) *count = 0;
    }
}

void isobar_run_begin(void) {
  scan_all(); /* what ran since the last run, the program's start among it, is not this run's */
  zero_counts();
  RT.touched_count = 0;
  RT.run_flags = 0;
  isobar_compares_begin();
  if (++RT.last_epoch == 0) RT.last_epoch = 1;
  isobar_epoch = RT.last_epoch;
}

void __isobar_fuzz_invalid(void) {
  if (isobar_epoch != 0) RT.run_flags |= ISOBAR_FUZZ_RUN_INVALID;
}

void __isobar_fuzz_diff_hit(void) {
  if (isobar_epoch == 0 || (RT.run_flags & ISOBAR_FUZZ_RUN_DIFF) || RT.diff_counters == NULL) return;
  RT.run_flags |= ISOBAR_FUZZ_RUN_DIFF;
  isobar_fold_counts();
  for (const struct isobar_fuzz_module* module = RT.modules; module != NULL; module = module->next)
    memcpy(RT.diff_counters + module->first_block, module->counters_begin, (size_t)(module->counters_end - module->counters_begin));
}

/* How often a block ran after the first changed line: counters go from 255 to 1. */
static uint8_t after_diff(uint32_t block, uint8_t count) {
  const int since = count - RT.diff_counters[block];
  return (uint8_t)(since < 0 ? since + 255 : since);
}

/* Features of the run, in the order in which they are listed. Called twice: to look for novelty, and to list. */
struct listing {
  struct isobar_fuzz_feature* out; /* null: only look */
  uint64_t room, count;
  int novel;
};

static void feature(struct listing* list, uint32_t what, uint32_t key, uint64_t value, int novel) {
  list->novel |= novel;
  if (list->out != NULL && list->count < list->room) list->out[list->count] = (struct isobar_fuzz_feature){key, what, value};
  ++list->count;
}

static void of_plane(struct listing* list, uint32_t plane, uint32_t block, uint8_t count) {
  const uint8_t bucket = isobar_fuzz_bucket(count);
  feature(list, plane, block, bucket, RT.plane[plane] != NULL && (RT.plane[plane][block] | bucket) != RT.plane[plane][block]);
}

static void of_slot(struct listing* list, uint32_t reducer, uint32_t slot, uint64_t value) {
  feature(list, ISOBAR_FUZZ_WHAT_SLOT, slot, value, RT.best != NULL && isobar_fuzz_reduce(reducer, RT.best[slot], value) != RT.best[slot]);
}

static void of_blocks(struct listing* list) {
  const int valid = (RT.flags & ISOBAR_FUZZ_USES_VALID) && !(RT.run_flags & ISOBAR_FUZZ_RUN_INVALID), diff = (RT.run_flags & ISOBAR_FUZZ_RUN_DIFF) != 0;
  for (uint32_t i = 0; i < RT.hits; ++i) {
    of_plane(list, ISOBAR_FUZZ_PLANE_COVERAGE, RT.hit[i], RT.hit_count[i]);
    if (valid) of_plane(list, ISOBAR_FUZZ_PLANE_VALID, RT.hit[i], RT.hit_count[i]);
    if (diff) {
      const uint8_t since = after_diff(RT.hit[i], RT.hit_count[i]);
      if (since) of_plane(list, ISOBAR_FUZZ_PLANE_DIFF, RT.hit[i], since);
    }
  }
}

static void of_counts(struct listing* list) {
  if (!(RT.flags & (ISOBAR_FUZZ_USES_PERF | ISOBAR_FUZZ_USES_SLOW))) return;
  uint64_t sum = 0;
  for (uint32_t i = 0; i < RT.hits; ++i) {
    const uint64_t* count = count_of(RT.hit[i]);
    if (count == NULL || *count == 0) continue;
    sum += *count;
    if (RT.flags & ISOBAR_FUZZ_USES_PERF) of_slot(list, isobar_perf.reducer, isobar_perf.first_slot + RT.hit[i], *count);
  }
  if (RT.flags & ISOBAR_FUZZ_USES_SLOW) of_slot(list, isobar_slow.reducer, isobar_slow.first_slot, sum);
}

static void of_cells(struct listing* list) {
  const uint32_t mask = (1u << ISOBAR_FUZZ_SLOT_BITS) - 1;
  for (uint32_t i = 0; i < RT.touched_count; ++i)
    of_slot(list, RT.touched[i]->slot >> ISOBAR_FUZZ_SLOT_BITS, RT.touched[i]->slot & mask, RT.touched[i]->value);
}

static void all_features(struct listing* list) {
  of_blocks(list);
  of_counts(list);
  of_cells(list);
}

static uint64_t hash_of_blocks(void) {
  uint64_t hash = 0;
  for (uint32_t i = 0; i < RT.hits; ++i) {
    uint64_t each = ((uint64_t)RT.hit[i] << 8 | isobar_fuzz_bucket(RT.hit_count[i])) * UINT64_C(0x9e3779b97f4a7c15);
    hash += (each ^ each >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
  }
  return hash;
}

int isobar_run_end(struct isobar_fuzz_run* run, int all) {
  isobar_epoch = 0;
  scan_all();
  struct isobar_fuzz_shared* shared = RT.shared;
  struct listing look = {0};
  all_features(&look);
  run->hash = hash_of_blocks();
  run->blocks = RT.hits;
  run->flags |= RT.run_flags | (look.novel ? ISOBAR_FUZZ_RUN_NOVEL : 0);
  run->features = 0;
  int fits = 1;
  if (look.novel || all) {
    if (shared->features > ISOBAR_FUZZ_FEATURES_MAX) shared->features = 0; /* the program wrote there */
    struct listing list = {.out = shared->feature + shared->features, .room = ISOBAR_FUZZ_FEATURES_MAX - shared->features};
    if (look.count > list.room && shared->features > 0) {
      fits = 0;
    } else {
      all_features(&list);
      if (list.count > list.room) run->flags |= ISOBAR_FUZZ_RUN_CUT, list.count = list.room;
      run->first_feature = shared->features;
      run->features = (uint32_t)list.count;
      shared->features += list.count;
    }
  }
  zero_counts();
  return fits;
}
