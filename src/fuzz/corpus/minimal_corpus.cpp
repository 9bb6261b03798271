#include "fuzz/minimal_corpus.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <unordered_map>

namespace isobar::fuzz {
namespace {

/// What an input can be needed for: a class of a block's counts, a member of a key's set, a key's value.
using Key = std::uint64_t;

Key of_plane(const Feature& feature) {
  return Key{feature.what} << 48 | Key{feature.key} << 8 | static_cast<unsigned>(std::countr_zero(feature.value));
}
Key of_slot(std::uint32_t slot, unsigned member) { return Key{1} << 56 | Key{slot} << 8 | member; }

struct Runner {
  std::vector<std::vector<Key>> keys;                     ///< of each input
  std::vector<std::uint64_t> cost;                        ///< bytes, then time
  std::unordered_map<std::uint32_t, std::uint64_t> best;  ///< of slots that have a best value
  std::vector<std::vector<std::pair<std::uint32_t, std::uint64_t>>> values;

  void take(std::size_t place, const Outcome& outcome, const TargetShape& shape) {
    cost[place] = outcome.input.size() << 32 | static_cast<std::uint64_t>(std::clamp<std::int64_t>(outcome.took.count(), 0, UINT32_MAX));
    for (const Feature& feature : outcome.features) {
      if (feature.what < ISOBAR_FUZZ_PLANES) {
        keys[place].push_back(of_plane(feature));
        continue;
      }
      const DomainShape& domain = shape.domains[*shape.domain_of(feature.key)];
      if (domain.reducer == Reducer::kMax || domain.reducer == Reducer::kMin) {
        const auto [known, is_new] = best.emplace(feature.key, feature.value);
        if (!is_new) known->second = reduce(domain.reducer, known->second, feature.value);
        values[place].emplace_back(feature.key, feature.value);
      } else {
        // Of an intersection the members are the bits that an input takes away.
        std::uint64_t members = reduce(domain.reducer, domain.reducer == Reducer::kIntersection ? UINT64_MAX : 0, feature.value);
        if (domain.reducer == Reducer::kIntersection) members = ~members;
        for (; members != 0; members &= members - 1)
          keys[place].push_back(of_slot(feature.key, static_cast<unsigned>(std::countr_zero(members))));
      }
    }
  }

  /// Only who has the best value has the key.
  void settle() {
    for (std::size_t place = 0; place < keys.size(); ++place) {
      for (const auto& [slot, value] : values[place])
        if (best[slot] == value) keys[place].push_back(of_slot(slot, 255));
      values[place].clear();
    }
  }
};

}  // namespace

Result<MinimalCorpus> minimal_corpus(Executor& executor, std::span<const ByteView> inputs) {
  MinimalCorpus out;
  Runner runner{
      .keys = std::vector<std::vector<Key>>(inputs.size()), .cost = std::vector<std::uint64_t>(inputs.size()), .best = {}, .values = {}};
  runner.values.resize(inputs.size());
  TRY(executor.run(inputs, {.all_features = true}, [&](std::size_t place, const Outcome& outcome) {
    if (outcome.ending != Ending::kOk) ++out.ended_badly;
    else runner.take(place, outcome, executor.shape());
  }));
  runner.settle();
  struct Candidates {
    std::uint32_t count = 0;
    std::size_t cheapest = 0;
  };
  std::unordered_map<Key, Candidates> all;
  for (std::size_t place = 0; place < inputs.size(); ++place)
    for (const Key key : runner.keys[place]) {
      Candidates& candidates = all[key];
      if (candidates.count++ == 0 || runner.cost[place] < runner.cost[candidates.cheapest]) candidates.cheapest = place;
    }
  std::vector<std::pair<std::uint32_t, Key>> order;
  for (const auto& [key, candidates] : all) order.emplace_back(candidates.count, key);
  std::ranges::sort(order);
  std::unordered_map<Key, bool> covered;
  for (const auto& [count, key] : order) {
    if (covered.contains(key)) continue;
    const std::size_t place = all[key].cheapest;
    out.kept.push_back(place);
    for (const Key other : runner.keys[place]) covered[other] = true;
  }
  std::ranges::sort(out.kept);
  out.keys = all.size();
  return out;
}

}  // namespace isobar::fuzz
