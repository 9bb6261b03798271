#include "fuzz/target_shape.h"

#include <algorithm>

namespace isobar::fuzz {

std::string_view name_of(Reducer reducer) {
  switch (reducer) {
    case Reducer::kMax: return "max";
    case Reducer::kMin: return "min";
    case Reducer::kUnion: return "union";
    case Reducer::kIntersection: return "intersection";
    case Reducer::kLog: return "log";
  }
  return "?";
}

std::uint64_t join(Reducer reducer, std::uint64_t a, std::uint64_t b) {
  // An aggregate of kLog is a set of bits already; all others are values of their own kind.
  return reducer == Reducer::kLog ? a | b : reduce(reducer, a, b);
}

std::optional<std::size_t> TargetShape::domain_of(std::uint32_t slot) const {
  const auto after = std::ranges::upper_bound(domains, slot, {}, &DomainShape::first_slot);
  if (after == domains.begin()) return std::nullopt;
  const auto domain = std::prev(after);
  if (slot - domain->first_slot >= domain->keys) return std::nullopt;
  return static_cast<std::size_t>(domain - domains.begin());
}

bool TargetShape::has(const Feature& feature) const {
  switch (feature.what) {
    case ISOBAR_FUZZ_PLANE_VALID:
      if (!valid) return false;
      break;
    case ISOBAR_FUZZ_PLANE_DIFF:
      if (!diff) return false;
      break;
    case ISOBAR_FUZZ_PLANE_COVERAGE: break;
    case ISOBAR_FUZZ_WHAT_SLOT: return domain_of(feature.key).has_value();
    default: return false;
  }
  return feature.key < blocks && feature.value != 0 && feature.value <= 128 && (feature.value & (feature.value - 1)) == 0;
}

bool operator==(const TargetShape& a, const TargetShape& b) {
  const auto same = [](const DomainShape& x, const DomainShape& y) {
    return x.name == y.name && x.first_slot == y.first_slot && x.keys == y.keys && x.reducer == y.reducer && x.initial == y.initial &&
           x.of_sites == y.of_sites;
  };
  return a.blocks == b.blocks && a.slots == b.slots && a.valid == b.valid && a.diff == b.diff &&
         std::ranges::equal(a.domains, b.domains, same);
}

std::string name_of(const TargetShape& shape, Goal goal) {
  static constexpr const char* kPlanes[] = {"coverage", "valid", "diff"};
  return goal < kFirstDomain ? kPlanes[goal] : shape.domains.at(goal - kFirstDomain).name;
}

std::size_t goals_of(const TargetShape& shape) { return kFirstDomain + shape.domains.size(); }

}  // namespace isobar::fuzz
