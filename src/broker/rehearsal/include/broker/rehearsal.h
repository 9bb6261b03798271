#pragma once

/// A launch rehearsed: the same failover and recovery machines that run jobs, against simulated clouds in virtual time.
/// Stock-outs, quotas, slow machines, preemptions and outages are data, so that a plan can be tried on a bad day before
/// there is one. Everything it reports is simulated, and says so.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "broker/failover.h"
#include "broker/recovery.h"

namespace isobar::broker {

/// Which placements a fault touches. Unset: all.
struct FaultWhere {
  std::optional<std::string> cloud, region, zone, instance_type, accelerator;
  std::optional<bool> use_spot;
  bool covers(const Placement& placement) const;
};

enum class FaultKind {
  kStockout,  ///< no capacity
  kQuota,     ///< the account's limit is reached
  kOutage,    ///< the cloud's API does not answer; running machines go on
  kError,     ///< creation fails with a code of your own
  kPartial,   ///< all nodes but one come up, then creation fails and leaves them running
  kSlow,      ///< machines take `delay` to come up
  kPreempt,   ///< at `from`, machines that run there are taken away
  kLifetime,  ///< machines are taken away after a random time with the mean `delay` (exponential)
  kFlaky,     ///< each creation fails with `probability`, and termination too
};

struct Fault {
  FaultKind kind = FaultKind::kStockout;
  FaultWhere where;
  Duration from = Duration::zero(), until = kForever;
  std::string code;        ///< kError: the provider's code
  Duration delay{};        ///< kSlow, kLifetime
  double probability = 1;  ///< that the fault strikes one creation it covers
};

struct FaultPlan {
  std::uint64_t seed = 1;
  Duration work = 1h;           ///< how long each task runs, without interruptions
  Duration checkpoint_every{};  ///< progress survives a preemption up to the last checkpoint; 0: none does
  Duration provision = 90s;     ///< until machines answer, unless a fault says otherwise
  Duration horizon = 30 * 24h;  ///< a rehearsal that is not over by then has failed
  std::vector<Fault> faults;
};

/// Reads a FAULTS.yaml (docs/formats/faults.md). Errors   kInvalidArgument: every problem, with line and column
Result<FaultPlan> parse_fault_plan(std::string_view text, const std::string& file_name);

struct RehearsedTask {
  std::string name;
  LaunchGoal goal;
  RecoveryStrategy strategy = RecoveryStrategy::kEagerNextRegion;
};

struct TimelineEntry {
  Duration at{};
  std::string task, what;
};

struct RehearsalReport {
  std::vector<TimelineEntry> timeline;
  bool succeeded = false;
  std::string failure;
  double cost = 0;  ///< $, every second that a machine ran, also of failed attempts
  Duration finished_after{};
  int attempts = 0, preemptions = 0, recoveries = 0;
  /// What the machines promise and this run broke; empty unless isobar has a bug. Each names the rule.
  std::vector<std::string> violations;
};

/// Runs the tasks one after another, as a pipeline does. Deterministic in plan.seed.
/// Cost   O(events · log); a day of a job with hourly preemptions takes about a millisecond
RehearsalReport rehearse(std::span<const RehearsedTask> tasks, const FaultPlan& plan);

/// The report as text: a line that says it is simulated, the timeline, the totals.
std::string render_rehearsal(const RehearsalReport& report);
/// {"simulated": true, "succeeded", "failure", "cost", "finished_after_seconds", "attempts", "preemptions", "recoveries",
/// "timeline": [{"at_seconds", "task", "what"}]}
std::string rehearsal_json(const RehearsalReport& report);

}  // namespace isobar::broker
