#include "fuzz/champions.h"

#include <algorithm>
#include <bit>

#include "aggregates.pb.h"

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

std::string Champions::encode() const {
  const auto write = [](const std::vector<Holding>& holdings, bool values, proto::Holdings& out) {
    for (std::uint64_t key = 0, last = 0; key < holdings.size(); ++key) {
      const Holding& holding = holdings[key];
      if (holding.entry == kNobody) continue;
      out.add_key_distances(key - std::exchange(last, key));
      out.add_entries(holding.entry);
      out.add_costs(holding.cost);
      if (values) out.add_values(holding.value);
    }
  };
  proto::Champions out;
  for (const auto& plane : planes_) write(plane, false, *out.add_planes());
  write(slots_, true, *out.mutable_slots());
  return out.SerializeAsString();
}

Result<Champions> Champions::decode(const TargetShape& shape, std::string_view bytes, EntryId entries) {
  const Error damaged{Code::kDataLoss, "stored champions are damaged, or of another target"};
  proto::Champions in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.planes_size() != ISOBAR_FUZZ_PLANES) return damaged;
  Champions out(shape);
  const auto read = [&](const proto::Holdings& from, auto goal_of, std::vector<Holding>& to, bool values) {
    const int count = from.key_distances_size();
    if (from.entries_size() != count || from.costs_size() != count || (values && from.values_size() != count)) return false;
    std::uint64_t key = 0;
    for (int i = 0; i < count; ++i) {
      key += from.key_distances(i);
      if (key >= to.size() || from.entries(i) >= entries) return false;
      const std::optional<Goal> goal = goal_of(key);
      if (!goal) return false;
      if (values) to[key].value = from.values(i);
      out.give(*goal, to[key], from.entries(i), from.costs(i));
    }
    return true;
  };
  for (Goal plane = 0; plane < ISOBAR_FUZZ_PLANES; ++plane)
    if (!read(
            in.planes(static_cast<int>(plane)), [&](std::uint64_t) { return std::optional<Goal>(plane); }, out.planes_[plane], false))
      return damaged;
  const auto of_slot = [&](std::uint64_t slot) -> std::optional<Goal> {
    const auto place = shape.domain_of(static_cast<std::uint32_t>(slot));
    if (!place) return std::nullopt;
    return kFirstDomain + static_cast<Goal>(*place);
  };
  if (!read(in.slots(), of_slot, out.slots_, true)) return damaged;
  return out;
}

}  // namespace isobar::fuzz
