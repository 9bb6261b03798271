/* A program with a main of its own: whoever asks for it by the environment gets a copy for each input; otherwise it runs as it always did. */
#include <stdlib.h>

#include "runtime.h"

void __isobar_fuzz_main(int argc, char** argv) {
  (void)argc, (void)argv;
  if (isobar_zygote(NULL, NULL, NULL, NULL, NULL) || isobar_afl(NULL)) return;
  if (getenv(ISOBAR_FUZZ_ENV_STACKS) != NULL) isobar_print_deaths();
}
