#pragma once

/// A recorded trace played through the store in virtual time, faster than it was: the same forecasts kept fresh twice, within the same
/// budget, by regret and in turn, and how wrong the answers of each were. What is seen is the engine itself, not a simulation of it; only
/// its clock is ours.

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "features/engine.h"
#include "features/trace.h"

namespace isobar::features {

/// A clock that is set by the hour. Safe from any thread.
class DemoClock final : public Clock {
 public:
  Instant now() const override { return Instant::from_unix_nanos(nanos_); }
  void set(Instant now) { nanos_ = now.unix_nanos(); }

 private:
  std::atomic<std::int64_t> nanos_ = 0;
};

/// Ten real series of some days, of the Numenta Anomaly Benchmark: they are in the program.
Trace sample_trace();

struct DemoOptions {
  double refreshes_per_hour = 0.25;  ///< of each of the two policies, over all keys; above 0
};

class Demo {
 public:
  /// trace    each of its keys is shifted to begin when the first begins
  /// engine   without a definition, on `clock`; both outlive the demo
  /// Errors   kInvalidArgument: a trace too short to forecast from; kUnavailable, kExhausted: of the engine
  static Result<std::unique_ptr<Demo>> create(const Trace& trace, const DemoOptions& options, Engine& engine, DemoClock& clock);

  /// Gives the engine the first two days, a forecast for each key from them, and then the budget. Takes a second or so.
  Status begin();
  std::size_t hours() const { return hours_; }
  std::size_t hour() const;
  /// The next hour: what will it be? is asked of both, for every key; then it comes, and is taken in. False: the trace is at its end.
  /// Errors   of the engine
  Result<bool> step();

  /// Of a path that a browser asks for: "/" is the page, "/demo/state" what it shows, as JSON. None: there is no such page. Safe from any
  /// thread.
  struct Page {
    std::string content_type, body;
  };
  std::optional<Page> page(std::string_view path) const;
  /// Two lines for people: how wrong both were so far.
  std::string summary() const;

 private:
  struct Series {
    std::string key;
    std::vector<std::vector<double>> hours;  ///< the values of each hour, since the beginning
    double mean_step = 1;                    ///< of its hourly means: the unit of errors
  };
  struct Policy {
    std::string view, name;
    double error = 0;                ///< of all answers so far
    std::vector<double> mean_error;  ///< after each hour
    std::vector<double> forecast;    ///< of each key, of the hour that is asked about
    std::vector<double> key_error;   ///< of each key, all so far
    std::uint64_t refreshes = 0;
    double waiting_hours = 0;  ///< the longest
    double regret = 0;
  };

  Demo(std::vector<Series> series, const DemoOptions& options, Engine& engine, DemoClock& clock);
  Instant at(std::size_t hour) const;
  Status apply(std::string_view budget);
  Status push(std::size_t hour);
  Status wait_for_rows();
  Result<std::vector<double>> ask(const Policy& policy) const;
  void judge(std::size_t hour);
  std::string state() const;

  const std::vector<Series> series_;
  const DemoOptions options_;
  Engine& engine_;
  DemoClock& clock_;
  std::size_t hours_ = 0;
  mutable Mutex mutex_;
  std::size_t hour_ GUARDED_BY(mutex_) = 0;
  std::uint64_t answers_ GUARDED_BY(mutex_) = 0;
  std::array<Policy, 2> policies_ GUARDED_BY(mutex_);
  std::vector<double> values_ GUARDED_BY(mutex_);  ///< of each key, in the hour that came last
};

}  // namespace isobar::features
