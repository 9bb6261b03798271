/* The macros of FuzzFactory (Padhye et al., OOPSLA 2019), for programs that were written for it: they compile unchanged and record into
   domains of isobar's. What differs: values have 64 bits and saturate where FuzzFactory's wrap at 32, any number of domains, and keys are
   folded by modulo as there. Without isobar-cc all are nothing, except that what is assumed is still checked, as there. */
#ifndef ISOBAR_WAYPOINTS_H
#define ISOBAR_WAYPOINTS_H

#include <stdint.h>
#include <stdlib.h>

#define FUZZFACTORY_REDUCER_MAX 0
#define FUZZFACTORY_REDUCER_MIN 1
#define FUZZFACTORY_REDUCER_BIT_UNION 2
#define FUZZFACTORY_REDUCER_BIT_INTERSECT 3
#define FUZZFACTORY_REDUCER_LOG_BUCKET 4

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __ISOBAR_FUZZ__

int isobar_fuzz_waypoints_new(const char* name, uint32_t size, int reducer, uint64_t initial);
void isobar_fuzz_waypoints_max(int handle, uint64_t key, uint64_t value);
void isobar_fuzz_waypoints_bit(int handle, uint64_t key, uint64_t value);
void isobar_fuzz_waypoints_set(int handle, uint64_t key, uint64_t value);
void isobar_fuzz_waypoints_inc(int handle, uint64_t key, uint64_t value);
int isobar_fuzz_assume(int holds);

#define FUZZFACTORY_DSF_NEW(name, size, reducer, initial)                               \
  int name = -1;                                                                        \
  __attribute__((constructor(102))) static void isobar_fuzz_waypoints_of_##name(void) { \
    name = isobar_fuzz_waypoints_new(#name, size, reducer, initial);                    \
  }
#define FUZZFACTORY_DSF_MAX(name, key, value) isobar_fuzz_waypoints_max(name, (uint64_t)(key), (uint64_t)(value))
#define FUZZFACTORY_DSF_BIT(name, key, value) isobar_fuzz_waypoints_bit(name, (uint64_t)(key), (uint64_t)(value))
#define FUZZFACTORY_DSF_SET(name, key, value) isobar_fuzz_waypoints_set(name, (uint64_t)(key), (uint64_t)(value))
#define FUZZFACTORY_DSF_INC(name, key, value) isobar_fuzz_waypoints_inc(name, (uint64_t)(key), (uint64_t)(value))
#define ISOBAR_WAYPOINTS_ASSUMED(expression) isobar_fuzz_assume(!!(expression))

#else

#define FUZZFACTORY_DSF_NEW(name, size, reducer, initial) int name;
#define FUZZFACTORY_DSF_MAX(name, key, value) ((void)0)
#define FUZZFACTORY_DSF_BIT(name, key, value) ((void)0)
#define FUZZFACTORY_DSF_SET(name, key, value) ((void)0)
#define FUZZFACTORY_DSF_INC(name, key, value) ((void)0)
#define ISOBAR_WAYPOINTS_ASSUMED(expression) (!!(expression))

#endif

#define ASSUME1(expression) ((void)ISOBAR_WAYPOINTS_ASSUMED(expression))
#define ASSUME_OR_RETURN(expression, value)                  \
  do {                                                       \
    if (!ISOBAR_WAYPOINTS_ASSUMED(expression)) return value; \
  } while (0)
#define ASSUME_OR_EXIT(expression)                      \
  do {                                                  \
    if (!ISOBAR_WAYPOINTS_ASSUMED(expression)) exit(0); \
  } while (0)

#ifdef __cplusplus
}
#endif
#endif
