// What is kept. A run that seems to move an aggregate is run again before anything is believed: what does not repeat is no find, and a
// block that comes and goes by itself never makes one again.

#include <algorithm>
#include <tuple>

#include "campaign_inside.h"

namespace isobar::fuzz {
namespace {

/// Deaths of which nothing can be told but how they ended: so many of each kind are kept.
constexpr int kSilentDeathsMax = 10;
constexpr std::size_t kBytesHeldMax = std::size_t{512} << 20;
/// Trimming takes at most this part of the time.
constexpr double kTrimmingShare = 0.1;

bool before(const Feature& a, const Feature& b) { return std::tie(a.what, a.key) < std::tie(b.what, b.key); }

}  // namespace

Result<std::size_t> RunningCampaign::run(const std::vector<Trial>& trials, EntryId parent, std::string_view stage) {
  std::vector<ByteView> inputs;
  std::vector<Recipe> recipes;
  for (const Trial& trial : trials) {
    inputs.emplace_back(trial.input);
    recipes.push_back(trial.recipe);
  }
  return run(inputs, recipes, parent, stage);
}

Result<std::size_t> RunningCampaign::run(const std::vector<ByteView>& inputs, const std::vector<Recipe>& recipes, EntryId parent,
                                         std::string_view stage, const RunOptions& how) {
  stage_ = stage;
  // Mutants may take much longer than what they are made of.
  constexpr std::size_t kLookEvery = 64;
  if (inputs.size() > kLookEvery && turn_ends_ != kForever) {
    std::size_t kept = 0;
    for (std::size_t at = 0; at < inputs.size() && now() < turn_ends_; at += kLookEvery) {
      const auto begin = static_cast<std::ptrdiff_t>(at), end = static_cast<std::ptrdiff_t>(std::min(inputs.size(), at + kLookEvery));
      const std::vector<ByteView> some(inputs.begin() + begin, inputs.begin() + end);
      const std::vector<Recipe> theirs =
          recipes.empty() ? std::vector<Recipe>() : std::vector<Recipe>(recipes.begin() + begin, recipes.begin() + end);
      TRY_ASSIGN(const std::size_t more, run(some, theirs, parent, stage, how));
      kept += more;
    }
    return kept;
  }
  std::vector<Candidate> candidates;
  Status noted;
  TRY(executor_.run(inputs, how, [&](std::size_t index, const Outcome& outcome) {
    ++runs_;
    if (outcome.ending != Ending::kOk) {
      if (noted.ok()) noted = took_note_of_death(outcome, outcome.input);
    } else if (outcome.novel && !outcome.rejected) {
      candidates.push_back({{outcome.input.begin(), outcome.input.end()},
                            index < recipes.size() ? recipes[index] : Recipe{},
                            {outcome.features.begin(), outcome.features.end()},
                            outcome});
    }
  }));
  TRY(std::move(noted));
  std::size_t kept = 0;
  for (Candidate& candidate : candidates) {
    TRY_ASSIGN(const bool was_kept, consider(candidate, parent, stage));
    if (!was_kept) continue;
    ++kept;
    havoc_.credit(candidate.recipe);
  }
  return kept;
}

Status RunningCampaign::took_note_of_death(const Outcome& outcome, ByteView input) {
  const bool hang = outcome.ending == Ending::kTimeout;
  if (outcome.features.empty()) {
    if (++silent_deaths_[outcome.ending] > kSilentDeathsMax) return {};
  } else {
    // By its path alone: how far a domain's values had come when it died makes no other death.
    std::vector<Feature> blocks(outcome.features.begin(), outcome.features.end());
    std::erase_if(blocks, [](const Feature& feature) { return feature.what != ISOBAR_FUZZ_PLANE_COVERAGE; });
    if (deaths_.add(blocks).empty()) return {};
  }
  if (hang) {
    // A busy machine makes slow runs: only what is too slow again is.
    TRY_ASSIGN(const Outcome again, run_one(input, {.fresh = true}));
    if (again.ending != Ending::kTimeout) return {};
  }
  ++(hang ? hangs_ : crashes_);
  TRY_ASSIGN(const fs::path path, folder_.keep_ending(outcome.ending, input));
  if (events_.ended) events_.ended(outcome.ending, path, outcome);
  return {};
}

/// What two runs agree on. A block that ran in one of them alone, or in another class, is told to be known for good; of a key's two values
/// the one that goes less far is believed.
void RunningCampaign::settle(std::vector<Feature>& features, const std::vector<Feature>& again, Entry& entry) {
  const AggregateMemory memory = executor_.aggregates();
  std::vector<Feature> agreed;
  const auto varies = [&](const Feature& feature) {
    entry.varies = true;
    if (feature.what >= ISOBAR_FUZZ_PLANES || memory.planes[feature.what][feature.key] == UINT8_MAX) return;
    memory.planes[feature.what][feature.key] = UINT8_MAX;
    if (feature.what == ISOBAR_FUZZ_PLANE_COVERAGE) varying_.push_back(feature.key);
  };
  auto one = features.begin();
  auto two = again.begin();
  while (one != features.end() || two != again.end()) {
    if (two == again.end() || (one != features.end() && before(*one, *two))) {
      varies(*one++);
    } else if (one == features.end() || before(*two, *one)) {
      varies(*two++);
    } else {
      Feature both = *one;
      if (one->value != two->value) {
        varies(*one);
        if (one->what == ISOBAR_FUZZ_WHAT_SLOT) {
          // The aggregate takes the further one, so that the same accident is not looked at again.
          aggregates_.add(std::span(&*one, 1));
          const Reducer reducer = shape_.domains[*shape_.domain_of(one->key)].reducer;
          if (reduce(reducer, two->value, one->value) != two->value) both.value = two->value;
          agreed.push_back(both);
        }
      } else {
        agreed.push_back(both);
      }
      ++one, ++two;
    }
  }
  features = std::move(agreed);
}

Result<bool> RunningCampaign::consider(Candidate& candidate, EntryId parent, std::string_view stage) {
  if (!aggregates_.would_change(candidate.features)) return false;
  std::vector<Feature> again;
  TRY_ASSIGN(const Outcome second, run_one(candidate.input, {.all_features = true}, &again));
  if (second.ending != Ending::kOk) {
    TRY(took_note_of_death(second, candidate.input));
    return false;
  }
  std::ranges::sort(candidate.features, before);
  std::ranges::sort(again, before);
  Entry entry{.hash = hash_of(candidate.input),
              .took = std::min(candidate.outcome.took, second.took),
              .path = second.hash,
              .blocks = second.blocks};
  settle(candidate.features, again, entry);
  std::vector<Change> changes = aggregates_.add(candidate.features);
  std::erase_if(changes, [&](const Change& change) { return !wanted(change); });
  if (changes.empty()) return false;
  if (!entry.varies && trimming_ < std::chrono::duration_cast<Duration>((now() - before_) * kTrimmingShare)) {
    const Duration began = now();
    TRY_ASSIGN(Bytes smaller, trimmed(candidate, changes));
    if (smaller.size() < candidate.input.size()) {
      std::vector<Feature> features;
      TRY_ASSIGN(const Outcome last, run_one(smaller, {.all_features = true}, &features));
      candidate.input = std::move(smaller);
      candidate.features = std::move(features);
      entry.took = last.took, entry.path = last.hash, entry.blocks = last.blocks;
      aggregates_.add(candidate.features);
    }
    trimming_ += now() - began;
  }
  entry.hash = hash_of(candidate.input);
  if (!held_.insert(entry.hash).second) return false;
  known_.insert(entry.hash);
  entry.size = static_cast<std::uint32_t>(candidate.input.size());
  entry.depth = parent == kNobody ? 0 : entries_[parent].depth + 1;
  entry.parent = parent;
  entry.repairs = parent != kNobody && entries_[parent].repairs;
  entry.found_by = stage;
  entry.found_at = now();
  for (const Change& change : changes)
    if (std::ranges::find(entry.goals, change.goal) == entry.goals.end()) entry.goals.push_back(change.goal);
  for (const Goal goal : entry.goals) {
    ++finds_[goal];
    last_finds_[goal] = entry.found_at;
  }
  if (parent != kNobody) ++entries_[parent].children;
  const auto id = static_cast<EntryId>(entries_.size());
  champions_.claim(id, {entry.size, static_cast<std::uint64_t>(entry.took.count())}, candidate.features, changes);
  TRY(folder_.keep(entry.hash, candidate.input));
  entries_.push_back(std::move(entry));
  if (events_.kept) events_.kept(id, entries_.back(), candidate.input, changes);
  bytes_held_ += candidate.input.size();
  bytes_.push_back(bytes_held_ <= kBytesHeldMax ? candidate.input : Bytes());
  fresh_.push_back(id);
  last_find_ = entries_.back().found_at;
  ++kept_count_;
  return true;
}

Result<Outcome> RunningCampaign::run_one(ByteView input, const RunOptions& how, std::vector<Feature>* features) {
  Outcome seen;
  TRY(executor_.run(std::span(&input, 1), how, [&](std::size_t, const Outcome& outcome) {
    ++runs_;
    seen = outcome;
    if (features != nullptr) features->assign(outcome.features.begin(), outcome.features.end());
  }));
  seen.features = {};
  seen.input = {};
  return seen;
}

}  // namespace isobar::fuzz
