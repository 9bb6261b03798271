#pragma once

/// A campaign: inputs are mutated, run, and kept when they move an aggregate, of coverage or of any domain, until somebody ends it. What is
/// kept is a waypoint in FuzzFactory's sense; the search knows nothing of what a domain means.

#include <functional>
#include <memory>

#include "base/random.h"
#include "fuzz/corpus.h"
#include "fuzz/havoc.h"

namespace isobar::fuzz {

struct CampaignOptions {
  std::uint64_t seed = 1;
  std::size_t size_max = 1 << 20;  ///< bytes of an input
  std::vector<Bytes> seeds;        ///< tried first
  std::vector<Bytes> tokens;       ///< of dictionaries
  Duration save_every = std::chrono::seconds(2);
  std::vector<std::string> goals;  ///< names; only these are worked towards, and coverage. Empty: all that the target has
  std::string target;              ///< fingerprint of the program: a state of another one is not gone on from
};

/// What one goal has come to.
struct GoalProgress {
  std::string name;
  bool is_plane = false;
  std::size_t keys = 0, reached = 0;
  std::uint64_t extreme = 0;  ///< greatest aggregate of a domain (least, of `min`)
  std::uint32_t extreme_key = 0;
  EntryId extreme_holder = kNobody;
  std::vector<std::pair<std::uint32_t, std::uint64_t>>
      top;                  ///< keys of a domain with the greatest aggregates (least, of `min`), ten at most
  double share = 0;         ///< of turns, now
  std::uint64_t finds = 0;  ///< inputs that moved it
  Duration last_find{0};    ///< of the campaign's running time
};

struct Progress {
  std::uint64_t runs = 0, crashes = 0, hangs = 0, entries = 0, starts = 0;
  std::uint64_t unstable = 0;  ///< entries whose runs differ
  std::size_t queue = 0;       ///< entries that wait for their first turn
  std::size_t tokens = 0;
  Duration ran{0}, last_find{0};
  std::uint64_t runs_this_time = 0;
  Duration ran_this_time{0};
  double runs_per_second = 0;  ///< of the last seconds
  std::string stage;
  std::vector<GoalProgress> goals;
};

/// Told of what happens, as it happens.
struct CampaignEvents {
  std::function<void(EntryId, const Entry&, ByteView, std::span<const Change>)> kept;
  std::function<void(Ending, const fs::path&, const Outcome&)> ended;
};

class Campaign {
 public:
  /// Goes on from what the folder has, or begins with the seeds. The executor outlives it.
  /// Errors   kInvalidArgument: a goal that the target does not have, or it runs nothing; kDataLoss: the folder's state is damaged
  static Result<std::unique_ptr<Campaign>> open(Executor& executor, CorpusFolder& folder, CampaignOptions options,
                                                CampaignEvents events = {});
  virtual ~Campaign() = default;

  /// One turn: some tens of milliseconds of runs.
  virtual Status turn() = 0;
  /// Writes what is known. Done every `save_every` by turns, too.
  virtual Status save() = 0;
  virtual Progress progress() const = 0;
  virtual const std::vector<Entry>& entries() const = 0;
  virtual const Aggregates& aggregates() const = 0;
  /// Runs what has come into the folder from others, and keeps what moves anything here.
  virtual Status exchange() = 0;
};

}  // namespace isobar::fuzz
