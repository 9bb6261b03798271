#pragma once

/// Who holds what: for each block and class of counts the input that reaches it at the least cost, for each key of a domain the input with
/// the best value. Only champions are worth fuzzing further; the others have been outdone.

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "fuzz/aggregates.h"

namespace isobar::fuzz {

using EntryId = std::uint32_t;
inline constexpr EntryId kNobody = UINT32_MAX;

/// What an input costs to keep and to run.
struct InputCost {
  std::uint32_t bytes = 0;
  std::uint64_t nanoseconds = 0;
};

class Champions {
 public:
  explicit Champions(const TargetShape& shape);

  /// Gives `entry` what it is best at, by the features of its run. Of coverage the least bytes × nanoseconds win. Of a domain the
  /// aggregate's better value wins, and of two equal ones the smaller input, then the faster: FuzzFactory lets the last one win, and never
  /// a smaller. Of sets (union, intersection, log) whoever adds a member wins. changes   what Aggregates::add said of the same features
  /// Cost      O(features)
  void claim(EntryId entry, InputCost cost, std::span<const Feature> features, std::span<const Change> changes);

  /// How many keys of a goal an entry holds.
  std::uint32_t held(EntryId entry, Goal goal) const;
  /// The holder of a key of a domain, or kNobody.
  EntryId holder(Goal goal, std::uint32_t key) const;
  /// All entries that hold a key of the goal. Cost: O(entries).
  std::vector<EntryId> holders(Goal goal) const;

  std::string encode() const;
  /// entries   how many there are: a holder beyond them is damage
  /// Errors    kDataLoss: damaged, or of another target
  static Result<Champions> decode(const TargetShape& shape, std::string_view bytes, EntryId entries);

 private:
  struct Holding {
    EntryId entry = kNobody;
    std::uint64_t cost = UINT64_MAX;
    std::uint64_t value = 0;
  };
  void give(Goal goal, Holding& holding, EntryId entry, std::uint64_t cost);
  Holding& of_plane(const Feature& feature);

  const TargetShape* shape_;
  std::size_t goals_;
  std::array<std::vector<Holding>, ISOBAR_FUZZ_PLANES> planes_;  ///< [blocks × 8]
  std::vector<Holding> slots_;
  std::vector<std::uint32_t> held_;  ///< [entries × goals]
};

}  // namespace isobar::fuzz
