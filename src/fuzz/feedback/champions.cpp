#include "fuzz/champions.h"

#include <algorithm>
#include <bit>

namespace isobar::fuzz {
namespace {

std::uint64_t product(InputCost cost) {
  const auto bytes = std::max<std::uint64_t>(1, cost.bytes), time = std::max<std::uint64_t>(1, cost.nanoseconds);
  return time > UINT64_MAX / bytes ? UINT64_MAX - 1 : bytes * time;
}
std::uint64_t size_then_time(InputCost cost) {
  return std::uint64_t{cost.bytes} << 32 | std::min<std::uint64_t>(cost.nanoseconds, UINT32_MAX - 1);
}
bool is_a_set(Reducer reducer) { return reducer != Reducer::kMax && reducer != Reducer::kMin; }

}  // namespace

Champions::Champions(const TargetShape& shape) : shape_(&shape), goals_(goals_of(shape)), slots_(shape.slots) {
  planes_[kCoverage].resize(std::size_t{shape.blocks} * 8);
  if (shape.valid) planes_[kValid].resize(std::size_t{shape.blocks} * 8);
  if (shape.diff) planes_[kDiff].resize(std::size_t{shape.blocks} * 8);
}

Champions::Holding& Champions::of_plane(const Feature& feature) {
  return planes_[feature.what][std::size_t{feature.key} * 8 + static_cast<unsigned>(std::countr_zero(feature.value))];
}

void Champions::give(Goal goal, Holding& holding, EntryId entry, std::uint64_t cost) {
  if (const std::size_t needed = (std::size_t{entry} + 1) * goals_; held_.size() < needed) held_.resize(needed);
  if (holding.entry != kNobody) --held_[holding.entry * goals_ + goal];
  ++held_[entry * goals_ + goal];
  holding.entry = entry;
  holding.cost = cost;
}

void Champions::claim(EntryId entry, InputCost cost, std::span<const Feature> features, std::span<const Change> changes) {
  const std::uint64_t by_product = product(cost), by_size = size_then_time(cost);
  for (const Feature& feature : features) {
    if (!shape_->has(feature)) continue;
    if (feature.what < ISOBAR_FUZZ_PLANES) {
      Holding& holding = of_plane(feature);
      if (by_product < holding.cost) give(feature.what, holding, entry, by_product);
      continue;
    }
    const std::size_t place = *shape_->domain_of(feature.key);
    const DomainShape& domain = shape_->domains[place];
    if (is_a_set(domain.reducer) || feature.value == domain.initial) continue;
    Holding& holding = slots_[feature.key];
    const bool first = holding.entry == kNobody;
    const bool better = first || (reduce(domain.reducer, holding.value, feature.value) != holding.value);
    if (!better && (feature.value != holding.value || by_size >= holding.cost)) continue;
    holding.value = feature.value;
    give(kFirstDomain + static_cast<Goal>(place), holding, entry, by_size);
  }
  for (const Change& change : changes) {
    if (change.goal < kFirstDomain) continue;
    const DomainShape& domain = shape_->domains[change.goal - kFirstDomain];
    if (is_a_set(domain.reducer)) give(change.goal, slots_[domain.first_slot + change.key], entry, by_size);
  }
}

bool Champions::would_win(InputCost cost, std::span<const Feature> features) const {
  const std::uint64_t by_size = size_then_time(cost);
  return std::ranges::any_of(features, [&](const Feature& feature) {
    if (feature.what < ISOBAR_FUZZ_PLANES || !shape_->has(feature)) return false;
    const Holding& holding = slots_[feature.key];
    return holding.entry != kNobody && feature.value == holding.value && by_size >> 32 < holding.cost >> 32;
  });
}

std::uint32_t Champions::held(EntryId entry, Goal goal) const {
  const std::size_t place = std::size_t{entry} * goals_ + goal;
  return place < held_.size() ? held_[place] : 0;
}

EntryId Champions::holder(Goal goal, std::uint32_t key) const {
  return slots_.at(shape_->domains.at(goal - kFirstDomain).first_slot + key).entry;
}

std::vector<EntryId> Champions::holders(Goal goal) const {
  std::vector<EntryId> all;
  for (EntryId entry = 0; (std::size_t{entry} + 1) * goals_ <= held_.size(); ++entry)
    if (held(entry, goal) != 0) all.push_back(entry);
  return all;
}

}  // namespace isobar::fuzz
