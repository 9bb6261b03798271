#pragma once

/// The head of a cluster: carries the queue's effects out on the nodes and in the job table, merges the logs, and watches
/// for idleness. It belongs to the loop, and lives as long as the agent.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autostop_clock.h"
#include "base/log.h"
#include "gang_log.h"
#include "job_environment.h"
#include "job_queue.h"
#include "job_store.h"
#include "loop.h"
#include "peer_link.h"

namespace isobar::broker {

class Head {
 public:
  struct Listener {
    std::function<void(JobId)> job_changed;   ///< its log grew, or it ended
    std::function<void(PowerOff)> power_off;  ///< autostop fired, or someone asked; the peers know already
    std::function<bool()> is_read;            ///< whether somebody is being sent a log, or a listing, whose end is still to come
  };
  template <class T>
  using Reply = std::function<void(Result<T>)>;

  Head(Loop& loop, const NodeConfig& config, JobStore store, RankHost& local, Instant booted, Log& log, Listener listener);
  ~Head();
  /// Takes up what was unfinished when the agent last ran. Once, before the loop runs.
  Status restore();

  /// autostop  set in the same step as the jobs are recorded; none: as it was
  void submit(std::vector<JobSpec> jobs, std::optional<Autostop> autostop, Reply<std::vector<JobId>> reply);
  /// Answers when the jobs are over.
  void cancel(const CancelJobs& what, Reply<std::vector<JobId>> reply);
  Status set_autostop(const std::optional<Autostop>& autostop);
  /// A node's cloud has announced something: the logs of the jobs on it say so. One that is known already is passed over.
  void announce(const NodeNotice& notice);
  /// The nodes that were replaced may be given jobs from now on.
  Status nodes_ready();
  void power_off(PowerOff how);
  NodeStatus status() const;
  const JobStore& store() const { return store_; }
  fs::path log_of(const JobRecord& job) const;

 private:
  struct ActiveJob;
  class GangSink;
  struct Submission {
    std::vector<JobSpec> jobs;
    std::optional<Autostop> autostop;
    Reply<std::vector<JobId>> reply;
  };
  struct Cancellation {
    std::set<JobId> left;
    std::vector<JobId> ended;
    Reply<std::vector<JobId>> reply;
  };

  Instant now() const { return SystemClock().now(); }
  Status admit(const std::vector<JobSpec>& jobs) const;
  void record_submissions();
  Result<std::vector<JobId>> unfinished_of(const CancelJobs& what) const;
  Status find_replaced();
  std::map<int, std::string> node_tokens() const;
  void node_answers(int rank, bool answers);
  void restore_one(const UnfinishedJob& job);
  void step(const QueueEvent& event) { carry_out(queue_.step(event)); }
  void carry_out(const std::vector<QueueEffect>& effects);
  std::vector<QueueEffect> run_again(const std::vector<QueueEffect>& effects);
  void record(const std::vector<QueueEffect>& effects);
  void record_what_waits();
  void catch_up();
  void on(const PhaseBegun& effect);
  void on(const StartRank& effect);
  void on(const KillGangRank& effect);
  void on(const VerdictReached&) {}
  void on(const JobEnded& effect);

  ActiveJob& activate(JobId id, const std::vector<Place>& places);
  Status load(JobId id, ActiveJob& job);
  RankOrder order_of(const ActiveJob& job, const RankPlace& place) const;
  RankHost& host(int node);
  void jobs_changed();
  void arm_autostop();
  void autostop_due();
  fs::path journal_of(JobId id) const;

  Loop& loop_;
  const NodeConfig& config_;
  JobStore store_;
  RankHost& local_;
  std::map<int, std::unique_ptr<PeerLink>> peers_;
  Log& log_;
  Listener listener_;
  Instant booted_;
  JobQueue queue_;
  AutostopClock autostop_;
  std::map<JobId, std::unique_ptr<ActiveJob>> active_;
  std::vector<Submission> submissions_;
  std::vector<Cancellation> cancellations_;
  std::set<int> unready_;                // nodes that took the place of lost ones
  std::vector<NodeNotice> notices_;      // the last of each node
  std::vector<QueueEffect> unrecorded_;  // what the disk did not take yet
  Loop::Timer record_again_, autostop_timer_, power_off_timer_;
};

}  // namespace isobar::broker
