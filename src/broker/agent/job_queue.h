#pragma once

/// Which jobs of one cluster run when, and how a gang lives and dies. A core: events come in, effects come out.
///
/// The queue is strictly first in, first out: a job that does not fit waits, and everything behind it waits with it, so
/// that a large job is never starved by small ones. A job starts when `num_nodes` nodes each have its CPUs and
/// accelerators free; it takes the first such nodes in the order of node identity, and its ranks follow that order, so
/// that the head, when it takes part, is rank 0. Setup runs on every node of the cluster, then the job on its own nodes.
/// The first rank to fail decides: the others are killed, and the job ends when the last of them is gone.
///
/// A node that is lost keeps its place in the cluster. Jobs that wait for lost nodes are not started on it until it is back; a node that
/// was replaced and is not ready yet gets no jobs at all.
///
/// Source   the job queue of SkyPilot's runtime (NSDI '23); placement is Ray's STRICT_SPREAD.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "broker/agent_messages.h"

namespace isobar::broker {

struct NodeShape {
  double cpus = 0;
  int gpus = 0;
};

struct Demand {
  int num_nodes = 1;
  double cpus = 0, gpus = 0;  ///< on each node
  bool has_setup = false, has_run = true;
  bool waits_for_lost = false;  ///< it is not started on a node that is lost; else it is, and fails
};

/// Where one rank runs, and the devices it may see.
struct Place {
  int node = 0;
  std::vector<int> gpus;
  friend bool operator==(const Place&, const Place&) = default;
};

/// How a job will end, decided before its last process is gone.
struct Verdict {
  JobStatus status = JobStatus::kSucceeded;
  std::optional<int> exit_code, failed_rank;
  std::string reason;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// ---- events ----
struct JobSubmitted {
  JobId job;
  Demand demand;
};
/// A rank is gone from its node with every process it started.
struct RankEnded {
  RankKey key;
  int node = 0;
  RankEnd end;
};
struct CancelWanted {
  JobId job;
};
/// What the store knows of a job that was active when the agent last ran.
struct JobRestored {
  JobId job;
  Demand demand;
  Phase phase = Phase::kRun;
  std::vector<Place> places;
  std::optional<Verdict> verdict;
};
/// It does not answer, or another machine has taken its place. What ran there ends by RankEnded, if the agent was there to see it.
struct NodeLost {
  int node = 0;
  bool replaced = false;  ///< by a machine on which nothing is to run yet, whatever the job
};
struct NodeBack {
  int node = 0;
};
using QueueEvent = std::variant<JobSubmitted, RankEnded, CancelWanted, JobRestored, NodeLost, NodeBack>;

// ---- effects ----
/// Record that the phase begins; comes before the StartRanks of the phase.
struct PhaseBegun {
  JobId job;
  Phase phase = Phase::kRun;
  std::vector<Place> places;  ///< of the job's ranks, in both phases
};
/// Start, or adopt when it was started before: repeating a start is harmless.
struct StartRank {
  RankKey key;
  int rank = 0, node = 0;
};
struct KillGangRank {
  RankKey key;
  int node = 0;
};
struct VerdictReached {
  JobId job;
  Verdict verdict;
  bool node_lost = false;  ///< a rank went with its node
};
struct JobEnded {
  JobId job;
  Verdict verdict;
};
using QueueEffect = std::variant<PhaseBegun, StartRank, KillGangRank, VerdictReached, JobEnded>;

class JobQueue {
 public:
  /// nodes  by node identity; never empty
  explicit JobQueue(std::vector<NodeShape> nodes);

  /// Whether an empty cluster could run it. JobSubmitted requires it.
  /// Errors   kInvalidArgument: says what the cluster lacks
  Status admit(const Demand& demand) const;
  /// Whether these are places of this cluster. JobRestored requires it.
  Status admit_places(const std::vector<Place>& places) const;

  /// Cost  O(nodes) for each job that starts or ends.
  std::vector<QueueEffect> step(const QueueEvent& event);

  /// The places of an active job's ranks; none for any other.
  const std::vector<Place>* places(JobId job) const;
  std::size_t pending() const { return pending_.size(); }
  std::size_t in_phase(Phase phase) const;

 private:
  struct Active {
    Demand demand;
    std::vector<Place> places;
    Phase phase = Phase::kRun;
    std::set<int> live;  // nodes whose rank of this phase is not gone
    std::optional<Verdict> verdict;
  };
  struct Node {
    double cpus_free;
    std::vector<double> gpus_free;  // of each device
  };
  using Effects = std::vector<QueueEffect>;

  void on(const JobSubmitted& event, Effects& out);
  void on(const RankEnded& event, Effects& out);
  void on(const CancelWanted& event, Effects& out);
  void on(const JobRestored& event, Effects& out);
  void on(const NodeLost& event, Effects& out);
  void on(const NodeBack& event, Effects& out);

  bool is_closed(int node, const Demand& demand) const;
  bool any_closed(const Demand& demand) const;
  void end_with_lost(JobId job, Active& active, Effects& out);
  void start_what_fits(Effects& out);
  std::optional<std::vector<Place>> place(const Demand& demand) const;
  void take(const Active& active, double sign);
  void begin_phase(JobId job, Active& active, Phase phase, Effects& out);
  void start_ranks(JobId job, Active& active, Effects& out) const;
  void decide(JobId job, Active& active, Verdict verdict, Effects& out, bool node_lost = false) const;
  void phase_over(JobId job, Active& active, Effects& out);
  static int rank_on(const Active& active, int node);
  void finish(JobId job, const Active& active, Verdict verdict, Effects& out);

  std::vector<NodeShape> shapes_;
  std::vector<Node> nodes_;
  std::map<int, NodeLost> lost_;
  std::map<JobId, Demand> pending_;  // ids grow with submission, so their order is the queue's
  std::map<JobId, Active> active_;
};

}  // namespace isobar::broker
