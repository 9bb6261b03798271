#include "fuzz/aggregates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "aggregates.pb.h"

namespace isobar::fuzz {
namespace {

constexpr std::uint32_t kVersion = 1;

Error damaged(std::string_view what) { return {Code::kDataLoss, fmt::format("stored aggregates are damaged: {}", what)}; }

}  // namespace

Aggregates::Aggregates(const TargetShape& shape)
    : shape_(&shape), own_planes_(std::size_t{ISOBAR_FUZZ_PLANES} * shape.blocks), own_best_(shape.slots) {
  for (std::uint32_t plane = 0; plane < ISOBAR_FUZZ_PLANES; ++plane)
    memory_.planes[plane] = own_planes_.data() + std::size_t{plane} * shape.blocks;
  memory_.best = own_best_.data();
  clear();
}

Aggregates::Aggregates(const TargetShape& shape, AggregateMemory memory) : shape_(&shape), memory_(memory) { clear(); }

void Aggregates::clear() {
  for (std::uint8_t* plane : memory_.planes) std::fill_n(plane, shape_->blocks, std::uint8_t{0});
  std::fill_n(memory_.best, shape_->slots, std::uint64_t{0});
  for (const DomainShape& domain : shape_->domains) std::fill_n(memory_.best + domain.first_slot, domain.keys, domain.initial);
}

const std::vector<Change>& Aggregates::add(std::span<const Feature> features) {
  changes_.clear();
  for (const Feature& feature : features) {
    if (!shape_->has(feature)) continue;
    if (feature.what < ISOBAR_FUZZ_PLANES) {
      std::uint8_t& known = memory_.planes[feature.what][feature.key];
      const auto now = static_cast<std::uint8_t>(known | feature.value);
      if (now != known) changes_.push_back({feature.what, feature.key, std::exchange(known, now), now});
      continue;
    }
    const std::size_t place = *shape_->domain_of(feature.key);
    const DomainShape& domain = shape_->domains[place];
    std::uint64_t& known = memory_.best[feature.key];
    const std::uint64_t now = reduce(domain.reducer, known, feature.value);
    if (now != known)
      changes_.push_back({kFirstDomain + static_cast<Goal>(place), feature.key - domain.first_slot, std::exchange(known, now), now});
  }
  return changes_;
}

bool Aggregates::would_change(std::span<const Feature> features) const {
  return std::ranges::any_of(features, [&](const Feature& feature) {
    if (!shape_->has(feature)) return false;
    if (feature.what < ISOBAR_FUZZ_PLANES) {
      const std::uint8_t known = memory_.planes[feature.what][feature.key];
      return (known | feature.value) != known;
    }
    const std::uint64_t known = memory_.best[feature.key];
    return reduce(shape_->domains[*shape_->domain_of(feature.key)].reducer, known, feature.value) != known;
  });
}

Result<std::size_t> Aggregates::merge(const Aggregates& other) {
  if (!(*other.shape_ == *shape_)) return invalid("aggregates of another target cannot be merged: its blocks or domains differ");
  std::size_t changed = 0;
  const auto fold = [&](auto& known, auto now) {
    changed += now != known;
    known = now;
  };
  for (std::uint32_t plane = 0; plane < ISOBAR_FUZZ_PLANES; ++plane)
    for (std::uint32_t block = 0; block < shape_->blocks; ++block)
      fold(memory_.planes[plane][block], static_cast<std::uint8_t>(memory_.planes[plane][block] | other.memory_.planes[plane][block]));
  for (const DomainShape& domain : shape_->domains)
    for (std::uint32_t slot = domain.first_slot; slot < domain.first_slot + domain.keys; ++slot)
      fold(memory_.best[slot], join(domain.reducer, memory_.best[slot], other.memory_.best[slot]));
  return changed;
}

std::uint64_t Aggregates::value(Goal goal, std::uint32_t key) const {
  return goal < kFirstDomain ? memory_.planes[goal][key] : memory_.best[shape_->domains[goal - kFirstDomain].first_slot + key];
}

std::size_t Aggregates::reached(Goal goal) const {
  if (goal < kFirstDomain)
    return static_cast<std::size_t>(
        std::count_if(memory_.planes[goal], memory_.planes[goal] + shape_->blocks, [](auto seen) { return seen != 0; }));
  const DomainShape& domain = shape_->domains[goal - kFirstDomain];
  const std::uint64_t* first = memory_.best + domain.first_slot;
  return static_cast<std::size_t>(std::count_if(first, first + domain.keys, [&](auto best) { return best != domain.initial; }));
}

std::pair<std::uint64_t, std::uint32_t> Aggregates::extreme(Goal goal) const {
  const DomainShape& domain = shape_->domains.at(goal - kFirstDomain);
  const std::uint64_t *first = memory_.best + domain.first_slot, *end = first + domain.keys;
  if (first == end) return {domain.initial, 0};
  const auto* found = domain.reducer == Reducer::kMin ? std::min_element(first, end) : std::max_element(first, end);
  return {*found, static_cast<std::uint32_t>(found - first)};
}

std::vector<std::pair<std::uint32_t, std::uint64_t>> Aggregates::furthest(Goal goal, std::size_t most) const {
  const DomainShape& domain = shape_->domains.at(goal - kFirstDomain);
  std::vector<std::pair<std::uint32_t, std::uint64_t>> all;
  for (std::uint32_t key = 0; key < domain.keys; ++key)
    if (const std::uint64_t best = memory_.best[domain.first_slot + key]; best != domain.initial) all.emplace_back(key, best);
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(most, all.size()));
  std::partial_sort(all.begin(), end, all.end(), [&](const auto& a, const auto& b) {
    return domain.reducer == Reducer::kMin ? a.second < b.second : a.second > b.second;
  });
  all.erase(end, all.end());
  return all;
}

std::string Aggregates::encode() const {
  proto::Aggregates out;
  out.set_version(kVersion);
  out.set_blocks(shape_->blocks);
  out.set_slots(shape_->slots);
  for (const std::uint8_t* classes : memory_.planes) {
    proto::Plane& plane = *out.add_planes();
    for (std::uint32_t block = 0, last = 0; block < shape_->blocks; ++block) {
      if (classes[block] == 0) continue;
      plane.add_block_distances(block - std::exchange(last, block));
      plane.mutable_classes()->push_back(static_cast<char>(classes[block]));
    }
  }
  std::uint32_t last = 0;
  for (const DomainShape& domain : shape_->domains)
    for (std::uint32_t slot = domain.first_slot; slot < domain.first_slot + domain.keys; ++slot)
      if (memory_.best[slot] != domain.initial) {
        out.add_slot_distances(slot - std::exchange(last, slot));
        out.add_values(memory_.best[slot]);
      }
  return out.SerializeAsString();
}

Result<Aggregates> Aggregates::decode(const TargetShape& shape, std::string_view bytes) {
  proto::Aggregates in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return damaged("no message");
  if (in.version() != kVersion) return invalid(fmt::format("aggregates of version {}, of which this isobar knows nothing", in.version()));
  if (in.blocks() != shape.blocks || in.slots() != shape.slots) return invalid("aggregates of another target: it has other blocks or keys");
  if (in.planes_size() != ISOBAR_FUZZ_PLANES || in.slot_distances_size() != in.values_size()) return damaged("lists differ in length");
  Aggregates out(shape);
  for (std::uint32_t place = 0; place < ISOBAR_FUZZ_PLANES; ++place) {
    const proto::Plane& plane = in.planes(static_cast<int>(place));
    if (static_cast<std::size_t>(plane.block_distances_size()) != plane.classes().size()) return damaged("lists differ in length");
    std::uint64_t block = 0;
    for (int i = 0; i < plane.block_distances_size(); ++i) {
      block += plane.block_distances(i);
      if (block >= shape.blocks) return damaged("a block that the target does not have");
      out.memory_.planes[place][block] = static_cast<std::uint8_t>(plane.classes()[static_cast<std::size_t>(i)]);
    }
  }
  std::uint64_t slot = 0;
  for (int i = 0; i < in.values_size(); ++i) {
    slot += in.slot_distances(i);
    if (slot >= shape.slots || !shape.domain_of(static_cast<std::uint32_t>(slot))) return damaged("a key that the target does not have");
    out.memory_.best[slot] = in.values(i);
  }
  return out;
}

}  // namespace isobar::fuzz
