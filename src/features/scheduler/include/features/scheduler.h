#pragma once

/// The scheduler of one expensive view: which key's row is computed next, when there is not budget enough for all.
///
/// Inputs come faster than rows can be computed from them. Most stale rows harm nobody: nobody asks, or the answer is still right. So the
/// budget goes where answers are wrong. Each key has a mailbox that holds its newest input alone, and a regret: the sum of the errors of
/// what was answered from its row since the row was computed. The key with the most regret goes first, and its regret starts again at zero
/// (ralf, PVLDB 17(3), 2023). Other policies are there to compare with, and for views that no label ever comes back for.
///
/// A pure core: no clock, no thread. The driver tells what happened and when, and asks `next` for work; several refreshes may be under way
/// at once, one of a key. Inputs and rows themselves stay where they are, this knows their versions. The calls of one scheduler are
/// made by one thread. Times before those already told are taken as the latest told.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/id.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "features/allowance.h"
#include "features/policy.h"

namespace isobar::features {

/// The place of an input in the log of its view's inputs; from 1, greater is newer. A row's version is that of the newest input in it.
using InputVersion = Id<struct InputVersionTag>;

/// Where regret comes from.
enum class RegretSource : std::uint8_t {
  kErrors,   ///< what `feedback` tells: of labels, or of forecasts at the next value
  kQueries,  ///< each query counts one: for views that no label comes back for. It then is the same as `query-proportional`
};

struct SchedulerConfig {
  std::string policy{kDefaultPolicy};
  PolicyOptions policy_options;
  Budget budget;
  RegretSource regret_source = RegretSource::kErrors;
  /// A key whose row lacks an input that is older goes before all others, the longest waiting first. Within the budget, as all.
  std::optional<Duration> staleness_most;
  /// Keys that never had a row go before those that have one, the longest waiting first.
  bool cold_first = false;
  /// One answer's error counts this much at most, so that no single label, wrong or hostile, takes the budget.
  double error_most = 1000;
  /// Expected CPU-seconds of a refresh before any was measured.
  double cost_first = 0.01;
  /// Keys that are known at once; a further one is refused (kExhausted) and counted as shed, until `forget` makes room.
  std::size_t keys_most = 16'000'000;
  /// Of `fifo` and `lifo`: events that wait at once; the oldest is dropped for a further one, and counted as shed.
  std::size_t events_most = 1'000'000;
  /// Of `random`'s draws, and of the hashing of keys.
  std::uint64_t seed = 1;
};

/// Why a key was chosen.
enum class Cause : std::uint8_t { kScore, kCold, kStaleness };
std::string_view name_of(Cause cause);

/// One row to be computed, from all inputs up to `version`.
struct Refresh {
  std::string key;
  InputVersion version;
  Cause cause = Cause::kScore;
};

/// Work, or why there is none.
struct Next {
  std::optional<Refresh> refresh;
  /// Without a refresh: when to ask again if nothing happens before; none: something must happen first.
  std::optional<Instant> ask_again;
};

enum class Accepted : std::uint8_t {
  kNewest,      ///< this row is to be served
  kSuperseded,  ///< computed from no newer input than the row that is served: to be thrown away
};

/// An answer's error, given back.
struct Feedback {
  double error = 0;                    ///< ≥ 0: what was told, or `loss_of` a label, or of the value that a forecast foretold
  std::optional<InputVersion> served;  ///< the version of the row that was answered from; none: the one served now
};

struct Explanation;

struct Counters {
  std::uint64_t inputs = 0, inputs_repeated = 0, queries = 0;
  std::uint64_t feedback = 0, feedback_capped = 0, feedback_of_older_rows = 0;
  std::uint64_t refreshes = 0, refreshes_for_staleness = 0, refreshes_failed = 0, results_superseded = 0;
  std::uint64_t keys_shed = 0, events_shed = 0;
  double cost = 0;  ///< measured, CPU-seconds
};

/// As it is now; all but `keys` are sums over keys that the scheduler keeps as it goes, O(1).
struct Gauges {
  std::size_t keys = 0, keys_pending = 0, under_way = 0;
  double regret = 0;           ///< over all keys
  Duration staleness_most{0};  ///< of the key that waits longest
  double allowance = 0;
};

class Scheduler {
 public:
  /// Errors   kInvalidArgument: no such policy; a bound, budget or cost that allows nothing; a policy of events with a rule for keys
  static Result<Scheduler> create(SchedulerConfig config);
  Scheduler(Scheduler&&) noexcept;
  Scheduler& operator=(Scheduler&&) noexcept;
  ~Scheduler();

  /// An input arrived. One that is not newer than the key's newest (delivered again) changes nothing but a counter.
  /// Errors   kExhausted: a new key, and `keys_most` are there; kInvalidArgument: version 0; kUnavailable: closed
  /// Cost     O(log n)
  Status input(std::string_view key, Instant event_time, InputVersion version, Instant now);

  /// The row of the key was asked for. A key that no input was seen of has no row: nothing is kept of it.
  void query(std::string_view key, Instant now);

  /// Attributed to the row that was answered from: when that is not the row served now, it is counted and changes nothing.
  /// Errors   kInvalidArgument: negative or not finite; kNotFound: no such key
  Status feedback(std::string_view key, const Feedback& feedback, Instant now);

  /// The next refresh within the budget. It is under way until `finished` or `failed`.
  /// Cost     O(log n)
  Next next(Instant now);

  /// A row was computed from all inputs up to `version`, by order of `next` or otherwise. What was wrong with the row before it is
  /// forgotten; what arrived since then waits on.
  /// cost     CPU-seconds
  /// Errors   kNotFound: no such key; kInvalidArgument: inputs that were never told, or a cost that is negative or not finite
  Result<Accepted> finished(std::string_view key, InputVersion version, double cost, Instant now);

  /// A refresh came to nothing. The key waits on with all its inputs, but from now and without its regret: one that always fails takes no
  /// more of the budget than others. Its charge is not given back.
  /// Errors   kNotFound: this refresh is not under way
  Status failed(std::string_view key, InputVersion version, Instant now);

  /// The key is of no interest any more. Refreshes of it under way are not waited for.
  void forget(std::string_view key, Instant now);

  /// No inputs from now on. What waits is still refreshed, within the budget, until `drained`.
  void close();
  bool drained() const;

  /// How wrong the key's row has been since it was computed, in all. None: no such key. Cost   O(1)
  std::optional<double> regret(std::string_view key) const;
  /// Cost   O(n), for the rank.
  Explanation explain(std::string_view key, Instant now) const;

  const Counters& counters() const;
  Gauges gauges(Instant now) const;
  const SchedulerConfig& config() const;
  /// All that is held for keys, those of their bytes included.
  std::size_t memory_bytes() const;

 private:
  class State;
  explicit Scheduler(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// What is known of a key, and why it was or was not refreshed.
struct Explanation {
  enum class Where : std::uint8_t { kUnknown, kUpToDate, kWaiting, kUnderWay };
  Where where = Where::kUnknown;
  std::uint32_t pending = 0;  ///< inputs that its row does not contain
  Duration staleness{0};      ///< how long the oldest of those has been waiting
  double regret = 0;          ///< how wrong its row has been, in all
  std::uint32_t queries = 0;  ///< since its last refresh
  double cost = 0;            ///< expected of a refresh, CPU-seconds
  std::uint32_t refreshes = 0;
  std::optional<Duration> refreshed_ago;  ///< to the second
  std::optional<Cause> refreshed_for;     ///< none: its row was not computed by order
  InputVersion served, newest;
  std::optional<std::size_t> rank;      ///< waiting: how many go first
  std::optional<Duration> expected_in;  ///< waiting: when its turn comes if nothing changes
  /// All of it in sentences.
  std::string why;
};

}  // namespace isobar::features
