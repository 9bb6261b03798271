#pragma once

/// What a target has that values can be given to: blocks, and the keys of its domains.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "isobar/fuzz_abi.h"

namespace isobar::fuzz {

/// One key's value in one run (isobar/fuzz_abi.h says what `what` and `key` are).
using Feature = isobar_fuzz_feature;

enum class Reducer : std::uint8_t {
  kMax = ISOBAR_FUZZ_REDUCE_MAX,
  kMin = ISOBAR_FUZZ_REDUCE_MIN,
  kUnion = ISOBAR_FUZZ_REDUCE_OR,
  kIntersection = ISOBAR_FUZZ_REDUCE_AND,
  kLog = ISOBAR_FUZZ_REDUCE_LOG,
};
std::string_view name_of(Reducer reducer);

/// The aggregate of a key that had `aggregate`, after a run in which its value was `value`. Idempotent, and of any order: reduce(reduce(a,
/// v), w) = reduce(reduce(a, w), v). Source   FuzzFactory (OOPSLA '19) section 3.1
inline std::uint64_t reduce(Reducer reducer, std::uint64_t aggregate, std::uint64_t value) {
  return isobar_fuzz_reduce(static_cast<std::uint32_t>(reducer), aggregate, value);
}
/// The aggregate of two sets of inputs, of their aggregates: the join of the semilattice.
std::uint64_t join(Reducer reducer, std::uint64_t a, std::uint64_t b);

struct DomainShape {
  std::string name;
  std::uint32_t first_slot = 0, keys = 0;
  Reducer reducer = Reducer::kMax;
  std::uint64_t initial = 0;
  bool of_sites = false;
};

struct TargetShape {
  std::uint32_t blocks = 0, slots = 0;
  bool valid = false, diff = false;  ///< whether the planes of these names are kept, besides coverage
  std::vector<DomainShape> domains;

  /// The domain that a slot belongs to, as a place in `domains`. Cost: O(log domains).
  std::optional<std::size_t> domain_of(std::uint32_t slot) const;
  /// Whether a feature's key exists: what a target says is not to be believed.
  bool has(const Feature& feature) const;
  friend bool operator==(const TargetShape& a, const TargetShape& b);
};

/// What a campaign works towards: planes of coverage first (0 coverage, 1 valid, 2 diff), then domains in the shape's order.
using Goal = std::uint32_t;
inline constexpr Goal kCoverage = 0, kValid = 1, kDiff = 2, kFirstDomain = ISOBAR_FUZZ_PLANES;
std::string name_of(const TargetShape& shape, Goal goal);
std::size_t goals_of(const TargetShape& shape);

}  // namespace isobar::fuzz
