#pragma once

/// A trace made ready to be run through the scheduler again and again: its events in steps of virtual time, and every row that could be
/// computed on the way, computed once. What a policy does only decides which of those rows an answer comes from.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "features/trace.h"

namespace isobar::features {

/// One input of one key. Before it becomes known, its value is asked for.
struct TraceEvent {
  std::uint32_t key = 0, step = 0;
  std::uint32_t queries = 0;  ///< how often the key is asked for just before
  bool first_row = false;     ///< the key begins here, with a row made of its inputs so far that the budget does not pay for
};

/// How wrong an answer was: as it is reported, and as the scheduler is told.
struct AnswerError {
  double reported = 0, told = 0;
};

class Workload {
 public:
  virtual ~Workload() = default;
  /// By step, then as they came.
  const std::vector<TraceEvent>& events() const { return events_; }
  const std::vector<std::string>& keys() const { return keys_; }
  Duration step() const { return step_; }
  /// What the reported error is called, and what was left out and why, a sentence each.
  const std::string& loss() const { return loss_; }
  const std::vector<std::string>& remarks() const { return remarks_; }

  static constexpr std::uint32_t kNoRow = UINT32_MAX;
  /// event, row   indices into `events`: what is asked for at the one, answered from the row made just after the other; kNoRow: from none
  virtual AnswerError answer(std::uint32_t event, std::uint32_t row) const = 0;

 protected:
  std::vector<TraceEvent> events_;
  std::vector<std::string> keys_;
  Duration step_{0};
  std::string loss_;
  std::vector<std::string> remarks_;
};

enum class Queries : std::uint8_t {
  kUniform,  ///< each key once in each step that has a value of it
  kZipf,     ///< as many in all, by keys that are drawn: the n-th of a random order 1/n as often as the first
};

struct SeriesOptions {
  std::string forecaster = "stl-arima";
  Duration step = std::chrono::hours(1);  ///< values within a step are averaged; one without any has the value before, and no event
  std::size_t window = 48;                ///< steps of history that a row is made of
  int period = 24;                        ///< steps of a season
  std::optional<Duration> length;         ///< from the start of each key; shorter ones are left out. None: as long as each is
  /// Each key's steps are counted from its own first row, as if all had begun together. None: if each was recorded in a file of its own.
  std::optional<bool> align_starts;
  Queries queries = Queries::kUniform;
  std::uint64_t seed = 1;
  double error_most = 1000;  ///< of one answer, reported and told
};

/// Series of values by key; a row is a forecast, and the error of an answer is |forecast − value| over the mean step of the key's series
/// (MASE; of the whole series, so in hindsight, and the same for all policies).
/// Errors   kInvalidArgument: a forecaster, window, period or step that is not possible; no key long enough; more rows than 4 GiB hold
/// Cost     one fit for each key and step
Result<std::unique_ptr<Workload>> make_series_workload(const Trace& trace, const SeriesOptions& options);

struct RatingsOptions {
  Duration step = std::chrono::minutes(1);  ///< steps in which nothing happens are left out
  std::size_t factors = 50;                 ///< of a user's vector, its own mean among them
  double ridge = 5;                         ///< λ, for users and items alike
  int rounds = 10;                          ///< of alternating least squares, over the first half of the rows
  std::uint64_t seed = 1;
};

/// Ratings (value) of items by users (key). The first half, by time, trains the items' factors; in the second each rating is a query and
/// its label. A row is the user's ridge vector on the fixed factors; reported is the squared error, told the absolute one.
/// Errors   kInvalidArgument: no items, too few rows, or an option that is not possible
Result<std::unique_ptr<Workload>> make_ratings_workload(const Trace& trace, const RatingsOptions& options);

}  // namespace isobar::features
