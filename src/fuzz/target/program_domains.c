/* The program's own words: isobar/fuzz.h and isobar/waypoints.h. */
#include <string.h>

#include "runtime.h"

static struct isobar_fuzz_domain* made(const char* name, uint32_t keys, int op, int reducer, uint64_t initial) {
  struct isobar_fuzz_domain* domain = isobar_memory(sizeof *domain + strlen(name) + 1);
  char* copy = (char*)(domain + 1);
  strcpy(copy, name);
  *domain = (struct isobar_fuzz_domain){.name = copy, .keys = keys, .op = (uint8_t)op, .reducer = (uint8_t)reducer, .initial = initial};
  __isobar_fuzz_register_domain(domain);
  return domain;
}

static uint64_t neutral_to(int reducer) {
  return reducer == ISOBAR_FUZZ_REDUCE_MIN || reducer == ISOBAR_FUZZ_REDUCE_AND ? UINT64_MAX : 0;
}

struct isobar_fuzz_domain* isobar_fuzz_domain_new(const char* name, uint32_t keys, int op, int reducer) {
  return made(name, keys, op, reducer, neutral_to(reducer));
}

void isobar_fuzz_record(struct isobar_fuzz_domain* domain, uint64_t key, uint64_t value) {
  if (isobar_epoch == 0 || domain == NULL) return;
  struct isobar_fuzz_cell* cell = __isobar_fuzz_cell_of(domain, key);
  switch (domain->op) {
    case ISOBAR_FUZZ_OP_ADD: __isobar_fuzz_cell_add(cell, value); return;
    case ISOBAR_FUZZ_OP_MAX: __isobar_fuzz_cell_max(cell, value); return;
    case ISOBAR_FUZZ_OP_MIN: __isobar_fuzz_cell_min(cell, value); return;
    case ISOBAR_FUZZ_OP_OR: __isobar_fuzz_cell_or(cell, value); return;
    default: __isobar_fuzz_cell_set(cell, value); return;
  }
}

int isobar_fuzz_assume(int holds) {
  if (!holds) __isobar_fuzz_invalid();
  return holds;
}

/* FNV-1a. */
uint64_t isobar_fuzz_hash(const void* bytes, size_t size) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < size; ++i) hash = (hash ^ ((const uint8_t*)bytes)[i]) * UINT64_C(0x100000001b3);
  return hash;
}

/* ---- FuzzFactory's handles ---- */

static struct isobar_fuzz_domain* waypoints[ISOBAR_FUZZ_DOMAINS_MAX];
static int waypoints_count;

int isobar_fuzz_waypoints_new(const char* name, uint32_t size, int reducer, uint64_t initial) {
  if (waypoints_count == (int)ISOBAR_FUZZ_DOMAINS_MAX) return -1;
  /* Its initial values of 32 bits: all ones there are all ones here. */
  if (neutral_to(reducer) != 0 && initial == UINT32_MAX) initial = UINT64_MAX;
  waypoints[waypoints_count] = made(name, size, ISOBAR_FUZZ_OP_MAX, reducer, initial);
  return waypoints_count++;
}

static struct isobar_fuzz_cell* waypoint(int handle, uint64_t key) {
  if (isobar_epoch == 0 || handle < 0 || handle >= waypoints_count) return NULL;
  return __isobar_fuzz_cell_of(waypoints[handle], key % waypoints[handle]->keys);
}

#define WAYPOINT(name, record)                                                   \
  void isobar_fuzz_waypoints_##name(int handle, uint64_t key, uint64_t value) {  \
    struct isobar_fuzz_cell* cell = waypoint(handle, key);                       \
    if (cell != NULL) record(cell, value);                                       \
  }
WAYPOINT(max, __isobar_fuzz_cell_max)
WAYPOINT(bit, __isobar_fuzz_cell_or)
WAYPOINT(set, __isobar_fuzz_cell_set)
WAYPOINT(inc, __isobar_fuzz_cell_add)
