#pragma once

/// What all inputs together have reached: for each block the classes of how often it ran, for each key its aggregate. Aggregates are the
/// join of a semilattice, so those of two campaigns merge in any order, as often as one likes: state-based CRDTs, which is all that a fleet
/// needs.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fuzz/target_shape.h"

namespace isobar::fuzz {

/// Where aggregates are: in memory that a target shares, or in one's own.
struct AggregateMemory {
  std::uint8_t* planes[ISOBAR_FUZZ_PLANES];
  std::uint64_t* best;  ///< [slots]
};

/// A key that an input has moved.
struct Change {
  Goal goal = 0;
  std::uint32_t key = 0;  ///< the block, or the place within the domain
  std::uint64_t before = 0, after = 0;
};

class Aggregates {
 public:
  explicit Aggregates(const TargetShape& shape);
  /// Over memory that outlives this; it is set to what nothing has reached.
  Aggregates(const TargetShape& shape, AggregateMemory memory);
  Aggregates(Aggregates&&) noexcept = default;
  Aggregates& operator=(Aggregates&&) noexcept = default;

  const TargetShape& shape() const { return *shape_; }
  /// Adds a run's features; those of keys that do not exist are skipped. The changes, in the order of the features: empty for what is no
  /// waypoint. Cost   O(features), 2 ns each
  const std::vector<Change>& add(std::span<const Feature> features);
  /// Whether `add` would change anything.
  bool would_change(std::span<const Feature> features) const;
  /// Folds another campaign's in. How many keys changed.
  /// Errors   kInvalidArgument: of another target
  Result<std::size_t> merge(const Aggregates& other);

  std::uint64_t value(Goal goal, std::uint32_t key) const;
  /// Keys that have been reached, of a goal.
  std::size_t reached(Goal goal) const;
  /// For goals of domains: the greatest aggregate of all keys (least, of reducer kMin), and which key has it; zero keys: (initial, 0).
  std::pair<std::uint64_t, std::uint32_t> extreme(Goal goal) const;
  /// Keys of a domain that have been reached, those with the greatest aggregates (least, of kMin) first. Cost: O(keys).
  std::vector<std::pair<std::uint32_t, std::uint64_t>> furthest(Goal goal, std::size_t most) const;

  /// Only what has been reached, 3 to 12 bytes each.
  std::string encode() const;
  /// Errors   kDataLoss: damaged; kInvalidArgument: of another target
  static Result<Aggregates> decode(const TargetShape& shape, std::string_view bytes);

 private:
  void clear();

  const TargetShape* shape_;
  std::vector<std::uint8_t> own_planes_;
  std::vector<std::uint64_t> own_best_;
  AggregateMemory memory_;
  std::vector<Change> changes_;
};

}  // namespace isobar::fuzz
