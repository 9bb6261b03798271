#pragma once

/// Making an input shorter, whatever it has to stay good for.

#include <functional>

#include "fuzz/executor.h"

namespace isobar::fuzz {

/// The input without blocks that `holds` does not need: halves are tried first, single bytes last, and again as long as that helps.
/// holds   whether a shorter input is still as wanted; called at most tries_max times
Result<Bytes> shortened(Bytes input, const std::function<Result<bool>(ByteView)>& holds, std::size_t tries_max);

}  // namespace isobar::fuzz
