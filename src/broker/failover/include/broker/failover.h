#pragma once

/// One launch, as a pure state machine: it goes down a ranked list of placements until one gives all its nodes.
///
/// The driver feeds events in and carries the effects out, in order, before the next event; in production it talks to
/// clouds, in a rehearsal to simulated ones. What the machine promises under every schedule of failures:
///   - before anything is created, its intent is recorded;
///   - what a failed attempt may have left behind is terminated before the next attempt begins, so that at most one
///     incarnation is alive; a cloud that does not let it be terminated for minutes ends the launch with the intent still standing;
///   - in one pass no placement is tried twice, nor one that a failure of this pass has ruled out;
///   - no placement above the price bound is tried.
/// Source   SkyPilot (NSDI '23) §4.3; unlike it, every feasible type is tried, not only the cheapest of each cloud.

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "cloud/offer.h"
#include "cloud/provider.h"

namespace isobar::broker {

/// One place to try: an offer, how it is paid for, and at what price.
struct Placement {
  cloud::Offer offer;
  bool use_spot = false;
  double hourly_price = 0;      ///< $ for each node
  std::size_t alternative = 0;  ///< which alternative of the task's resources it satisfies
  friend bool operator==(const Placement&, const Placement&) = default;
};

struct Attempt {
  Placement placement;
  int pass = 1;
  Instant started, ended;
  std::string provider_code, reason;  ///< empty: it succeeded
};

struct LaunchGoal {
  std::string cluster;
  int num_nodes = 1;
  std::vector<Placement> ranked;  ///< best first
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> config;  ///< the task's own, by dotted key, as YAML text
  Ports ports;                                ///< to be let in from outside
  std::vector<cloud::VolumeUse> volumes;      ///< that its nodes are made with
  std::vector<std::string> images;            ///< of each alternative of its resources; empty: the cloud's usual one
  std::optional<double> hourly_cost_max;      ///< $ for each node; placements above are never tried
  bool retry_until_up = false;                ///< when a pass is exhausted: wait, forget what was ruled out, begin again
  Duration backoff_least = std::chrono::seconds(60), backoff_most = std::chrono::minutes(10);
  int removals_most = 12;  ///< how often what an attempt may have left is asked to go, five seconds apart; 0: until it is gone
};

namespace launch {

// ---- what happened
struct Start {};
struct IntentRecorded {};
struct Created {
  std::vector<cloud::Instance> instances;
};
struct CreateFailed {
  cloud::CloudError error;
};
struct Terminated {};
/// Termination did not succeed; it is tried again after a pause, for nothing may be left behind: `removals_most` times, and the next
/// command on the cluster goes on with it.
struct TerminateFailed {
  Error error;
};
struct TimerFired {};
struct Cancel {};
using Event = std::variant<Start, IntentRecorded, Created, CreateFailed, Terminated, TerminateFailed, TimerFired, Cancel>;

// ---- what to do
/// Write to disk that `placement` is about to be created under `token`.
struct RecordIntent {
  Placement placement;
  std::string token;
};
struct Create {
  Placement placement;
  std::string token;
};
/// Remove whatever carries the cluster's tag on this cloud.
struct Terminate {
  std::string cloud;
};
struct SetTimer {
  Duration after{};
};
struct Succeeded {
  Placement placement;
  std::vector<cloud::Instance> instances;
};
/// Nothing is left to try, or the launch was cancelled. kExhausted / kUnavailable / kDeadlineExceeded
struct Failed {
  Error error;
  bool may_be_left = false;  ///< what an attempt made could not be removed: its intent must stand
};
using Effect = std::variant<RecordIntent, Create, Terminate, SetTimer, Succeeded, Failed>;

}  // namespace launch

class LaunchMachine {
 public:
  /// run  makes the tokens of this launch differ from those of any other
  LaunchMachine(LaunchGoal goal, std::string run);

  /// Handles one event. Events that do not fit the state are bugs of the driver and end the process.
  std::vector<launch::Effect> step(const launch::Event& event, Instant now);

  bool finished() const { return state_ == State::kFinished; }
  const std::vector<Attempt>& history() const { return history_; }

 private:
  enum class State { kIdle, kRecording, kCreating, kTerminating, kRetryingTerminate, kBackingOff, kFinished };

  std::vector<launch::Effect> on_start(Instant now);
  std::vector<launch::Effect> on_created(const launch::Created& created, Instant now);
  std::vector<launch::Effect> on_create_failed(const launch::CreateFailed& failed, Instant now);
  std::vector<launch::Effect> on_terminated(Instant now);
  std::vector<launch::Effect> on_terminate_failed(const launch::TerminateFailed& failed);
  std::vector<launch::Effect> on_timer(Instant now);
  std::vector<launch::Effect> try_next(Instant now);
  std::vector<launch::Effect> exhausted();
  bool is_open(const Placement& placement) const;

  LaunchGoal goal_;
  std::string run_;
  State state_ = State::kIdle;
  bool cancelled_ = false;
  int pass_ = 1, removals_ = 0;  // passes over the list, and removals that failed in a row
  Duration backoff_;
  std::optional<std::size_t> current_;   // index into goal_.ranked
  std::vector<bool> tried_;              // in this pass
  std::vector<cloud::Scope> ruled_out_;  // in this pass
  std::vector<Attempt> history_;
};

/// The same placements, those that were refused not long ago behind all others: stock that is out is rarely back within minutes, and
/// is tried all the same when nothing else is left.
std::vector<Placement> refused_last(std::vector<Placement> ranked, const std::vector<cloud::Scope>& refused);

/// The whole history as a table, for the error of a launch that found no place.
std::string describe(const std::vector<Attempt>& history);

/// "AWS us-east-1 p4d.24xlarge (spot)": a placement in a few words.
std::string describe(const Placement& placement);

}  // namespace isobar::broker
