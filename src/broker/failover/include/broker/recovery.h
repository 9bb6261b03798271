#pragma once

/// A job that outlives its machines, as a pure state machine: what to do when they are preempted, and where to go next.
///
/// EAGER_NEXT_REGION leaves the region at once: a region that just took a machine away is likely to be short of it, so
/// the next launch leaves that region out; only after three failed passes is it considered again. FAILOVER tries the
/// same region first. A request that pins its region cannot leave it, so nothing is left out for it.
/// Source   SkyPilot (NSDI '23) §5; the two strategies are the anchor's, with the pin judged by the request.

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/failover.h"

namespace isobar::broker {

enum class RecoveryStrategy { kEagerNextRegion, kFailover, kNone };

namespace recovery {

struct Start {};
struct LaunchSucceeded {
  Placement placement;
};
struct LaunchFailed {
  Error error;
};
/// A machine of the job is gone; the others still run.
struct Preempted {};
struct Cleaned {};  ///< what was left of the lost cluster is terminated
struct WorkDone {};
using Event = std::variant<Start, LaunchSucceeded, LaunchFailed, Preempted, Cleaned, WorkDone>;

struct Launch {
  LaunchGoal goal;
};
struct CleanUp {};  ///< terminate what is left of the cluster
struct Finish {
  std::optional<Error> error;  ///< none: the work is done
};
using Effect = std::variant<Launch, CleanUp, Finish>;

}  // namespace recovery

class RecoveryMachine {
 public:
  /// goal  the first launch; its ranked list is the whole space that recoveries choose from
  RecoveryMachine(LaunchGoal goal, RecoveryStrategy strategy) : goal_(std::move(goal)), strategy_(strategy) {}

  /// Handles one event; at most one effect follows.
  std::optional<recovery::Effect> step(const recovery::Event& event);

  int recoveries() const { return recoveries_; }
  bool finished() const { return state_ == State::kFinished; }

 private:
  enum class State { kIdle, kLaunching, kRunning, kCleaning, kFinished };
  static constexpr int kRestrictedTries = 3;

  recovery::Effect launch();
  /// The placements of this try: all, or those that the strategy prefers after a loss.
  std::vector<Placement> preferred() const;

  LaunchGoal goal_;
  RecoveryStrategy strategy_;
  State state_ = State::kIdle;
  std::optional<Placement> lost_;  // where the last machine was taken away
  int restricted_tries_ = 0;       // launches since then that kept to the preferred placements
  bool restricted_ = false;        // whether the current launch is one of them
  bool work_done_ = false;
  int recoveries_ = 0;
};

}  // namespace isobar::broker
