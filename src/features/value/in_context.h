#pragma once

#include "base/result.h"

namespace isobar::features {

/// Result::context with words that are put together only when there is an error: where values go by, most of the time would go into words
/// that nobody reads.
template <class T, class Intent>
Result<T> in_context(Result<T> result, const Intent& intent) {
  if (result.ok()) return result;
  return result.error().context(intent());
}

}  // namespace isobar::features
