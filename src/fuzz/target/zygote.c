/* The target's side of a campaign. The process that was started, the zygote, initialises once and then only forks. A harness runs batch after batch of
   inputs in one worker, at the speed of a loop in one process; when it dies the zygote forks the next, which goes on behind the input that killed
   it. A program without a harness is forked at the entry of main, for each input. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "input.h"

#define RT isobar_runtime

__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static void futex_wake(uint32_t* word) { syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0); }

/* Until *word is no longer `old`. The process ends with its parent (PR_SET_PDEATHSIG), so no wait outlives the fuzzer. */
static void futex_wait(uint32_t* word, uint32_t old) {
  while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == old) {
    const struct timespec second = {1, 0};
    syscall(SYS_futex, word, FUTEX_WAIT, old, &second, NULL, 0);
  }
}

static void answer(void) {
  struct isobar_fuzz_shared* shared = RT.shared;
  __atomic_fetch_add(&shared->answers, 1, __ATOMIC_RELEASE);
  futex_wake(&shared->answers);
}

/* Dies with `parent`, also if that was gone before it could say so. */
static void end_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
}

static struct isobar_fuzz_run* running(void) {
  const uint32_t next = RT.shared->next;
  return next < ISOBAR_FUZZ_RUNS_MAX ? &RT.shared->run[next] : NULL;
}

/* ---- the end of a run that does not return ---- */

static pid_t worker_pid;

static void close_run(uint32_t status, uint32_t signal) {
  struct isobar_fuzz_run* run = running();
  /* A child that the program started is not the run. */
  if (isobar_epoch == ISOBAR_NO_RUN || run == NULL || getpid() != worker_pid) return;
  run->nanoseconds = isobar_now() - RT.shared->started_nanoseconds;
  isobar_run_end(run, 1);
  run->signal = signal;
  run->status = status;
}
static void on_signal(int signal) {
  close_run(ISOBAR_FUZZ_CAUGHT, (uint32_t)signal);
  struct sigaction original = {.sa_handler = SIG_DFL};
  sigaction(signal, &original, NULL);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_UNBLOCK, &all, NULL);
  raise(signal);
  _exit(128 + signal);
}
void __isobar_fuzz_finish(void) { close_run(ISOBAR_FUZZ_DONE, 0); }
static void on_sanitizer(void) { close_run(ISOBAR_FUZZ_CAUGHT, SIGABRT); }
static void on_exit_of_harness(void) { close_run(ISOBAR_FUZZ_CAUGHT, 0); }
static void on_exit_of_program(void) { close_run(ISOBAR_FUZZ_DONE, 0); }

/* A fork bomb ends itself before the machine has no more processes. */
static void before_fork(void) {
  if (RT.shared != NULL && __atomic_fetch_add(&RT.shared->forked, 1, __ATOMIC_RELAXED) >= ISOBAR_FUZZ_FORKS_MAX) _exit(81);
}

static void catch_deaths(void (*at_exit)(void)) {
  static uint8_t stack[1 << 16];
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};
  /* A sanitizer has its own handlers, whose report is worth more; it calls back. */
  static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
  if (__sanitizer_set_death_callback != NULL) {
    __sanitizer_set_death_callback(on_sanitizer);
  } else {
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; ++i) sigaction(faults[i], &action, NULL);
  }
  sigaction(SIGABRT, &action, NULL);
  sigaction(SIGUSR2, &action, NULL); /* the fuzzer's: time is up */
  worker_pid = getpid();
  atexit(at_exit);
  pthread_atfork(before_fork, NULL, NULL);
}

/* ---- a harness: many runs in one process ---- */

struct target {
  isobar_harness harness;
  isobar_mutator mutator;
};

/* 0: there was no room for the run's features. */
static int run_one(const struct target* target, struct isobar_fuzz_run* run) {
  struct isobar_fuzz_shared* shared = RT.shared;
  run->flags = run->signal = run->features = 0;
  const int mutates = (shared->batch_flags & ISOBAR_FUZZ_BATCH_MUTATE) != 0 && target->mutator != NULL;
  if (run->input > ISOBAR_FUZZ_INPUTS_BYTES || run->size > ISOBAR_FUZZ_INPUTS_BYTES - run->input) _exit(78);
  size_t size = run->size;
  uint8_t* data = isobar_input(shared->input + run->input, size, mutates ? run->room : size);
  if (data == NULL) _exit(79);
  if (mutates) {
    size = target->mutator(data, size, run->room, (unsigned)run->seed);
    if (size > run->room) size = run->room;
    memcpy(shared->input + run->input, data, size);
    run->size = (uint32_t)size;
    data = isobar_input(shared->input + run->input, size, size);
    if (data == NULL) _exit(79);
  }
  shared->forked = 0;
  shared->started_nanoseconds = isobar_now();
  __atomic_store_n(&run->status, ISOBAR_FUZZ_RUNNING, __ATOMIC_RELEASE);
  isobar_run_begin();
  __isobar_fuzz_logging = (shared->batch_flags & ISOBAR_FUZZ_BATCH_LOG) != 0;
  const int result = target->harness(data, size);
  __isobar_fuzz_logging = 0;
  run->nanoseconds = isobar_now() - shared->started_nanoseconds;
  if (result == -1) run->flags |= ISOBAR_FUZZ_RUN_REJECTED;
  if (!isobar_run_end(run, (shared->batch_flags & ISOBAR_FUZZ_BATCH_ALL) != 0)) {
    run->status = ISOBAR_FUZZ_NOT_RUN;
    return 0;
  }
  __atomic_store_n(&run->status, ISOBAR_FUZZ_DONE, __ATOMIC_RELEASE);
  return 1;
}

static void work(const struct target* target) {
  struct isobar_fuzz_shared* shared = RT.shared;
  for (;;) {
    futex_wait(&shared->batches, shared->answered);
    /* Read before the answer: what comes after it is the next batch's. */
    const uint32_t batch = shared->batches, flags = shared->batch_flags;
    __atomic_store_n(&shared->taken, batch, __ATOMIC_RELEASE);
    while (shared->next < shared->runs && shared->next < ISOBAR_FUZZ_RUNS_MAX && run_one(target, &shared->run[shared->next])) ++shared->next;
    shared->full = shared->next < shared->runs;
    __atomic_store_n(&shared->answered, batch, __ATOMIC_RELEASE);
    answer();
    if (flags & ISOBAR_FUZZ_BATCH_LAST) _exit(0);
  }
}

/* ---- the zygote ---- */

/* Whatever a worker has started dies with it. Orphans come to the zygote (PR_SET_CHILD_SUBREAPER), also those that left the worker's group, and
   what they start while they are killed comes next. */
static void end_stragglers(pid_t worker) {
  char path[64];
  static char children[1 << 16];
  for (int round = 0; round < 1000; ++round) {
    kill(-worker, SIGKILL);
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    const ssize_t bytes = read(file, children, sizeof children - 1);
    close(file);
    if (bytes <= 0) return;
    children[bytes] = 0;
    char* end = children;
    for (char* at = children;; at = end) {
      const long pid = strtol(at, &end, 10);
      if (end == at) break;
      kill((pid_t)pid, SIGKILL);
      if (*end == 0) break; /* the last may be cut */
    }
  }
}

static pid_t fork_worker(pid_t zygote) {
  const pid_t worker = fork();
  if (worker == 0) {
    setpgid(0, 0);
    end_with(zygote);
  } else if (worker > 0) {
    setpgid(worker, worker);
    __atomic_store_n(&RT.shared->worker_pid, (uint32_t)worker, __ATOMIC_RELEASE);
  }
  return worker;
}

static int wait_for(pid_t worker) {
  int status = 0;
  while (waitpid(worker, &status, 0) < 0 && errno == EINTR) continue;
  __atomic_store_n(&RT.shared->worker_pid, 0, __ATOMIC_RELEASE);
  end_stragglers(worker);
  return status;
}

static void report_death(uint32_t generation, int status) {
  struct isobar_fuzz_shared* shared = RT.shared;
  shared->worker_status = (uint32_t)status;
  /* Not of a batch that has come meanwhile: the next worker takes it. */
  __atomic_store_n(&shared->answered, shared->taken, __ATOMIC_RELEASE);
  __atomic_store_n(&shared->dead, generation, __ATOMIC_RELEASE);
  answer();
}

static void cannot_fork(uint32_t generation) {
  strcpy(RT.shared->message, "no more processes can be started");
  report_death(generation, 0x7f00);
}

static void serve_harness(const struct target* target) {
  const pid_t zygote = getpid();
  for (uint32_t generation = 0;;) {
    futex_wait(&RT.shared->forks, generation);
    generation = RT.shared->forks;
    const pid_t worker = fork_worker(zygote);
    if (worker == 0) {
      catch_deaths(on_exit_of_harness);
      work(target);
    }
    if (worker < 0) cannot_fork(generation);
    else report_death(generation, wait_for(worker));
  }
}

/* The input of a program: a file, or standard input. */
static void offer_input(const struct isobar_fuzz_run* run) {
  const char* path = getenv(ISOBAR_FUZZ_ENV_FILE);
  const int file = path != NULL ? open(path, O_RDWR | O_CREAT | O_TRUNC, 0600) : memfd_create("input", 0);
  const uint8_t* data = RT.shared->input + run->input;
  for (size_t written = 0; file >= 0 && written < run->size;) {
    const ssize_t step = write(file, data + written, run->size - written);
    if (step <= 0) _exit(80);
    written += (size_t)step;
  }
  if (file < 0 || lseek(file, 0, SEEK_SET) != 0) _exit(80);
  if (path == NULL) dup2(file, 0);
  close(file);
}

/* Returns in each worker. */
static void serve_program(void) {
  struct isobar_fuzz_shared* shared = RT.shared;
  const pid_t zygote = getpid();
  for (uint32_t generation = 0;;) {
    futex_wait(&shared->forks, generation);
    generation = shared->forks;
    futex_wait(&shared->batches, shared->answered);
    __atomic_store_n(&shared->taken, shared->batches, __ATOMIC_RELEASE);
    int status = 0;
    for (; shared->next < shared->runs && shared->next < ISOBAR_FUZZ_RUNS_MAX; ++shared->next) {
      struct isobar_fuzz_run* run = &shared->run[shared->next];
      if (run->input > ISOBAR_FUZZ_INPUTS_BYTES || run->size > ISOBAR_FUZZ_INPUTS_BYTES - run->input) _exit(78);
      run->flags = run->signal = run->features = 0;
      shared->forked = 0;
      shared->started_nanoseconds = isobar_now();
      __atomic_store_n(&run->status, ISOBAR_FUZZ_RUNNING, __ATOMIC_RELEASE);
      const pid_t worker = fork_worker(zygote);
      if (worker == 0) {
        offer_input(run);
        catch_deaths(on_exit_of_program);
        isobar_run_begin();
        __isobar_fuzz_logging = (shared->batch_flags & ISOBAR_FUZZ_BATCH_LOG) != 0;
        return;
      }
      if (worker < 0) break;
      status = wait_for(worker);
      if (!WIFEXITED(status)) break;
      /* It ended by _exit, past its handlers: it ran, and nobody saw where. */
      if (run->status == ISOBAR_FUZZ_RUNNING) run->status = ISOBAR_FUZZ_DONE;
    }
    if (shared->next < shared->runs) {
      report_death(generation, status);
    } else {
      __atomic_store_n(&shared->answered, shared->taken, __ATOMIC_RELEASE);
      answer();
    }
  }
}

/* ---- the beginning ---- */

static void fail(const char* why) {
  fprintf(stderr, "isobar-fuzz: %s\n", why);
  if (RT.shared != NULL) {
    snprintf(RT.shared->message, sizeof RT.shared->message, "%s", why);
    __atomic_store_n(&RT.shared->state, ISOBAR_FUZZ_FAILED, __ATOMIC_RELEASE);
    futex_wake(&RT.shared->state);
  }
  _exit(77);
}

static void describe_domains(void) {
  struct isobar_fuzz_shared* shared = RT.shared;
  uint32_t place = 0;
  for (const struct isobar_fuzz_domain* domain = RT.domains; domain != NULL; domain = domain->next, ++place) {
    struct isobar_fuzz_shared_domain* out = &shared->domain[place];
    snprintf(out->name, sizeof out->name, "%s", domain->name);
    out->first_slot = domain->first_slot;
    out->keys = domain->keys;
    out->op = domain->op;
    out->reducer = domain->reducer;
    out->of_sites = domain->of_sites;
    out->initial = domain->initial;
  }
  shared->domains = place;
}

static void map_aggregates(void) {
  const uint64_t begin = isobar_fuzz_plane_offset(RT.blocks, 0), slots = isobar_fuzz_slots_offset(RT.blocks);
  if (slots + RT.slots * sizeof(uint64_t) > ISOBAR_FUZZ_SHARED_BYTES) fail("the program has more blocks and keys than the fuzzer has room for");
  uint8_t* base = (uint8_t*)RT.shared;
  for (uint32_t plane = 0; plane < ISOBAR_FUZZ_PLANES; ++plane) RT.plane[plane] = base + isobar_fuzz_plane_offset(RT.blocks, plane);
  RT.best = (uint64_t*)(base + slots);
  /* What is known so far is out of the program's reach. */
  mprotect(base + begin, ISOBAR_FUZZ_SHARED_BYTES - begin, PROT_READ);
}

static void say_hello(isobar_mutator mutator, int persistent) {
  struct isobar_fuzz_shared* shared = RT.shared;
  isobar_freeze();
  map_aggregates();
  describe_domains();
  shared->blocks = RT.blocks;
  shared->slots = RT.slots;
  shared->planes = RT.flags & (ISOBAR_FUZZ_USES_VALID | ISOBAR_FUZZ_USES_DIFF);
  shared->persistent = (uint32_t)persistent;
  shared->has_mutator = mutator != NULL;
  shared->zygote_pid = (uint32_t)getpid();
  const char* sites = getenv(ISOBAR_FUZZ_ENV_SITES);
  if (sites != NULL && isobar_write_sites(sites) != 0) fail("the list of the program's places could not be written");
  if (RT.blocks == 0) fail("nothing in the program is instrumented: compile it with isobar-cc or isobar-c++");
  __atomic_store_n(&shared->state, ISOBAR_FUZZ_READY, __ATOMIC_RELEASE);
  futex_wake(&shared->state);
}

int isobar_zygote(isobar_harness harness, isobar_mutator mutator, int (*initialize)(int*, char***), int* argc, char*** argv) {
  const char* number = getenv(ISOBAR_FUZZ_ENV_SHARED);
  if (number == NULL) return 0;
  const int file = atoi(number);
  unsetenv(ISOBAR_FUZZ_ENV_SHARED);
  struct isobar_fuzz_shared* shared = mmap(NULL, ISOBAR_FUZZ_SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (shared == MAP_FAILED) fail("the memory shared with the fuzzer cannot be mapped: is there a limit on address space?");
  close(file);
  if (shared->magic != ISOBAR_FUZZ_MAGIC || shared->abi != ISOBAR_FUZZ_SHARED_ABI) {
    RT.shared = shared;
    fail("the program was compiled for another version of isobar: compile it again");
  }
  RT.shared = shared;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (initialize != NULL) initialize(argc, argv);
  say_hello(mutator, harness != NULL);
  if (harness == NULL) {
    serve_program();
  } else {
    const struct target target = {harness, mutator};
    serve_harness(&target);
  }
  return 1;
}
