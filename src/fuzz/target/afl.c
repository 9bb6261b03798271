/* The same program under AFL++, any version: the fork server's older greeting, which the newer ones still take. Blocks' counters are copied into the
   byte map after each run. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "input.h"

#define RT isobar_runtime
#define FROM_FUZZER 198
#define TO_FUZZER 199
#define OPTIONS 0x80000001u
#define OPTION_MAP_SIZE 0x40000000u
#define OPTION_SHARED_INPUTS 0x01000000u
#define RUNS_OF_ONE_CHILD 10000

/* afl-fuzz looks for these in the file. */
const char isobar_fuzz_afl_marks[] __attribute__((used)) = "##SIG_AFL_PERSISTENT##\0##SIG_AFL_DEFER_FORKSRV##";

static uint8_t* map;
static const uint8_t* shared_input; /* its size in 4 bytes, then its bytes */

static void* attached(const char* variable) {
  const char* id = getenv(variable);
  if (id == NULL) return NULL;
  void* memory = shmat(atoi(id), NULL, 0);
  return memory == (void*)-1 ? NULL : memory;
}

static void copy_counters(void) {
  isobar_fold_counts();
  map[0] = 1;
  for (struct isobar_fuzz_module* module = RT.modules; module != NULL; module = module->next)
    memcpy(map + 1 + module->first_block, module->counters_begin, (size_t)(module->counters_end - module->counters_begin));
}
static void clear_counters(void) {
  for (struct isobar_fuzz_module* module = RT.modules; module != NULL; module = module->next) {
    memset(module->counters_begin, 0, (size_t)(module->counters_end - module->counters_begin));
    if (module->counts_begin != NULL) memset(module->counts_begin, 0, (size_t)(module->counts_end - module->counts_begin) * sizeof *module->counts_begin);
  }
}

static void on_fault(int signal_number) {
  copy_counters();
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}
static void catch_faults(void) {
  static uint8_t stack[1 << 15];
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK | SA_NODEFER};
  static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; ++i) sigaction(faults[i], &action, NULL);
  atexit(copy_counters);
}

static uint8_t from_stdin[1 << 20];

static void run_harness(isobar_harness harness) {
  for (int run = 0; run < RUNS_OF_ONE_CHILD; ++run) {
    uint32_t size = 0;
    const uint8_t* data = from_stdin;
    if (shared_input != NULL) {
      memcpy(&size, shared_input, 4);
      data = shared_input + 4;
    } else {
      lseek(0, 0, SEEK_SET);
      const ssize_t bytes = read(0, from_stdin, sizeof from_stdin);
      size = bytes > 0 ? (uint32_t)bytes : 0;
    }
    uint8_t* input = isobar_input(data, size, size);
    if (input == NULL) _exit(79);
    clear_counters();
    harness(input, size);
    copy_counters();
    if (run + 1 < RUNS_OF_ONE_CHILD) raise(SIGSTOP);
  }
  _exit(0);
}

static int word_to_fuzzer(uint32_t word) { return write(TO_FUZZER, &word, 4) == 4; }
static int word_from_fuzzer(uint32_t* word) { return read(FROM_FUZZER, word, 4) == 4; }

/* Returns in each child. */
static void serve(isobar_harness harness) {
  pid_t child = 0;
  int stopped = 0;
  for (uint32_t killed; word_from_fuzzer(&killed);) {
    int status = 0;
    if (stopped && killed) {
      waitpid(child, &status, 0);
      stopped = 0;
    }
    if (stopped) {
      kill(child, SIGCONT);
      stopped = 0;
    } else {
      child = fork();
      if (child < 0) _exit(1);
      if (child == 0) {
        close(FROM_FUZZER);
        close(TO_FUZZER);
        return;
      }
    }
    if (!word_to_fuzzer((uint32_t)child) || waitpid(child, &status, harness != NULL ? WUNTRACED : 0) < 0) _exit(1);
    stopped = WIFSTOPPED(status);
    if (!word_to_fuzzer((uint32_t)status)) _exit(1);
  }
  _exit(0);
}

int isobar_afl(isobar_harness harness) {
  if (getenv("AFL_DUMP_MAP_SIZE") != NULL) {
    isobar_freeze();
    char text[16];
    int at = sizeof text;
    text[--at] = '\n';
    for (uint32_t size = RT.blocks + 1; size != 0; size /= 10) text[--at] = (char)('0' + size % 10);
    _exit(write(1, text + at, sizeof text - (size_t)at) < 0);
  }
  map = attached("__AFL_SHM_ID");
  if (map == NULL) return 0;
  isobar_freeze();
  if (harness != NULL) shared_input = attached("__AFL_SHM_FUZZ_ID");
  const uint32_t size = RT.blocks + 1, wants = OPTIONS | OPTION_MAP_SIZE | (size - 1) << 1 | (shared_input != NULL ? OPTION_SHARED_INPUTS : 0);
  uint32_t accepted;
  /* Without a fork server the program just runs once. */
  const int served = word_to_fuzzer(wants);
  if (served) {
    if (shared_input != NULL && !word_from_fuzzer(&accepted)) _exit(1);
    serve(harness);
  }
  catch_faults();
  clear_counters();
  if (harness != NULL) run_harness(harness);
  return 1;
}
