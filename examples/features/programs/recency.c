/* How much a key's last amounts weigh by now: each counts for half of what it did, `arguments` seconds before the newest of them.
 *
 *     cc -shared -fPIC -O2 -I src/features/outside/include -o examples/features/programs/recency.so examples/features/programs/recency.c
 */
#include <stdio.h>
#include <stdlib.h>

#include "features/isobar_featurizer.h"

typedef struct {
  double half_life_seconds;
} Recency;

static void* create(const char* arguments, char* error, size_t error_size) {
  char* end;
  const double seconds = strtod(arguments, &end);
  if (end == arguments || *end != '\0' || !(seconds > 0)) {
    snprintf(error, error_size, "arguments: '%s' is no number of seconds above 0", arguments);
    return NULL;
  }
  Recency* self = malloc(sizeof *self);
  if (self != NULL) self->half_life_seconds = seconds;
  return self;
}

static void destroy(void* self) { free(self); }

/* 2^-x, without the mathematical library. */
static double halved(double x) {
  double power = 1;
  for (; x >= 1; x -= 1) power /= 2;
  /* Of the rest, in [0, 1), the series of exp(-x ln 2). */
  double term = 1, sum = 1;
  for (int i = 1; i < 20; ++i) {
    term *= -x * 0.69314718055994530942 / i;
    sum += term;
  }
  return power * sum;
}

/* Each event: its time, its amount. */
static void make(void* self, const isobar_history* history, const isobar_result* result) {
  const double half_life = ((const Recency*)self)->half_life_seconds;
  if (history->events == 0 || history->columns != 2) {
    result->fail(result->context, "of: the time and the amount");
    return;
  }
  const isobar_value* newest = &history->values[(history->events - 1) * 2];
  double sum = 0;
  for (size_t i = 0; i < history->events; ++i) {
    const isobar_value* event = &history->values[i * 2];
    if (event[0].kind != ISOBAR_TIME || event[1].kind != ISOBAR_NUMBER) continue;
    const double age = (double)(newest->integer - event[0].integer) / 1e9 / half_life;
    if (age < 1000) sum += event[1].number * halved(age > 0 ? age : 0);
  }
  const isobar_value value = {.kind = ISOBAR_NUMBER, .number = sum};
  result->give(result->context, &value);
}

static const isobar_featurizer kFunctions = {ISOBAR_FEATURIZER_VERSION, 0, create, destroy, make};

const isobar_featurizer* isobar_featurizer_v1(void) { return &kFunctions; }
