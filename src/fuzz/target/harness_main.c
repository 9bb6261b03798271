/* The main of a harness: the fuzzer's, AFL++'s, or a person's, who gives files and folders to run. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int* argc, char*** argv);
__attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t room, unsigned int seed);

/* What harnesses call from their own mutators: a byte is changed, put in or taken out. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t room) {
  static uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  const size_t at = size != 0 ? (size_t)(state >> 8) % size : 0;
  switch (size == 0 ? 1 : state % 3) {
    case 1:
      if (size < room) {
        memmove(data + at + 1, data + at, size - at);
        data[at] = (uint8_t)(state >> 40);
        return size + 1;
      }
      break;
    case 2:
      if (size > 1) {
        memmove(data + at, data + at + 1, size - at - 1);
        return size - 1;
      }
      break;
    default: break;
  }
  if (size != 0) data[at] ^= (uint8_t)(1 + (state >> 40) % 255);
  return size;
}

static unsigned long runs = 1;
static uint64_t total_nanoseconds, total_runs;

static int run_file(const char* path) {
  FILE* file = fopen(path, "re");
  struct stat status;
  if (file == NULL || fstat(fileno(file), &status) != 0) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 1;
  }
  const size_t size = (size_t)status.st_size;
  uint8_t* bytes = malloc(size + 1);
  const int whole = bytes != NULL && fread(bytes, 1, size, file) == size;
  fclose(file);
  if (!whole) {
    fprintf(stderr, "%s: cannot be read whole\n", path);
    return 1;
  }
  fprintf(stderr, "Running: %s (%zu bytes)\n", path, size);
  uint64_t best = UINT64_MAX;
  for (unsigned long run = 0; run < runs; ++run) {
    uint8_t* input = isobar_input(bytes, size, size);
    if (input == NULL) return 1;
    const uint64_t begin = isobar_now();
    LLVMFuzzerTestOneInput(input, size);
    const uint64_t took = isobar_now() - begin;
    if (took < best) best = took;
    total_nanoseconds += took;
    ++total_runs;
  }
  fprintf(stderr, "Executed %s in %.3f ms\n", path, (double)best / 1e6);
  free(bytes);
  return 0;
}

static int run_path(const char* path) {
  struct stat status;
  if (stat(path, &status) != 0) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 1;
  }
  if (!S_ISDIR(status.st_mode)) return run_file(path);
  struct dirent** entries;
  const int count = scandir(path, &entries, NULL, alphasort);
  int failed = count < 0;
  for (int i = 0; i < count; ++i) {
    if (entries[i]->d_name[0] != '.') {
      char inner[4096];
      snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
      failed |= run_path(inner);
    }
    free(entries[i]);
  }
  if (count >= 0) free(entries);
  return failed;
}

static int usage(const char* name) {
  fprintf(stderr,
          "%s FILE…   runs the harness on each file, and on all files of a folder; -runs=N runs each N times.\n"
          "Built by isobar-cc: `isobar fuzz run %s CORPUS` fuzzes it; afl-fuzz takes it as well.\n",
          name, name);
  return 2;
}

int main(int argc, char** argv) {
  if (isobar_zygote(LLVMFuzzerTestOneInput, LLVMFuzzerCustomMutator, LLVMFuzzerInitialize, &argc, &argv)) return 0;
  if (LLVMFuzzerInitialize != NULL) LLVMFuzzerInitialize(&argc, &argv);
  isobar_afl(LLVMFuzzerTestOneInput);
  isobar_print_deaths();
  int failed = 0, files = 0;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "-runs=", 6) == 0) {
      const long wanted = atol(argv[i] + 6);
      runs = wanted > 0 ? (unsigned long)wanted : 1;
    } else if (argv[i][0] != '-') {
      ++files;
      failed |= run_path(argv[i]);
    }
  }
  if (files == 0) return usage(argv[0]);
  if (runs > 1 && total_nanoseconds > 0) fprintf(stderr, "%.0f runs/s\n", 1e9 * (double)total_runs / (double)total_nanoseconds);
  return failed;
}
