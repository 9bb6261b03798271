#include "input.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

__attribute__((weak)) void __asan_init(void);

static uint8_t *guarded, *block;
static size_t guarded_bytes;

static uint8_t* on_the_heap(size_t room) {
  free(block);
  return block = malloc(room != 0 ? room : 1);
}

static uint8_t* before_the_guard(size_t room) {
  const size_t page = 4096, wanted = (room + page - 1) / page * page + page;
  if (wanted > guarded_bytes) {
    const size_t bytes = wanted < (1u << 20) ? (1u << 20) : wanted;
    uint8_t* memory = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + bytes, page, PROT_NONE) != 0) return NULL;
    if (guarded != NULL) munmap(guarded, guarded_bytes + page);
    guarded = memory;
    guarded_bytes = bytes;
  }
  return guarded + guarded_bytes - room;
}

uint8_t* isobar_input(const uint8_t* data, size_t size, size_t room) {
  uint8_t* copy = __asan_init != NULL ? on_the_heap(room) : before_the_guard(room);
  if (copy != NULL && size != 0) memcpy(copy, data, size);
  return copy;
}
