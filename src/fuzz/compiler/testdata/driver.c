/* Runs a harness once for each argument, with the runtime's own parts, and prints every value that the run gave:
     DOMAIN FUNCTION:LINE VALUE       a key that is a site
     DOMAIN KEY VALUE                 one that is not
     block FUNCTION:LINE COUNT        a block's counter; of a choice: block choice INDEX FUNCTION:LINE COUNT
     log FUNCTION:LINE FORM A B       operands, in hexadecimal
     text FUNCTION:LINE FORM A|B      operands of a buffer
   after "run ARGUMENT RESULT". */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime.h"

#define RT isobar_runtime

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

struct label {
  char text[200];
};
static struct label *of_slot, *of_block;

static void read_labels(void) {
  char path[] = "/tmp/isobar-fuzz-sites-XXXXXX";
  close(mkstemp(path));
  isobar_write_sites(path);
  FILE* file = fopen(path, "r");
  unlink(path);
  of_slot = calloc(RT.slots + 1, sizeof *of_slot);
  of_block = calloc(RT.blocks + 1, sizeof *of_block);
  char line[4096];
  while (fgets(line, sizeof line, file) != NULL) {
    unsigned key, form, number;
    char function[150];
    if (sscanf(line + 1, "\t%u\t%u\t%u\t%149[^\t]", &key, &form, &number, function) != 4) continue;
    struct label* label = line[0] == 'b' ? &of_block[key] : &of_slot[key];
    snprintf(label->text, sizeof label->text, "%s:%u", function, number);
  }
  fclose(file);
}

static void print_cells(void) {
  for (uint32_t i = 0; i < RT.touched_count; ++i) {
    const struct isobar_fuzz_cell* cell = RT.touched[i];
    const uint32_t slot = cell->slot & ((1u << ISOBAR_FUZZ_SLOT_BITS) - 1);
    const struct isobar_fuzz_domain* domain = RT.domains;
    while (domain != NULL && slot - domain->first_slot >= domain->keys) domain = domain->next;
    if (of_slot[slot].text[0] != 0) printf("%s %s %llu\n", domain->name, of_slot[slot].text, (unsigned long long)cell->value);
    else printf("%s %u %llu\n", domain->name, slot - domain->first_slot, (unsigned long long)cell->value);
  }
}

static void print_blocks(void) {
  isobar_fold_counts();
  for (const struct isobar_fuzz_module* module = RT.modules; module != NULL; module = module->next)
    for (uint32_t i = 0; i < (uint32_t)(module->counters_end - module->counters_begin); ++i) {
      if (module->counters_begin[i] == 0) continue;
      const char* label = of_block[module->first_block + i].text;
      if (module->blocks_begin[i].form & ISOBAR_FUZZ_BLOCK_SELECT) {
        printf("block choice %u %s %u\n", i, label, module->counters_begin[i]);
        continue;
      }
      printf("block %s %u\n", label, module->counters_begin[i]);
      if (module->counts_begin != module->counts_end) printf("perf %s %llu\n", label, (unsigned long long)module->counts_begin[i]);
    }
}

static const char* label_of(uint32_t slot) { return of_slot[slot].text[0] != 0 ? of_slot[slot].text : "?"; }

static void print_log(struct isobar_fuzz_shared* shared) {
  for (uint32_t i = 0; i < shared->operands; ++i) {
    const struct isobar_fuzz_operands* one = &shared->operand[i];
    printf("log %s %x %llx %llx\n", label_of(one->slot), one->form, (unsigned long long)one->a, (unsigned long long)one->b);
  }
  for (uint32_t i = 0; i < shared->buffers; ++i) {
    const struct isobar_fuzz_buffers* one = &shared->buffer[i];
    printf("text %s %x %.*s|%.*s\n", label_of(one->slot), one->form, one->a_size, (const char*)one->a, one->b_size, (const char*)one->b);
  }
  shared->operands = shared->buffers = 0;
}

int main(int argc, char** argv) {
  isobar_freeze();
  read_labels();
  struct isobar_fuzz_shared* shared = mmap(NULL, ISOBAR_FUZZ_SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  const int logs = getenv("LOG") != NULL;
  for (int i = 1; i < argc; ++i) {
    const size_t size = strlen(argv[i]);
    uint8_t* input = malloc(size + 1);
    memcpy(input, argv[i], size + 1);
    RT.shared = shared;
    isobar_run_begin();
    __isobar_fuzz_logging = (uint8_t)logs;
    const int result = LLVMFuzzerTestOneInput(input, size);
    __isobar_fuzz_logging = 0;
    printf("run %s %d\n", argv[i], result);
    if (RT.run_flags & ISOBAR_FUZZ_RUN_INVALID) puts("invalid");
    if (RT.run_flags & ISOBAR_FUZZ_RUN_DIFF) puts("diff");
    print_cells();
    print_blocks();
    print_log(shared);
    isobar_epoch = ISOBAR_NO_RUN;
    fflush(stdout);
    free(input);
  }
  return 0;
}
