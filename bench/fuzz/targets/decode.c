/* User CPU of decoding one PNG, again and again, in nanoseconds: decode FILE RUNS. With isobar's runtime each is a run of its own. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
__attribute__((weak)) void isobar_freeze(void);
__attribute__((weak)) void isobar_run_begin(void);

static double user_seconds(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6;
}

int main(int argc, char** argv) {
  static uint8_t data[1 << 20];
  FILE* file = argc == 3 ? fopen(argv[1], "rb") : NULL;
  if (file == NULL) return 1;
  const size_t size = fread(data, 1, sizeof data, file);
  const long runs = atol(argv[2]);
  if (isobar_freeze != NULL) isobar_freeze();
  const double begin = user_seconds();
  for (long run = 0; run < runs; ++run) {
    if (isobar_run_begin != NULL) isobar_run_begin();
    LLVMFuzzerTestOneInput(data, size);
  }
  printf("%.0f\n", (user_seconds() - begin) / (double)runs * 1e9);
  return 0;
}
