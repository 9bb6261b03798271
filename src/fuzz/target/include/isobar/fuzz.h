/* What a program says to the fuzzer: domains of its own, assumptions about the input, its state.

   Compiled by isobar-cc or isobar-c++, these record; compiled by anything else they cost nothing and do nothing, so they may stay in the
   source. C and C++. From Rust and other languages, declare the functions below `extern "C"` and link with isobar-cc as the linker, or, in
   builds that are not for fuzzing, with libisobar_fuzz_noop.a, where each does nothing.

     ISOBAR_FUZZ_DOMAIN(queue, "queue.length", 1, ISOBAR_FUZZ_MAX, ISOBAR_FUZZ_REDUCER_MAX);
     …
     ISOBAR_FUZZ_RECORD(queue, 0, length);

   Threads: any function from any thread; values may then be lost, never memory. None blocks or allocates, except isobar_fuzz_domain_new. */
#ifndef ISOBAR_FUZZ_H
#define ISOBAR_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a key's value changes within one run of an input. */
enum { ISOBAR_FUZZ_ADD = 0, ISOBAR_FUZZ_MAX = 1, ISOBAR_FUZZ_MIN = 2, ISOBAR_FUZZ_OR = 3, ISOBAR_FUZZ_SET = 4 };
/* How the values of all inputs make what is known so far; an input that changes it is kept. LOG: the set of the powers of two that were
   seen. A run's keys start from what changes nothing: 0, or for MIN and AND the greatest number. */
enum {
  ISOBAR_FUZZ_REDUCER_MAX = 0,
  ISOBAR_FUZZ_REDUCER_MIN = 1,
  ISOBAR_FUZZ_REDUCER_OR = 2,
  ISOBAR_FUZZ_REDUCER_AND = 3,
  ISOBAR_FUZZ_REDUCER_LOG = 4
};

struct isobar_fuzz_domain;

#ifdef __ISOBAR_FUZZ__

/* A domain with `keys` keys, from 1 to 16,777,216; keys beyond are folded by a hash. To be called before the first run: in
   LLVMFuzzerInitialize, or a constructor. Of a name that is known already the other's keys are used. Never null: with nonsense the process
   ends and says why. */
struct isobar_fuzz_domain* isobar_fuzz_domain_new(const char* name, uint32_t keys, int op, int reducer);
/* By the domain's op. */
void isobar_fuzz_record(struct isobar_fuzz_domain* domain, uint64_t key, uint64_t value);
/* An assumption about the input. False: this run is not valid, which the domain `valid` does not count. Returns what it was given. */
int isobar_fuzz_assume(int holds);
/* The state that the program is in, of a protocol say, by any number: states, and steps from one to the next, are the domains `state` and
 * `state.step`. */
void isobar_fuzz_state(uint64_t state);
/* A number for some bytes, for keys and states. */
uint64_t isobar_fuzz_hash(const void* bytes, size_t size);

/* Declares and registers a domain, at the level of a file; static. */
#define ISOBAR_FUZZ_DOMAIN(handle, name, keys, op, reducer)                           \
  static struct isobar_fuzz_domain* handle;                                           \
  __attribute__((constructor(102))) static void isobar_fuzz_register_##handle(void) { \
    handle = isobar_fuzz_domain_new(name, keys, op, reducer);                         \
  }                                                                                   \
  struct isobar_fuzz_domain
#define ISOBAR_FUZZ_RECORD(handle, key, value) isobar_fuzz_record(handle, (uint64_t)(key), (uint64_t)(value))
#define ISOBAR_FUZZ_STATE(state) isobar_fuzz_state((uint64_t)(state))
/* Leaves the function with `result` when `condition` does not hold. */
#define ISOBAR_FUZZ_ASSUME(condition, result)                 \
  do {                                                        \
    if (!isobar_fuzz_assume((condition) != 0)) return result; \
  } while (0)

#else

static inline struct isobar_fuzz_domain* isobar_fuzz_domain_new(const char* name, uint32_t keys, int op, int reducer) {
  (void)name, (void)keys, (void)op, (void)reducer;
  return NULL;
}
static inline void isobar_fuzz_record(struct isobar_fuzz_domain* domain, uint64_t key, uint64_t value) {
  (void)domain, (void)key, (void)value;
}
static inline int isobar_fuzz_assume(int holds) { return holds; }
static inline void isobar_fuzz_state(uint64_t state) { (void)state; }
static inline uint64_t isobar_fuzz_hash(const void* bytes, size_t size) {
  (void)bytes, (void)size;
  return 0;
}
/* Their arguments are not even evaluated. */
#define ISOBAR_FUZZ_DOMAIN(handle, name, keys, op, reducer) struct isobar_fuzz_domain
#define ISOBAR_FUZZ_RECORD(handle, key, value) ((void)0)
#define ISOBAR_FUZZ_STATE(state) ((void)0)
#define ISOBAR_FUZZ_ASSUME(condition, result) ((void)0)

#endif

#ifdef __cplusplus
}
#endif
#endif
