/* Compares: how close the two sides came (domain cmp), and what they were (the operand log, in every build).

   Closeness only grows as the sides come together, so that a search that keeps the best climbs:
     ==, !=        equal bits
     <, >, …       the width less the bits of the distance, also beyond the boundary: the compare's outcome is for coverage to see
     buffers       8 for each equal leading byte, and the equal bits of the first that differs
     searches      the best of all places
   The originals are called after these and keep their results. No byte is read that the original may not read: of a string, beyond the first
   difference, only what lies on the same page. */
#include <string.h>

#include "runtime.h"

/* In `form`, besides what the agreement has: the domain is on, so the cell takes the closeness. Not told to anybody. */
#define SCORED 0x80000000u
#define WIDTH(form) ((form)&0xffu)
#define PAGE 4096u
#define KEPT 32u
#define WINDOWS_MAX 65536u

static inline unsigned bits_of(uint64_t x) {
  x -= (x >> 1) & UINT64_C(0x5555555555555555);
  x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
  x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
  return (unsigned)(x * UINT64_C(0x0101010101010101) >> 56);
}

static inline void take(struct isobar_fuzz_cell* cell, uint64_t closeness) {
  if (cell->epoch == isobar_epoch && closeness <= cell->value) return;
  __isobar_fuzz_cell_max(cell, closeness);
}

static inline unsigned closeness_of(uint32_t form, uint64_t a, uint64_t b) {
  const unsigned width = WIDTH(form);
  if (form & ISOBAR_FUZZ_CMP_EQUAL) return width - bits_of(a ^ b);
  if (form & ISOBAR_FUZZ_CMP_SIGNED) {
    const uint64_t sign = UINT64_C(1) << (width - 1);
    a ^= sign;
    b ^= sign;
  }
  const uint64_t distance = a < b ? b - a : a - b;
  return distance == 0 ? width : width - (64 - (unsigned)__builtin_clzll(distance));
}

/* ---- numbers ----

   A compare in a loop is made a million times, and comes closer a few. So the compiled code looks by itself whether it is closer than its cell says, and
   calls only then; for that the cells of a run are set back to 0 before the next. */

static struct seen** marked; /* what this run has changed */
static uint32_t marked_count, marked_room;

/* A switch: a bit for each value within 64 of its least case that this run has not had; all ones when a run begins. */
struct seen {
  uint64_t unseen;
};

void isobar_compares_begin(void) {
  for (uint32_t i = 0; i < isobar_runtime.touched_count; ++i) isobar_runtime.touched[i]->value = 0;
  for (uint32_t i = 0; i < marked_count; ++i) marked[i]->unseen = UINT64_MAX;
  marked_count = 0;
}

void __isobar_fuzz_cmp_closer(struct isobar_fuzz_cell* cell, uint64_t closeness) {
  if (cell->epoch == isobar_epoch) cell->value = closeness;
  else __isobar_fuzz_cell_max(cell, closeness);
}

/* The bits of a float, in an order that is that of the numbers. */
static uint64_t ordered(unsigned width, uint64_t bits) {
  const uint64_t sign = UINT64_C(1) << (width - 1);
  return bits & sign ? (sign << 1) - 1 - bits : bits | sign;
}

void __isobar_fuzz_cmp_floats(struct isobar_fuzz_cell* cell, uint32_t form, uint64_t a, uint64_t b) {
  const unsigned width = WIDTH(form);
  if (form & SCORED) take(cell, closeness_of((form & 0xffu) | ISOBAR_FUZZ_CMP_LESS, ordered(width, a), ordered(width, b)));
  if (ISOBAR_UNLIKELY(__isobar_fuzz_logging)) __isobar_fuzz_log_integers(cell, form & ~SCORED, a, b);
}

/* 0: there is no room to remember it, so it has to stay. */
static int mark(struct seen* seen, uint64_t place) {
  if (seen->unseen == UINT64_MAX) {
    if (ISOBAR_UNLIKELY(marked == NULL)) {
      marked_room = isobar_runtime.slots + 1;
      marked = isobar_memory(marked_room * sizeof *marked);
    }
    if (marked_count >= marked_room) return 0;
    marked[marked_count++] = seen;
  }
  seen->unseen &= ~(UINT64_C(1) << place);
  return 1;
}

/* One cell for each case. place: the value less the least case. */
void __isobar_fuzz_cmp_switch(struct isobar_fuzz_cell* cells, struct seen* seen, uint32_t count, uint32_t form, uint64_t value, const uint64_t* cases, uint64_t place) {
  if (isobar_epoch == 0 || (place < 64 && !mark(seen, place))) return;
  for (uint32_t i = 0; i < count; ++i) take(&cells[i], WIDTH(form) - bits_of(value ^ cases[i]));
}
void __isobar_fuzz_log_switch(struct isobar_fuzz_cell* cells, uint32_t count, uint32_t form, uint64_t value, const uint64_t* cases) {
  for (uint32_t i = 0; i < count; ++i) __isobar_fuzz_log_integers(&cells[i], form, value, cases[i]);
}

/* ---- buffers and strings ---- */

static inline uint8_t folded(uint32_t form, uint8_t byte) {
  return form & ISOBAR_FUZZ_CMP_ANY_CASE && byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

/* How many bytes are equal from the beginning on, at most `limit`; of strings, up to the one that ends both. */
static uint64_t equal_bytes(uint32_t form, const uint8_t* a, const uint8_t* b, uint64_t limit) {
  uint64_t i = 0;
  while (i < limit && folded(form, a[i]) == folded(form, b[i])) {
    ++i;
    if (form & ISOBAR_FUZZ_CMP_TEXT && a[i - 1] == 0) return i;
  }
  return i;
}

static uint64_t closeness_of_buffers(uint32_t form, const uint8_t* a, const uint8_t* b, uint64_t equal, uint64_t limit) {
  const int ended = equal == limit || (form & ISOBAR_FUZZ_CMP_TEXT && equal > 0 && a[equal - 1] == 0 && b[equal - 1] == 0);
  return 8 * equal + (ended ? 0 : 8 - bits_of((uint64_t)(folded(form, a[equal]) ^ folded(form, b[equal]))));
}

/* How much of a buffer can be kept: all that was compared, and what follows it on the page; of strings, without the end. */
static uint64_t kept_of(uint32_t form, const uint8_t* bytes, uint64_t compared, uint64_t limit) {
  uint64_t size = 0;
  const uint64_t most = limit < KEPT ? limit : KEPT;
  while (size < most) {
    if (size > compared && ((uintptr_t)(bytes + size) & (PAGE - 1)) == 0) break;
    if (form & ISOBAR_FUZZ_CMP_TEXT && bytes[size] == 0) break;
    ++size;
  }
  return size;
}

static void compare(struct isobar_fuzz_cell* cell, uint32_t form, const uint8_t* a, const uint8_t* b, uint64_t limit) {
  if (limit == 0) return;
  const uint64_t equal = equal_bytes(form, a, b, limit);
  if (form & SCORED) take(cell, closeness_of_buffers(form, a, b, equal, limit));
  if (ISOBAR_UNLIKELY(__isobar_fuzz_logging))
    __isobar_fuzz_log_memory(cell, form & ~SCORED, a, kept_of(form, a, equal, limit), b, kept_of(form, b, equal, limit));
}

void __isobar_fuzz_cmp_memory(struct isobar_fuzz_cell* cell, uint32_t form, const void* a, const void* b, uint64_t size) {
  compare(cell, form, a, b, size);
}
void __isobar_fuzz_cmp_text(struct isobar_fuzz_cell* cell, uint32_t form, const void* a, const void* b, uint64_t limit) {
  compare(cell, form | ISOBAR_FUZZ_CMP_TEXT, a, b, limit);
}

/* ---- searches ---- */

static void search(struct isobar_fuzz_cell* cell, uint32_t form, const uint8_t* hay, uint64_t hay_size, const uint8_t* needle, uint64_t size) {
  if (size == 0 || hay_size == 0) return;
  const uint32_t bytes = form & ~ISOBAR_FUZZ_CMP_TEXT;
  uint64_t best = 0, best_at = 0;
  for (uint64_t at = 0; at < hay_size && at < WINDOWS_MAX && best < 8 * size; ++at) {
    const uint64_t limit = hay_size - at < size ? hay_size - at : size;
    const uint64_t equal = equal_bytes(bytes, hay + at, needle, limit);
    const uint64_t closeness = closeness_of_buffers(bytes, hay + at, needle, equal, limit);
    if (closeness <= best) continue;
    best = closeness;
    best_at = at;
  }
  if (form & SCORED) take(cell, best);
  if (ISOBAR_UNLIKELY(__isobar_fuzz_logging))
    __isobar_fuzz_log_memory(cell, (form & ~SCORED) | ISOBAR_FUZZ_CMP_SEARCH, hay + best_at, hay_size - best_at, needle, size);
}

void __isobar_fuzz_cmp_search_text(struct isobar_fuzz_cell* cell, uint32_t form, const char* hay, const char* needle) {
  search(cell, form | ISOBAR_FUZZ_CMP_TEXT, (const uint8_t*)hay, strlen(hay), (const uint8_t*)needle, strlen(needle));
}
void __isobar_fuzz_cmp_search_memory(struct isobar_fuzz_cell* cell, uint32_t form, const void* hay, uint64_t hay_size, const void* needle, uint64_t size) {
  search(cell, form, hay, hay_size, needle, size);
}

/* ---- std::string of libstdc++, whose members are in its library ---- */

struct string {
  const uint8_t* bytes;
  uint64_t size;
};

/* Equal only when they are of one length, so a shorter one that leads the other is as close as it is long. */
static void compare_sized(struct isobar_fuzz_cell* cell, uint32_t form, const uint8_t* a, uint64_t a_size, const uint8_t* b, uint64_t b_size) {
  const uint64_t limit = a_size < b_size ? a_size : b_size;
  const uint64_t equal = equal_bytes(form, a, b, limit);
  if (form & SCORED) take(cell, closeness_of_buffers(form, a, b, equal, limit) + (a_size == b_size ? 8 : 0));
  if (ISOBAR_UNLIKELY(__isobar_fuzz_logging)) __isobar_fuzz_log_memory(cell, form & ~SCORED, a, a_size, b, b_size);
}

void __isobar_fuzz_cmp_string_text(struct isobar_fuzz_cell* cell, uint32_t form, const struct string* a, const char* b) {
  compare_sized(cell, form, a->bytes, a->size, (const uint8_t*)b, strlen(b));
}
void __isobar_fuzz_cmp_string_string(struct isobar_fuzz_cell* cell, uint32_t form, const struct string* a, const struct string* b) {
  compare_sized(cell, form, a->bytes, a->size, b->bytes, b->size);
}
void __isobar_fuzz_cmp_string_find(struct isobar_fuzz_cell* cell, uint32_t form, const struct string* hay, const void* needle, uint64_t from, uint64_t size) {
  if (from <= hay->size) search(cell, form, hay->bytes + from, hay->size - from, needle, size);
}
void __isobar_fuzz_cmp_string_find_text(struct isobar_fuzz_cell* cell, uint32_t form, const struct string* hay, const char* needle, uint64_t from) {
  __isobar_fuzz_cmp_string_find(cell, form, hay, needle, from, strlen(needle));
}
void __isobar_fuzz_cmp_string_find_string(struct isobar_fuzz_cell* cell, uint32_t form, const struct string* hay, const struct string* needle, uint64_t from) {
  __isobar_fuzz_cmp_string_find(cell, form, hay, needle->bytes, from, needle->size);
}
void __isobar_fuzz_cmp_string_part(struct isobar_fuzz_cell* cell, uint32_t form, const struct string* a, uint64_t from, uint64_t size, const char* b) {
  if (from > a->size) return;
  const uint64_t left = a->size - from;
  compare_sized(cell, form, a->bytes + from, size < left ? size : left, (const uint8_t*)b, strlen(b));
}
