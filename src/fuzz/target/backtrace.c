/* Where a run died, for whoever runs a target by hand or sorts crashes. A sanitizer does that itself; otherwise these lines are printed:

     ==isobar== signal 11
         #0 (/path/to/target+0x1234) parse_header

   Places are those of the file, not of memory, so that one crash has one stack whatever the addresses. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime.h"

#define FRAMES 64

__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static void print(const char* text, int size) {
  for (int written = 0; written < size;) {
    const ssize_t step = write(2, text + written, (size_t)(size - written));
    if (step <= 0) return;
    written += (int)step;
  }
}

static void on_fault(int number) {
  char line[1024];
  print(line, snprintf(line, sizeof line, "==isobar== signal %d\n", number));
  void* frames[FRAMES];
  const int count = backtrace(frames, FRAMES);
  /* The first are this handler's, and the signal's own. */
  int begin = 0;
  for (int i = 0, shown = 0; i < count; ++i) {
    Dl_info info;
    if (dladdr(frames[i], &info) == 0 || info.dli_fname == NULL) continue;
    const char* name = info.dli_sname != NULL ? info.dli_sname : "";
    if (!begin && (strstr(name, "isobar") != NULL || i < 2)) continue;
    begin = 1;
    /* A return address is one behind the call that it belongs to; of the faulting frame itself it makes no difference. */
    const size_t offset = (size_t)((char*)frames[i] - (char*)info.dli_fbase) - (shown > 0 ? 1 : 0);
    const int size = snprintf(line, sizeof line, "    #%d (%s+0x%zx) %s\n", shown++, info.dli_fname, offset, name);
    print(line, size < (int)sizeof line ? size : (int)sizeof line - 1);
  }
  signal(number, SIG_DFL);
  raise(number);
}

void isobar_print_deaths(void) {
  if (__sanitizer_set_death_callback != NULL) return;
  /* The first use of backtrace loads a library, which a handler may not. */
  void* warm[1];
  backtrace(warm, 1);
  static uint8_t stack[1 << 16];
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK | SA_NODEFER};
  static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; ++i) sigaction(faults[i], &action, NULL);
}
