#pragma once

#include "db/scenarios.h"
#include "lab.h"

// Leaves the scenario with what should have been, when it is not so.
#define MUST(condition, otherwise)        \
  do {                                    \
    if (!(condition)) return (otherwise); \
  } while (false)
