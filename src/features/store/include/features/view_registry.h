#pragma once

/// Which views a store holds, and the definitions that they are from, version by version.

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "features/commit.h"

namespace isobar::features {

/// How long data of a view lives, by the time of its events. An age equal to a limit is within it, as in training sets.
struct Lifetime {
  /// For how long the latest row is served; 0: for ever.
  Duration ttl{0};
  /// For how long after that one is still told that there was a row (OUTSIDE_MAX_AGE); then the key is not known (NOT_FOUND).
  Duration remembered = std::chrono::hours(7 * 24);
  /// For how long rows are kept to learn from; 0: for ever. A ttl bounds how old a row may be beside an example, not how old examples are.
  Duration history{0};
  friend bool operator==(const Lifetime&, const Lifetime&) = default;
};

struct ViewSpec {
  std::string name;
  Lifetime lifetime;
};

struct RegisteredView {
  std::string name;
  ViewId id{};
  Lifetime lifetime;
  friend bool operator==(const RegisteredView&, const RegisteredView&) = default;
};

struct Registry {
  std::uint64_t version = 0;  ///< 0: nothing was applied yet
  std::string definition;     ///< the bytes that were applied
  std::vector<RegisteredView> views;
  friend bool operator==(const Registry&, const Registry&) = default;
};

}  // namespace isobar::features
