/* A featurizer as a shared library: what isobar asks of it. Plain C, and complete in itself.
 *
 * The library has one function, isobar_featurizer_v1, which gives a table of functions. For each feature that names the library an object
 * is created, with the feature's `arguments`; it is asked for one key at a time, by one thread at a time, until it is destroyed. It runs in
 * the process that serves: if it crashes, so does the server. It is loaded once; another file under the same name counts after a restart.
 *
 *     cc -shared -fPIC -O2 -I FOLDER_OF_THIS_HEADER -o recency.so recency.c
 */
#ifndef ISOBAR_FEATURIZER_H
#define ISOBAR_FEATURIZER_H

#include <stddef.h>
#include <stdint.h>

/* Names as C has them. NOLINTBEGIN(readability-identifier-naming) */
#ifdef __cplusplus
extern "C" {
#endif

#define ISOBAR_FEATURIZER_VERSION 1u

enum {
  ISOBAR_NULL = 0,
  ISOBAR_INTEGER = 1,  /* bool, int32, int64: integer */
  ISOBAR_NUMBER = 2,   /* float32, float64: number */
  ISOBAR_TEXT = 3,     /* string: data, size; UTF-8, and no zero at its end */
  ISOBAR_BYTES = 4,    /* data, size */
  ISOBAR_TIME = 5,     /* timestamp: integer, nanoseconds since 1970 */
  ISOBAR_INTEGERS = 6, /* bool[], int32[], int64[]: data points to size int64_t */
  ISOBAR_NUMBERS = 7   /* float32[], float64[]: data points to size double */
  /* Lists of other types come as ISOBAR_TEXT, in JSON. */
};

typedef struct isobar_value {
  uint32_t kind;
  uint32_t reserved; /* 0 */
  int64_t integer;
  double number;
  const void* data;
  size_t size;
} isobar_value;

/* A key's newest events, the oldest first: values[event * columns + column], the columns as the feature's `of` lists them. */
typedef struct isobar_history {
  const isobar_value* values;
  size_t events, columns;
} isobar_history;

/* Where a result goes. What is given is copied before the call returns. The last call counts; none is a failure. */
typedef struct isobar_result {
  void* context;
  void (*give)(void* context, const isobar_value* value); /* ISOBAR_NULL is a result, too */
  void (*fail)(void* context, const char* why);           /* the key keeps the row that it has */
} isobar_result;

typedef struct isobar_featurizer {
  uint32_t version; /* ISOBAR_FEATURIZER_VERSION */
  uint32_t reserved;
  /* arguments: of the definition, "" if there are none. NULL: it cannot be; why is then in `error`, with a zero at its end. */
  void* (*create)(const char* arguments, char* error, size_t error_size);
  void (*destroy)(void* self);
  void (*make)(void* self, const isobar_history* history, const isobar_result* result);
} isobar_featurizer;

/* What the library has. The table lives as long as the library. */
const isobar_featurizer* isobar_featurizer_v1(void);
typedef const isobar_featurizer* isobar_featurizer_entry(void);

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming) */

#endif
