/* isobar/fuzz.h for programs of other languages that are not built for fuzzing: each function is there and does nothing. */
#include <stddef.h>
#include <stdint.h>

struct isobar_fuzz_domain;

struct isobar_fuzz_domain* isobar_fuzz_domain_new(const char* name, uint32_t keys, int op, int reducer) {
  (void)name, (void)keys, (void)op, (void)reducer;
  return NULL;
}
void isobar_fuzz_record(struct isobar_fuzz_domain* domain, uint64_t key, uint64_t value) { (void)domain, (void)key, (void)value; }
int isobar_fuzz_assume(int holds) { return holds; }
void isobar_fuzz_state(uint64_t state) { (void)state; }
uint64_t isobar_fuzz_hash(const void* bytes, size_t size) {
  (void)bytes, (void)size;
  return 0;
}
