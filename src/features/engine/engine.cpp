#include "features/engine.h"
