// What is tried on an input: once what its compares and its lengths say, then chance.

#include <algorithm>
#include <cstring>
#include <set>

#include "campaign_inside.h"
#include "fuzz/shorten.h"

namespace isobar::fuzz {
namespace {

/// A turn is about so long.
constexpr Duration kTurn = 30ms;
constexpr std::size_t kTrialsMin = 4, kTrialsMax = 2048;
/// Of the first look at an input.
constexpr std::size_t kExaminedBytesMax = 1 << 14, kColorTriesMax = 600, kReplacementsMax = 4000, kTogetherMax = 256;
constexpr std::size_t kProbedBytesMax = 512, kRepairedMax = 512, kTailMax = 256;
constexpr Duration kProbeMax = 300ms;
/// Of each part of the first look: an input that runs for long is looked at less closely.
constexpr Duration kLookMax = 500ms;
constexpr std::size_t kTrimLeast = 8, kTrimTriesMax = 200;
constexpr Duration kTrimMax = 100ms;

/// Numbers that a length might rather be.
std::vector<std::uint64_t> further(std::uint64_t value, unsigned bytes) {
  const std::uint64_t most = bytes == 8 ? UINT64_MAX : (std::uint64_t{1} << (8 * bytes)) - 1;
  std::vector<std::uint64_t> all{most, most >> 1, (most >> 1) + 1};
  if (value * 2 <= most) all.push_back(value * 2 + (value == 0 ? 1 : 0));
  if (bytes > 1) all.push_back(most >> 8), all.push_back(value | (most & ~(most >> 4)));
  return all;
}

}  // namespace

std::size_t RunningCampaign::energy(const Entry& entry) const { return std::clamp(affordable(entry, kTurn), kTrialsMin, kTrialsMax); }

std::size_t RunningCampaign::affordable(const Entry& entry, Duration span) const {
  return static_cast<std::size_t>(span.count() / std::max<std::int64_t>(entry.took.count(), 500));
}

Result<const Bytes*> RunningCampaign::bytes_of(EntryId id) {
  if (bytes_[id].empty() && entries_[id].size != 0) {
    TRY_ASSIGN(bytes_[id], folder_.read(entries_[id].hash));
    if (bytes_[id].size() != entries_[id].size)
      return Error(Code::kDataLoss, "the input " + entries_[id].hash.hex() +
                                        " is not what was written: " + (folder_.inputs() / entries_[id].hash.hex()).string());
  }
  return &bytes_[id];
}

/// Compares: what the input was held against is put into it.
Status RunningCampaign::examine(EntryId id) {
  entries_[id].examined = true;
  stage_ = "compares";
  TRY_ASSIGN(const Bytes* held, bytes_of(id));
  const Bytes input = *held;
  const std::size_t affords = affordable(entries_[id], kLookMax);
  if (input.empty() || input.size() > kExaminedBytesMax || affords < 8) return {};
  TRY_ASSIGN(const Outcome first, run_one(input, {.log_operands = true}));
  if (first.ending != Ending::kOk) return {};
  const Operands log = Operands::of(executor_.operands());
  learn_tokens(log, dictionary_);
  if (log.integers.empty() && log.buffers.empty()) return {};
  Colorizer colorizer(input, std::min({kColorTriesMax, input.size() * 2 + 8, affords}), random_);
  while (const auto attempt = now() < turn_ends_ ? colorizer.next() : std::nullopt) {
    TRY_ASSIGN(const Outcome outcome, run_one(*attempt, {}));
    colorizer.answer(outcome.ending == Ending::kOk && outcome.hash == first.hash);
  }
  Operands other;
  if (colorizer.changed()) {
    TRY_ASSIGN(const Outcome outcome, run_one(colorizer.colored(), {.log_operands = true}));
    if (outcome.ending == Ending::kOk && outcome.hash == first.hash) other = Operands::of(executor_.operands());
  }
  const bool two = !other.integers.empty() || !other.buffers.empty();
  const auto replacements =
      input_to_state(input, log, two ? ByteView(colorizer.colored()) : ByteView(), other, std::min(kReplacementsMax, affords));
  std::vector<Trial> trials;
  for (const Replacement& replacement : replacements) {
    trials.push_back({replaced(input, replacement), {}});
    if (trials.back().input.size() > options_.size_max) trials.pop_back();
  }
  if (replacements.size() > 1)
    for (std::size_t i = 0; i < std::min(kTogetherMax, affords); ++i)
      trials.push_back({replaced_together(input, replacements, i % 4 == 0 ? 1.0 : random_.uniform(), random_), {}});
  if (trials.empty()) return {};
  TRY(run(trials, id, "compares"));
  if (const std::size_t most = std::min(kRepairedMax, affords / 4); trials.size() > most) {
    for (std::size_t i = 0; i < most; ++i) std::swap(trials[i], trials[i + static_cast<std::size_t>(random_.below(trials.size() - i))]);
    trials.resize(most);
  }
  TRY_ASSIGN(const auto mended, repaired(trials, log, first.hash));
  TRY_ASSIGN(const std::size_t kept, run(mended, id, "repairs"));
  entries_[id].repairs = kept > 0;
  return {};
}

/// A change that is right spoils a checksum over it, and the run ends there. A compare that held for the input and does not for what was
/// made of it says what the checksum should be, so it is put in, too. log, path   of the input: compares that are in its log never held
Result<std::vector<Trial>> RunningCampaign::repaired(const std::vector<Trial>& trials, const Operands& log, std::uint64_t path) {
  std::set<std::uint32_t> open;
  for (const auto& each : log.integers) open.insert(each.slot);
  for (const auto& each : log.buffers) open.insert(each.slot);
  std::vector<Trial> mended;
  for (const Trial& trial : trials) {
    if (now() > turn_ends_) break;
    TRY_ASSIGN(const Outcome outcome, run_one(trial.input, {.log_operands = true}));
    if (outcome.ending != Ending::kOk || outcome.hash == path) continue;
    Operands broken = Operands::of(executor_.operands());
    std::erase_if(broken.integers, [&](const auto& each) { return open.contains(each.slot); });
    std::erase_if(broken.buffers, [&](const auto& each) { return open.contains(each.slot); });
    if (broken.integers.empty() && broken.buffers.empty()) continue;
    broken.integers.resize(std::min<std::size_t>(broken.integers.size(), 4));
    broken.buffers.resize(std::min<std::size_t>(broken.buffers.size(), 2));
    for (const Replacement& replacement : input_to_state(trial.input, broken, {}, {}, 16))
      mended.push_back({replaced(trial.input, replacement), trial.recipe});
  }
  return mended;
}

/// Chance, with what it breaks mended.
Status RunningCampaign::repair(EntryId id) {
  TRY_ASSIGN(const Bytes* held, bytes_of(id));
  const Bytes input = *held;
  TRY_ASSIGN(const Outcome first, run_one(input, {.log_operands = true}));
  if (first.ending != Ending::kOk) return {};
  const Operands log = Operands::of(executor_.operands());
  std::vector<Trial> trials(energy(entries_[id]));
  for (Trial& trial : trials) {
    trial.input = input;
    // A length that grows wants something behind it to be the length of.
    if (random_.below(2) == 0 && input.size() + kTailMax <= options_.size_max)
      trial.input.resize(input.size() + 1 + static_cast<std::size_t>(random_.below(kTailMax)),
                         static_cast<std::uint8_t>(random_.below(256)));
    trial.recipe = havoc_.mutate(trial.input, {}, dictionary_, random_);
  }
  TRY_ASSIGN(const auto mended, repaired(trials, log, first.hash));
  return run(mended, id, "repairs").and_then([](std::size_t) { return Status(); });
}

/// Lengths: each place of the input as a number, made greater. For domains whose values grow with what an input says.
Status RunningCampaign::probe(EntryId id) {
  entries_[id].probed = true;
  TRY_ASSIGN(const Bytes* held, bytes_of(id));
  const Bytes input = *held;
  const Duration began = now();
  std::vector<Trial> trials;
  for (std::size_t at = 0; at < std::min(input.size(), kProbedBytesMax); ++at) {
    for (const unsigned bytes : {1U, 2U, 4U}) {
      if (at + bytes > input.size()) continue;
      for (const bool big_endian : {false, true}) {
        if (bytes == 1 && big_endian) continue;
        std::uint64_t value = 0;
        for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{input[at + (big_endian ? bytes - 1 - i : i)]} << (8 * i);
        for (const std::uint64_t other : further(value, bytes)) {
          Bytes trial = input;
          for (unsigned i = 0; i < bytes; ++i) trial[at + (big_endian ? bytes - 1 - i : i)] = static_cast<std::uint8_t>(other >> (8 * i));
          trials.push_back({std::move(trial), {}});
        }
      }
    }
    if (trials.size() < std::clamp<std::size_t>(affordable(entries_[id], kTurn), 16, 256) &&
        at + 1 < std::min(input.size(), kProbedBytesMax))
      continue;
    TRY(run(trials, id, "lengths"));
    trials.clear();
    if (now() - began > kProbeMax) break;
  }
  return {};
}

Status RunningCampaign::havoc(EntryId id) {
  const std::size_t count = energy(entries_[id]);
  TRY_ASSIGN(const Bytes* held, bytes_of(id));
  const Bytes input = *held;
  for (std::size_t done = 0; done < count && now() < turn_ends_;) {
    std::vector<Trial> trials(std::min(count - done, executor_.batch_size()));
    for (Trial& trial : trials) {
      trial.input = input;
      const auto other = static_cast<EntryId>(random_.below(entries_.size()));
      TRY_ASSIGN(const Bytes* spliced, bytes_of(other));
      trial.recipe = havoc_.mutate(trial.input, *spliced, dictionary_, random_);
    }
    done += trials.size();
    TRY(run(trials, id, "havoc"));
  }
  return {};
}

/// The harness' own mutator, which knows the structure of its inputs.
Status RunningCampaign::custom(EntryId id) {
  TRY_ASSIGN(const Bytes* held, bytes_of(id));
  const Bytes input = *held;
  const std::vector<ByteView> inputs(std::min(energy(entries_[id]), executor_.batch_size()), ByteView(input));
  const auto room = static_cast<std::uint32_t>(std::min<std::size_t>(options_.size_max, std::max<std::size_t>(2 * input.size(), 4096)));
  return run(inputs, {}, id, "custom", {.custom_mutator = true, .custom_room = room, .custom_seed = random_.next()})
      .and_then([](std::size_t) { return Status(); });
}

/// The input without what it does not need: on the same path, and no value that it moved goes less far.
Result<Bytes> RunningCampaign::trimmed(const Candidate& candidate, std::span<const Change> changes) {
  const std::size_t tries_max = std::min(kTrimTriesMax, affordable({.took = candidate.outcome.took}, kTrimMax));
  const auto as_good = [&](ByteView input) -> Result<bool> {
    std::vector<Feature> features;
    TRY_ASSIGN(const Outcome outcome, run_one(input, {.all_features = true}, &features));
    if (outcome.ending != Ending::kOk || outcome.hash != candidate.outcome.hash) return false;
    return std::ranges::all_of(changes, [&](const Change& change) {
      if (change.goal < kFirstDomain) return true;
      const DomainShape& domain = shape_.domains[change.goal - kFirstDomain];
      const auto same = std::ranges::find_if(features, [&](const Feature& feature) {
        return feature.what == ISOBAR_FUZZ_WHAT_SLOT && feature.key == domain.first_slot + change.key;
      });
      return same != features.end() && reduce(domain.reducer, change.before, same->value) == change.after;
    });
  };
  return candidate.input.size() <= kTrimLeast ? candidate.input : shortened(candidate.input, as_good, tries_max);
}

}  // namespace isobar::fuzz
