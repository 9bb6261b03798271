/* A fork server of AFL's that speaks whichever generation the first argument says, for programs whose input is standard input, or the shared
   memory of test cases:
     plain  old  old-shared  new  new-shared  new-dictionary   greet, and serve
     error  silent  dies  babbles  unfinished  huge            do not
   A run counts, in the map, each byte behind a `b`; otherwise its first byte is what it does: C crashes, L loops, M takes memory, Z kills the fork server. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t* map;
static const uint8_t* shared;

static void* attached(const char* name) {
  const char* id = getenv(name);
  void* memory = id == NULL ? (void*)-1 : shmat(atoi(id), NULL, 0);
  if (memory == (void*)-1) _exit(1);
  return memory;
}
static void say(uint32_t word) {
  if (write(199, &word, 4) != 4) _exit(1);
}
static uint32_t hear(void) {
  uint32_t word;
  if (read(198, &word, 4) != 4) _exit(0);
  return word;
}

static void greet_new(uint32_t options) {
  const uint32_t first = 0x41464c01u;
  say(first);
  if (hear() != ~first) _exit(2);
  say(options);
  if (options & 1) say(1000);
  if (options & 0x800) {
    say(9);
    if (write(199, "\4GIF8\3abc", 9) != 9) _exit(1);
  }
  say(first);
}

static void greet(const char* how) {
  if (strcmp(how, "plain") == 0) say(0);
  if (strcmp(how, "old") == 0) say(0x80000001u | 0x40000000u | (1000 - 1) << 1);
  if (strcmp(how, "old-shared") == 0) {
    say(0x80000001u | 0x40000000u | 0x10000000u | 0x01000000u | (1000 - 1) << 1);
    if (hear() != (0x80000001u | 0x01000000u)) _exit(2); /* the dictionary is not wanted */
  }
  if (strcmp(how, "new") == 0) greet_new(1);
  if (strcmp(how, "new-shared") == 0) greet_new(1 | 2 | 0x04000000u);
  if (strcmp(how, "new-dictionary") == 0) greet_new(1 | 0x800);
  if (strcmp(how, "error") == 0) say(0xeffe0000u | 1), exit(1);
  if (strcmp(how, "huge") == 0) say(0x41464c01u), hear(), say(1), say(100u << 20);
  if (strcmp(how, "silent") == 0) pause();
  if (strcmp(how, "dies") == 0) say(0x41464c01u), abort();
  if (strcmp(how, "babbles") == 0) say(0x41464c01u), hear(), say(0), say(7);
  if (strcmp(how, "unfinished") == 0 && write(199, "\1", 1) == 1) exit(3);
  if (strstr(how, "shared") != NULL) shared = attached("__AFL_SHM_FUZZ_ID");
}

static void run(void) {
  static uint8_t input[1 << 20];
  uint32_t size = 0;
  if (shared != NULL) {
    memcpy(&size, shared, 4);
    memcpy(input, shared + 4, size);
  } else {
    for (ssize_t got; (got = read(0, input + size, sizeof input - size)) > 0;) size += (uint32_t)got;
  }
  map[0] = 1;
  for (uint32_t i = 1; size > 0 && input[0] == 'b' && i < size; ++i) ++map[input[i]];
  switch (size == 0 ? 0 : input[0]) {
    case 'C': map[6] = 1; raise(SIGSEGV); break;
    case 'L': map[9] = 1; for (;;) usleep(1000);
    case 'M':
      for (size_t taken = 0; taken < (size_t)1 << 28; taken += 1 << 20) memset(malloc(1 << 20), 1, 1 << 20);
      for (;;) usleep(1000);
    case 'Z': kill(getppid(), SIGKILL); break;
    case 'E': _exit(3);
    default: break;
  }
  _exit(0);
}

int main(int argc, char** argv) {
  if (argc < 2) return 1;
  map = attached("__AFL_SHM_ID");
  greet(argv[1]);
  for (;;) {
    hear();
    const pid_t child = fork();
    if (child == 0) run();
    say((uint32_t)child);
    int status = 0;
    waitpid(child, &status, 0);
    say((uint32_t)status);
  }
}
