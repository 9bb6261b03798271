#define _GNU_SOURCE
#include "scripted.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isobar/fuzz_abi.h"

#define BLOCKS 32
static uint8_t counters[BLOCKS];
static uint64_t counts[BLOCKS];
static struct isobar_fuzz_site blocks[BLOCKS];
static struct isobar_fuzz_module module = {.abi = ISOBAR_FUZZ_ABI_VERSION,
                                           .flags = ISOBAR_FUZZ_USES_SLOW | ISOBAR_FUZZ_USES_PERF | ISOBAR_FUZZ_USES_VALID | ISOBAR_FUZZ_USES_DIFF,
                                           .counters_begin = counters, .counters_end = counters + BLOCKS,
                                           .counts_begin = counts, .counts_end = counts + BLOCKS,
                                           .blocks_begin = blocks, .blocks_end = blocks + BLOCKS};
static struct isobar_fuzz_cell cells[4];
static struct isobar_fuzz_site sites[4];
static struct isobar_fuzz_domain site_domain = {.name = "site", .op = ISOBAR_FUZZ_OP_ADD, .reducer = ISOBAR_FUZZ_REDUCE_MAX, .of_sites = 1};
static struct isobar_fuzz_domain key_domain = {.name = "key", .keys = 100, .op = ISOBAR_FUZZ_OP_MIN, .reducer = ISOBAR_FUZZ_REDUCE_MIN, .initial = UINT64_MAX};

static void block(uint32_t which) {
  if (++counters[which % BLOCKS] == 0) counters[which % BLOCKS] = 1;
  ++counts[which % BLOCKS];
}

void scripted_register(void) {
  __isobar_fuzz_register_module(&module);
  __isobar_fuzz_register_sites(&site_domain, cells, cells + 4, sites);
  __isobar_fuzz_register_domain(&key_domain);
  block(31); /* the program's start: no run's */
  __isobar_fuzz_cell_add(&cells[3], 1000);
}

static volatile int never;
static void loop(void) {
  while (!never) continue;
}
static int deeper(int depth) {
  volatile char frame[4096];
  frame[0] = (char)depth;
  return deeper(depth + 1) + frame[0];
}

static void fork_and_leave(void) {
  if (fork() == 0) {
    setsid(); /* out of the worker's group */
    sleep(1000);
  }
}
/* Bounded, lest a fault of the runtime take the machine: a run may start 128. */
static void fork_bomb(void) {
  for (int i = 0; i < 400; ++i)
    if (fork() == 0) {
      setsid();
      sleep(1000);
    }
}

static void eat_memory(void) {
  for (;;) {
    void* memory = mmap(NULL, 1 << 24, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) loop();
    memset(memory, 1, 1 << 24);
    usleep(1000);
  }
}

static void deaf_loop(void) {
  for (int number = 1; number < 64; ++number) signal(number, SIG_IGN);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  loop();
}

static uint32_t bytes_at(const uint8_t* data, size_t size) {
  uint32_t value = 0;
  memcpy(&value, data, size < 4 ? size : 4);
  return value;
}

static int runs_of_this_process;

/* With SCRIPTED_TAME set, only what returns. */
static int is_tame(void) {
  static int tame = -1;
  if (tame < 0) tame = getenv("SCRIPTED_TAME") != NULL;
  return tame;
}

int scripted_run(const uint8_t* data, size_t size) {
  ++runs_of_this_process;
  block(0);
  if (size == 0) return 0;
  if (is_tame() && strchr("CWAKE_LDSMFBOXPZ", data[0]) != NULL) return 0;
  switch (data[0]) {
    case 'b': /* blocks that the bytes name */
      for (size_t i = 1; i < size; ++i) block(data[i]);
      break;
    case 's': /* sites: site i gets the value of byte i */
      for (size_t i = 1; i < size && i <= 4; ++i) __isobar_fuzz_cell_add(&cells[i - 1], data[i]);
      break;
    case 'k':
      if (size == 3) __isobar_fuzz_cell_min(__isobar_fuzz_cell_of(&key_domain, data[1]), data[2]);
      break;
    case 'v': block(1), __isobar_fuzz_invalid(); break;
    case 'd': block(1), __isobar_fuzz_diff_hit(), block(2); break;
    case 'm': /* a magic number, and where it is compared */
      if (size >= 5) {
        const uint32_t given = bytes_at(data + 1, 4);
        if (__isobar_fuzz_logging) __isobar_fuzz_log_integers(&cells[0], 32 | ISOBAR_FUZZ_CMP_EQUAL | ISOBAR_FUZZ_CMP_CONSTANT, given, 0xfeedbeef);
        block(given == 0xfeedbeef ? 4 : 3);
      }
      break;
    case 't':
      if (__isobar_fuzz_logging && size >= 9) __isobar_fuzz_log_memory(&cells[1], ISOBAR_FUZZ_CMP_EQUAL, data + 1, 8, "password", 8);
      if (size >= 9 && memcmp(data + 1, "password", 8) == 0) block(5);
      break;
    case 'n': block(1), block((uint32_t)(2 + runs_of_this_process % 8)); break; /* depends on what ran before */
    case 'r': return -1;
    case 'C': block(6), raise(SIGSEGV); break;
    case 'W': block(6), *(volatile int*)16 = 1; break;
    case 'A': block(7), abort(); break;
    case 'K': raise(SIGKILL); break;
    case 'E': block(8), exit(3); break;
    case '_': _exit(3); break;
    case 'L': block(9), loop(); break;
    case 'D': deaf_loop(); break;
    case 'S': return deeper(0);
    case 'M': block(10), eat_memory(); break;
    case 'F': fork_and_leave(); break;
    case 'B': fork_bomb(); break;
    case 'O': /* reads one byte beyond */ return data[size] == 17;
    case 'X':
      for (int file = 0; file < 256; ++file) close(file);
      break;
    case 'P': /* writes where it should not */
      memset((void*)(uintptr_t)bytes_at(data + 1, size - 1), 255, 64);
      break;
    case 'Z': kill(getppid(), SIGKILL), loop(); break;
    default: break;
  }
  return 0;
}
