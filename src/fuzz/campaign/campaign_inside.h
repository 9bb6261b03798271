#pragma once

/// A campaign's parts among themselves: intake.cpp decides what is kept, stages.cpp what is tried, campaign.cpp whose turn it is.

#include <deque>
#include <map>
#include <set>

#include "fuzz/campaign.h"
#include "fuzz/input_to_state.h"
#include "goal_bandit.h"

namespace isobar::fuzz {

/// An input to run, and where it comes from.
struct Trial {
  Bytes input;
  Recipe recipe;
};

class RunningCampaign final : public Campaign {
 public:
  RunningCampaign(Executor& executor, CorpusFolder& folder, CampaignOptions options, CampaignEvents events);
  Status begin();

  Status turn() override;
  Status save() override;
  Progress progress() const override;
  const std::vector<Entry>& entries() const override { return entries_; }
  const Aggregates& aggregates() const override { return aggregates_; }
  Status exchange() override;

 private:
  // campaign.cpp: whose turn
  Status check_goals();
  Status go_on();
  Status restore(const CampaignState& state);
  Status take(const std::vector<Bytes>& inputs, std::string_view from);
  EntryId choose(Goal goal);
  std::vector<bool> possible_goals();
  Duration now() const;

  // intake.cpp: what is kept
  struct Candidate {
    Bytes input;
    Recipe recipe;
    std::vector<Feature> features;
    Outcome outcome;
  };
  /// Runs all, keeps what is worth it. How many were kept.
  Result<std::size_t> run(const std::vector<ByteView>& inputs, const std::vector<Recipe>& recipes, EntryId parent, std::string_view stage,
                          const RunOptions& how = {});
  Result<std::size_t> run(const std::vector<Trial>& trials, EntryId parent, std::string_view stage);
  Status took_note_of_death(const Outcome& outcome, ByteView input);
  Result<bool> consider(Candidate& candidate, EntryId parent, std::string_view stage);
  void settle(std::vector<Feature>& features, const std::vector<Feature>& again, Entry& entry);
  bool wanted(const Change& change) const { return wanted_[change.goal]; }

  // stages.cpp: what is tried
  Status examine(EntryId id);
  Status probe(EntryId id);
  Result<std::vector<Trial>> repaired(const std::vector<Trial>& trials, const Operands& log, std::uint64_t path);
  Status repair(EntryId id);
  Status havoc(EntryId id);
  Status custom(EntryId id);
  Result<Bytes> trimmed(const Candidate& candidate, std::span<const Change> changes);
  Result<Outcome> run_one(ByteView input, const RunOptions& how, std::vector<Feature>* features = nullptr);
  std::size_t energy(const Entry& entry) const;
  /// Runs of an entry that take so long together.
  std::size_t affordable(const Entry& entry, Duration span) const;
  Result<const Bytes*> bytes_of(EntryId id);

  Executor& executor_;
  CorpusFolder& folder_;
  CampaignOptions options_;
  CampaignEvents events_;
  Random random_;
  Havoc havoc_;
  Dictionary dictionary_;
  Aggregates aggregates_;
  Champions champions_;
  GoalBandit bandit_;
  TargetShape shape_;
  Aggregates deaths_;  ///< of runs that did not end well, to tell which are new
  std::vector<bool> wanted_;

  std::vector<Entry> entries_;
  std::vector<Bytes> bytes_;  ///< of entries; empty: on disk alone
  std::size_t bytes_held_ = 0;
  std::set<InputHash> held_;   ///< of entries
  std::set<InputHash> known_;  ///< and of files that were looked at and move nothing
  std::deque<EntryId> fresh_;
  std::vector<std::vector<EntryId>> holders_;
  std::uint64_t holders_at_ = 0, kept_count_ = 0, turns_ = 0;
  std::vector<std::uint64_t> finds_;
  std::vector<Duration> last_finds_;
  std::vector<std::uint32_t> varying_;
  std::map<Ending, int> silent_deaths_;

  std::uint64_t runs_ = 0, runs_before_ = 0, crashes_ = 0, hangs_ = 0;
  Duration turn_ends_{kForever};  ///< beyond it no further runs of a turn are begun
  Duration before_{0}, last_find_{0}, saved_at_{0}, trimming_{0};
  Instant began_;
  double rate_ = 0;
  std::uint64_t rate_runs_ = 0;
  Duration rate_at_{0};
  std::string stage_ = "starting";
};

}  // namespace isobar::fuzz
