#include <stdio.h>

#include "isobar/fuzz_abi.h"
#include "scripted.h"

__attribute__((constructor)) static void begin(void) { scripted_register(); }

int main(int argc, char** argv) {
  __isobar_fuzz_main(argc, argv);
  static uint8_t data[4096];
  FILE* in = argc > 1 ? fopen(argv[1], "r") : stdin;
  if (in == NULL) return 2;
  const size_t size = fread(data, 1, sizeof data, in);
  return scripted_run(data, size) == 0 ? 0 : 1;
}
