/* Who is there: modules with blocks, domains with keys. Constructors call in any order, before main and, from libraries that are opened later, at
   any time; the tables are made when the first run is asked for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime.h"

struct isobar_runtime isobar_runtime;
struct isobar_fuzz_domain isobar_perf = {.name = "perf", .op = ISOBAR_FUZZ_OP_ADD, .reducer = ISOBAR_FUZZ_REDUCE_MAX, .of_sites = 1};
struct isobar_fuzz_domain isobar_slow = {.name = "slow", .keys = 1, .op = ISOBAR_FUZZ_OP_ADD, .reducer = ISOBAR_FUZZ_REDUCE_MAX};

#define SLOTS_MAX (1u << ISOBAR_FUZZ_SLOT_BITS)
#define RT isobar_runtime

static void die(const char* why) {
  static const char prefix[] = "isobar-fuzz: ";
  if (write(2, prefix, sizeof prefix - 1) < 0 || write(2, why, strlen(why)) < 0 || write(2, "\n", 1) < 0) _exit(77);
  if (RT.shared != NULL) {
    strncpy(RT.shared->message, why, sizeof RT.shared->message - 1);
    __atomic_store_n(&RT.shared->state, ISOBAR_FUZZ_FAILED, __ATOMIC_SEQ_CST);
  }
  _exit(77);
}

void* isobar_memory(size_t bytes) {
  void* memory = mmap(NULL, bytes + 64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) die("no memory for the fuzzer's own tables");
  return memory;
}

void __isobar_fuzz_register_module(struct isobar_fuzz_module* module) {
  if (module->abi != ISOBAR_FUZZ_ABI_VERSION) die("the program and its runtime are of different versions of isobar: compile the program again");
  if (module->counters_end - module->counters_begin != module->blocks_end - module->blocks_begin)
    die("a module's counters and their records differ in number: was it linked by something other than isobar-cc?");
  if (module->counts_begin != module->counts_end && module->counts_end - module->counts_begin != module->blocks_end - module->blocks_begin)
    die("some objects were compiled with the domains slow or perf, others without: compile all of them with the same --domains");
  if (RT.frozen) {
    if (RT.shared != NULL) RT.shared->late_sites += (uint32_t)(module->blocks_end - module->blocks_begin);
    return;
  }
  for (const struct isobar_fuzz_module* known = RT.modules; known != NULL; known = known->next)
    if (known == module) return;
  module->first_block = RT.blocks;
  RT.blocks += (uint32_t)(module->blocks_end - module->blocks_begin);
  RT.flags |= module->flags;
  struct isobar_fuzz_module** end = &RT.modules;
  while (*end != NULL) end = &(*end)->next;
  module->next = NULL;
  *end = module;
}

static struct isobar_fuzz_domain* known_by_name(const char* name) {
  for (struct isobar_fuzz_domain* known = RT.domains; known != NULL; known = known->next)
    if (strcmp(known->name, name) == 0) return known;
  return NULL;
}

static void enlist(struct isobar_fuzz_domain* domain) {
  if (RT.domain_count == ISOBAR_FUZZ_DOMAINS_MAX) die("more than 64 domains in one program");
  domain->registered = ++RT.domain_count;
  struct isobar_fuzz_domain** end = &RT.domains;
  while (*end != NULL) end = &(*end)->next;
  domain->next = NULL;
  *end = domain;
}

/* Sites of one linked object. Slots are given when all are known. */
struct sites {
  struct isobar_fuzz_domain* domain;
  struct isobar_fuzz_cell *begin, *end;
  const struct isobar_fuzz_site* records;
};
static struct sites all_sites[256];
static uint32_t sites_count;

void __isobar_fuzz_register_sites(struct isobar_fuzz_domain* domain, struct isobar_fuzz_cell* begin, struct isobar_fuzz_cell* end,
                                  const struct isobar_fuzz_site* sites) {
  if (RT.frozen) {
    if (RT.shared != NULL) RT.shared->late_sites += (uint32_t)(end - begin);
    return;
  }
  for (uint32_t i = 0; i < sites_count; ++i)
    if (all_sites[i].begin == begin && all_sites[i].domain->op == domain->op && strcmp(all_sites[i].domain->name, domain->name) == 0) return;
  struct isobar_fuzz_domain* known = known_by_name(domain->name);
  if (known == NULL) {
    domain->of_sites = 1;
    domain->keys = 0;
    enlist(known = domain);
  }
  if (sites_count == sizeof all_sites / sizeof all_sites[0]) die("more than 256 instrumented libraries");
  all_sites[sites_count++] = (struct sites){known, begin, end, sites};
  known->keys += (uint32_t)(end - begin);
}

void __isobar_fuzz_register_domain(struct isobar_fuzz_domain* domain) {
  if (domain->registered || RT.frozen) return;
  if (domain->keys == 0 || domain->keys > (1u << 24)) die("a domain has between 1 and 16,777,216 keys");
  struct isobar_fuzz_domain* known = known_by_name(domain->name);
  if (known == NULL) {
    enlist(domain);
    return;
  }
  /* The same domain in several objects: all of them record into the first one's cells. */
  if (known->keys != domain->keys || known->op != domain->op || known->reducer != domain->reducer || known->initial != domain->initial)
    die("two domains of one name differ");
  domain->registered = known->registered;
}

/* A domain that is known by another's name has its cells. */
static struct isobar_fuzz_domain* original(struct isobar_fuzz_domain* domain) {
  struct isobar_fuzz_domain* known = domain->cells != NULL ? domain : known_by_name(domain->name);
  if (known != NULL && known != domain) domain->cells = known->cells;
  return domain;
}

static uint64_t mixed(uint64_t key) {
  key ^= key >> 32;
  key *= UINT64_C(0xd6e8feb86659fd93);
  key ^= key >> 32;
  key *= UINT64_C(0xd6e8feb86659fd93);
  return key ^ key >> 32;
}

struct isobar_fuzz_cell* __isobar_fuzz_cell_of(struct isobar_fuzz_domain* domain, uint64_t key) {
  static struct isobar_fuzz_cell nowhere;
  if (ISOBAR_UNLIKELY(domain->cells == NULL) && original(domain)->cells == NULL) return &nowhere;
  return &domain->cells[key < domain->keys ? key : mixed(key) % domain->keys];
}

static void give_slots(struct isobar_fuzz_domain* domain) {
  if (domain->keys > SLOTS_MAX - RT.slots) die("too many keys in all domains together");
  domain->first_slot = RT.slots;
  RT.slots += domain->keys;
  if (domain == &isobar_perf || domain == &isobar_slow) return;
  if (!domain->of_sites) {
    domain->cells = isobar_memory(domain->keys * sizeof *domain->cells);
    for (uint32_t i = 0; i < domain->keys; ++i) domain->cells[i].slot = (uint32_t)domain->reducer << ISOBAR_FUZZ_SLOT_BITS | (domain->first_slot + i);
    return;
  }
  uint32_t slot = domain->first_slot;
  for (uint32_t i = 0; i < sites_count; ++i)
    if (all_sites[i].domain == domain)
      for (struct isobar_fuzz_cell* cell = all_sites[i].begin; cell != all_sites[i].end; ++cell)
        cell->slot = (uint32_t)domain->reducer << ISOBAR_FUZZ_SLOT_BITS | slot++;
}

void isobar_freeze(void) {
  if (RT.frozen) return;
  if (RT.flags & ISOBAR_FUZZ_USES_PERF) {
    isobar_perf.keys = RT.blocks;
    enlist(&isobar_perf);
  }
  if (RT.flags & ISOBAR_FUZZ_USES_SLOW) enlist(&isobar_slow);
  RT.slots = 1; /* 0 is that of cells which nobody registered */
  for (struct isobar_fuzz_domain* domain = RT.domains; domain != NULL; domain = domain->next) give_slots(domain);
  RT.domain_of_slot = isobar_memory(RT.slots + 1);
  uint32_t place = 0;
  for (struct isobar_fuzz_domain* domain = RT.domains; domain != NULL; domain = domain->next, ++place) {
    RT.initial[place] = domain->initial;
    memset(RT.domain_of_slot + domain->first_slot, (int)place, domain->keys);
  }
  RT.touched_room = RT.slots + 1;
  RT.touched = isobar_memory(RT.touched_room * sizeof *RT.touched);
  RT.hit = isobar_memory((RT.blocks + 64) * sizeof *RT.hit);
  RT.hit_count = isobar_memory(RT.blocks + 64);
  if (RT.flags & ISOBAR_FUZZ_USES_DIFF) RT.diff_counters = isobar_memory(RT.blocks + 64);
  isobar_prepare_counts();
  RT.frozen = 1;
}

static const char* text_at(const int32_t* field) { return *field == 0 ? "?" : (const char*)field + *field; }

static void write_site(FILE* out, char kind, uint32_t key, const struct isobar_fuzz_site* site) {
  fprintf(out, "%c\t%u\t%u\t%u\t%s\t%s\n", kind, key, site->form, site->line, text_at(&site->function), text_at(&site->file));
}

/* Names of files and functions may have anything but a NUL in them; a tab or a newline there would only spoil a label. */
int isobar_write_sites(const char* path) {
  FILE* out = fopen(path, "we");
  if (out == NULL) return errno;
  for (const struct isobar_fuzz_module* module = RT.modules; module != NULL; module = module->next)
    for (const struct isobar_fuzz_site* block = module->blocks_begin; block != module->blocks_end; ++block)
      write_site(out, 'b', module->first_block + (uint32_t)(block - module->blocks_begin), block);
  for (const struct isobar_fuzz_domain* domain = RT.domains; domain != NULL; domain = domain->next) {
    uint32_t slot = domain->first_slot;
    for (uint32_t i = 0; i < sites_count; ++i)
      if (all_sites[i].domain == domain)
        for (ptrdiff_t site = 0; site < all_sites[i].end - all_sites[i].begin; ++site) write_site(out, 's', slot++, &all_sites[i].records[site]);
  }
  fputs("end\n", out);
  const int failed = ferror(out) | fflush(out);
  return fclose(out) != 0 || failed ? EIO : 0;
}
