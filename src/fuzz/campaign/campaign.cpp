#include "fuzz/campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "campaign_inside.h"

namespace isobar::fuzz {
namespace {

constexpr std::uint64_t kTurnsBetweenLooks = 32;
/// How often the input with the greatest value of a domain is taken, rather than a holder of any of its keys.
constexpr double kExtremeShare = 0.5;
constexpr int kTournament = 6;
constexpr Duration kTurnMax = 1s;
constexpr Duration kRateWindow = 2s;

/// What fuzzing an input further promises: what has had few turns, or has had children.
double promise(const Entry& entry) { return (1.0 + static_cast<double>(entry.children)) / (1.0 + static_cast<double>(entry.turns)); }

}  // namespace

RunningCampaign::RunningCampaign(Executor& executor, CorpusFolder& folder, CampaignOptions options, CampaignEvents events)
    : executor_(executor),
      folder_(folder),
      options_(std::move(options)),
      events_(std::move(events)),
      random_(options_.seed),
      havoc_(options_.size_max),
      aggregates_(executor.shape(), executor.aggregates()),
      champions_(executor.shape()),
      bandit_(goals_of(executor.shape())),
      shape_(executor.shape()),
      deaths_(executor.shape()),
      wanted_(goals_of(shape_), true),
      holders_(goals_of(shape_)),
      finds_(goals_of(shape_)),
      last_finds_(goals_of(shape_)),
      began_(SystemClock().now()) {}

Duration RunningCampaign::now() const { return before_ + (SystemClock().now() - began_); }

Result<std::unique_ptr<Campaign>> Campaign::open(Executor& executor, CorpusFolder& folder, CampaignOptions options, CampaignEvents events) {
  auto campaign = std::make_unique<RunningCampaign>(executor, folder, std::move(options), std::move(events));
  TRY(campaign->begin());
  return std::unique_ptr<Campaign>(std::move(campaign));
}

Status RunningCampaign::check_goals() {
  if (options_.goals.empty()) return {};
  std::fill(wanted_.begin() + 1, wanted_.end(), false);
  for (const std::string& name : options_.goals) {
    bool found = false;
    std::string all;
    for (Goal goal = 0; goal < goals_of(shape_); ++goal) {
      const std::string its = name_of(shape_, goal);
      all += (all.empty() ? "" : ", ") + its;
      // A domain's parts have its name and a dot before their own.
      if (its == name || its.starts_with(name + ".")) wanted_[goal] = found = true;
    }
    if (!found)
      return invalid(
          fmt::format("the target was not built with a domain {}; it has {}. `isobar-cc --domains {}` builds it so", name, all, name));
  }
  return {};
}

Status RunningCampaign::begin() {
  TRY(check_goals());
  for (const Bytes& token : options_.tokens) dictionary_.add(token);
  TRY(go_on());
  TRY(take(options_.seeds, "seed"));
  // Found in the last seconds before a kill, or put there by somebody.
  TRY(exchange());
  // Something has to be mutated.
  for (const std::string_view text : {"", "\n", "0", "hello"})
    if (entries_.empty()) TRY(take({Bytes(text.begin(), text.end())}, "nothing"));
  if (entries_.empty())
    return invalid("no input could be run to its end: neither those given, nor an empty one, nor a line. crashes/ has what became of them");
  return save();
}

Status RunningCampaign::go_on() {
  TRY_ASSIGN(const auto state, folder_.load());
  if (!state) return {};
  runs_ = runs_before_ = state->runs;
  before_ = state->ran;
  crashes_ = state->crashes;
  hangs_ = state->hangs;
  for (const Bytes& token : state->tokens) dictionary_.add(token);
  // Of another program only the inputs are good: they are run again.
  if (state->target != options_.target) return {};
  return restore(*state);
}

Status RunningCampaign::restore(const CampaignState& state) {
  TRY_ASSIGN(const Aggregates stored, Aggregates::decode(executor_.shape(), state.aggregates));
  TRY_ASSIGN(champions_, Champions::decode(executor_.shape(), state.champions, static_cast<EntryId>(state.entries.size())));
  TRY(aggregates_.merge(stored));
  entries_ = state.entries;
  bytes_.resize(entries_.size());
  const AggregateMemory memory = executor_.aggregates();
  for (const std::uint32_t block : state.varying_blocks) {
    if (block >= shape_.blocks) return Error(Code::kDataLoss, "the state names a block that the target does not have");
    memory.planes[ISOBAR_FUZZ_PLANE_COVERAGE][block] = UINT8_MAX;
  }
  varying_ = state.varying_blocks;
  for (EntryId id = 0; id < entries_.size(); ++id) {
    held_.insert(entries_[id].hash);
    known_.insert(entries_[id].hash);
    if (entries_[id].turns == 0) fresh_.push_back(id);
    for (const Goal goal : entries_[id].goals) {
      if (goal >= finds_.size()) return Error(Code::kDataLoss, "the state names a goal that the target does not have");
      ++finds_[goal];
      last_finds_[goal] = std::max(last_finds_[goal], entries_[id].found_at);
    }
    last_find_ = std::max(last_find_, entries_[id].found_at);
  }
  return {};
}

Status RunningCampaign::take(const std::vector<Bytes>& inputs, std::string_view from) {
  std::vector<Trial> trials;
  for (const Bytes& input : inputs)
    trials.push_back(
        {input.size() > options_.size_max ? Bytes(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(options_.size_max)) : input,
         {}});
  // Smaller first: they become the champions, and the larger ones are kept for what they add.
  std::ranges::stable_sort(trials, {}, [](const Trial& trial) { return trial.input.size(); });
  for (std::size_t at = 0; at < trials.size(); at += 64) {
    const auto end = std::min(trials.size(), at + 64);
    TRY(run(std::vector<Trial>(trials.begin() + static_cast<std::ptrdiff_t>(at), trials.begin() + static_cast<std::ptrdiff_t>(end)),
            kNobody, from));
  }
  return {};
}

Status RunningCampaign::exchange() {
  TRY_ASSIGN(const auto files, folder_.list());
  std::vector<Bytes> unknown;
  for (const InputHash& hash : files) {
    if (!known_.insert(hash).second) continue;
    // A file may go while it is looked at: somebody tidies up.
    if (auto bytes = folder_.read(hash); bytes.ok()) unknown.push_back(std::move(*bytes));
  }
  return take(unknown, "others");
}

std::vector<bool> RunningCampaign::possible_goals() {
  if (holders_at_ != kept_count_ + 1 &&
      (turns_ % kTurnsBetweenLooks == 0 || holders_at_ == 0 || kept_count_ + 1 - holders_at_ > entries_.size() / 16)) {
    holders_at_ = kept_count_ + 1;
    for (Goal goal = 0; goal < holders_.size(); ++goal) holders_[goal] = wanted_[goal] ? champions_.holders(goal) : std::vector<EntryId>();
  }
  std::vector<bool> possible(holders_.size());
  for (Goal goal = 0; goal < holders_.size(); ++goal) possible[goal] = !holders_[goal].empty();
  return possible;
}

EntryId RunningCampaign::choose(Goal goal) {
  if (goal >= kFirstDomain && random_.chance(kExtremeShare)) {
    const EntryId holder = champions_.holder(goal, aggregates_.extreme(goal).second);
    if (holder != kNobody) return holder;
  }
  const auto& all = holders_[goal];
  // Coverage is found sooner by what runs sooner. A domain may be about what takes long: there, time is no fault.
  const auto worth = [&](EntryId id) {
    const double slowness = goal < kFirstDomain ? 1 + static_cast<double>(entries_[id].took.count()) / 1e6 : 1;
    return promise(entries_[id]) / slowness;
  };
  EntryId best = all[static_cast<std::size_t>(random_.below(all.size()))];
  for (int i = 1; i < kTournament; ++i) {
    const EntryId other = all[static_cast<std::size_t>(random_.below(all.size()))];
    if (worth(other) > worth(best)) best = other;
  }
  return best;
}

Status RunningCampaign::turn() {
  const Duration began = now();
  const std::uint64_t kept_before = kept_count_;
  const std::vector<bool> possible = possible_goals();
  const bool any = std::ranges::find(possible, true) != possible.end();
  const Goal goal = any ? bandit_.draw(possible, random_) : kCoverage;
  EntryId id = any ? choose(goal) : static_cast<EntryId>(random_.below(entries_.size()));
  // Whoever is new comes first, half of the time: a flood of new inputs does not keep champions from their turns.
  if (!fresh_.empty() && random_.chance(0.5)) {
    id = fresh_.back();
    fresh_.pop_back();
  }
  Entry& entry = entries_[id];
  const bool holds_coverage = champions_.held(id, kCoverage) != 0;
  bool holds_values = false;
  for (Goal each = kFirstDomain; each < goals_of(shape_); ++each)
    holds_values = holds_values || (wanted_[each] && champions_.held(id, each) != 0);
  ++entry.turns;
  turn_ends_ = began + kTurnMax;
  if (!entry.examined && (holds_coverage || holds_values)) {
    TRY(examine(id));
  } else if (!entry.probed && holds_values) {
    TRY(probe(id));
  } else if (entry.repairs && random_.chance(0.6)) {
    TRY(repair(id));
  } else if (executor_.has_custom_mutator() && random_.chance(0.5)) {
    TRY(custom(id));
  } else {
    TRY(havoc(id));
  }
  ++turns_;
  turn_ends_ = kForever;
  const Duration ended = now();
  if (any) bandit_.reward(goal, ended - began, static_cast<double>(kept_count_ - kept_before));
  if (ended - rate_at_ > kRateWindow) {
    rate_ = static_cast<double>(runs_ - rate_runs_) / to_seconds(ended - rate_at_);
    rate_runs_ = runs_;
    rate_at_ = ended;
  }
  // A state takes time by the number of entries; at most a twentieth of it all.
  if (ended - saved_at_ > options_.save_every) TRY(save());
  return {};
}

Status RunningCampaign::save() {
  const Duration began = now();
  CampaignState state{.target = options_.target, .aggregates = aggregates_.encode(), .champions = champions_.encode(), .entries = entries_};
  state.runs = runs_;
  state.crashes = crashes_;
  state.hangs = hangs_;
  state.ran = began;
  state.varying_blocks = varying_;
  for (std::size_t i = 0; i < dictionary_.size(); ++i) state.tokens.emplace_back(dictionary_[i].begin(), dictionary_[i].end());
  TRY(folder_.save(state));
  saved_at_ = now() + 20 * (now() - began);
  return {};
}

Progress RunningCampaign::progress() const {
  Progress out;
  out.runs = runs_;
  out.crashes = crashes_;
  out.hangs = hangs_;
  out.entries = entries_.size();
  out.starts = executor_.starts();
  out.unstable = static_cast<std::uint64_t>(std::ranges::count_if(entries_, [](const Entry& entry) { return entry.varies; }));
  out.queue = fresh_.size();
  out.tokens = dictionary_.size();
  out.ran = now();
  out.last_find = last_find_;
  out.runs_this_time = runs_ - runs_before_;
  out.ran_this_time = out.ran - before_;
  out.runs_per_second = rate_ > 0 ? rate_ : static_cast<double>(out.runs_this_time) / std::max(1e-3, to_seconds(out.ran_this_time));
  out.stage = stage_;
  std::vector<bool> possible(holders_.size());
  for (Goal goal = 0; goal < holders_.size(); ++goal) possible[goal] = !holders_[goal].empty();
  for (Goal goal = 0; goal < goals_of(shape_); ++goal) {
    if (!wanted_[goal] || (goal == kValid && !shape_.valid) || (goal == kDiff && !shape_.diff)) continue;
    GoalProgress each{.name = name_of(shape_, goal), .is_plane = goal < kFirstDomain};
    each.keys = goal < kFirstDomain ? shape_.blocks : shape_.domains[goal - kFirstDomain].keys;
    each.reached = aggregates_.reached(goal);
    if (!each.is_plane) {
      std::tie(each.extreme, each.extreme_key) = aggregates_.extreme(goal);
      each.extreme_holder = champions_.holder(goal, each.extreme_key);
      each.top = aggregates_.furthest(goal, 10);
    }
    each.share = bandit_.share(goal, possible);
    each.finds = finds_[goal];
    each.last_find = last_finds_[goal];
    out.goals.push_back(std::move(each));
  }
  return out;
}

}  // namespace isobar::fuzz
