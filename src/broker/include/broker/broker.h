#pragma once

/// The broker: clusters on clouds, and the jobs given to them. It joins the pure parts (failover, the stored state, the
/// scan of a workdir) to the world (providers, agents), and is where the promise is kept that whatever happens to the
/// process that calls it, no machine is forgotten and no job is lost.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/knob.h"
#include "base/log.h"
#include "base/result.h"
#include "broker/agent_client.h"
#include "broker/cluster_lock.h"
#include "broker/failover.h"
#include "broker/local_tree.h"
#include "broker/state_store.h"
#include "broker/task.h"
#include "cloud/provider.h"

namespace isobar::broker {

struct Config {
  /// How long a command waits for another one that works on the same cluster.
  Knob<Duration> lock_deadline{.value = 10min, .least = 0s, .most = 24h};
  /// How long the machines of one attempt may take to come up before the next place is tried.
  Knob<Duration> provision_deadline{.value = 15min, .least = 5s, .most = 2h, .sim = {30s, 20min}};
  /// How long the agents of fresh machines may take to answer.
  Knob<Duration> agent_deadline{.value = 60s, .least = 1s, .most = 30min};
  /// First and longest wait of --retry-until-up; it doubles in between.
  Knob<Duration> retry_least{.value = 60s, .least = 1s, .most = 1h, .sim = {1s, 60s}};
  /// How long a place that had no machine of a type is tried behind all others.
  Knob<Duration> refusal_life{.value = 15min, .least = 0s, .most = 24h};
  /// How long `stop` and `down` wait for what is still being uploaded from mounted buckets.
  Knob<Duration> uploads_deadline{.value = 10min, .least = 0s, .most = 24h};
  Knob<Duration> retry_most{.value = 10min, .least = 1s, .most = 24h, .sim = {60s, 1h}};
};

/// What a command tells its user while it works.
using Say = std::function<void(const std::string& line)>;

/// Everything the broker stands on; all outlive it.
struct BrokerParts {
  Config config;
  fs::path lock_folder;
  StateStore& state;
  std::map<std::string, cloud::Provider*> providers;  ///< by name
  const Clock& clock;
  Log& log;
  Say say;
  /// Told the nodes of a cluster whenever they came up, and none when it is gone: for what stands outside, such as ssh's entries.
  std::function<void(const std::string& cluster, const std::vector<cloud::Instance>& nodes)> on_nodes;
  std::function<void(Duration)> sleep = nullptr;  ///< how a launch waits between attempts; none: by sleeping
  /// What a node is told to mount, with this user's credentials; only asked for tasks that mount buckets.
  std::function<Result<std::string>(const FileMount& mount)> mount_order = nullptr;
};

/// One job as it is given to a cluster.
struct JobOrder {
  const Task* task = nullptr;
  std::string name, user;
  bool with_setup = true;
  std::string token;                         ///< names this submission
  std::map<std::string, std::string> fetch;  ///< variables: what every node fetches before setup, as `isobar-node fetch` reads it; or none
};

/// What is sent to nodes, by its destination there.
using Trees = std::vector<std::pair<std::string, LocalTree>>;

enum class IfItFails { kKeep, kForget };

/// One command's hold on one cluster: while it lives, no other command changes the cluster.
class ClusterSession {
 public:
  const std::string& name() const { return name_; }
  /// As it was found, after whatever a crashed command left was repaired; none when there is no such cluster.
  const std::optional<ClusterRecord>& record() const { return record_; }
  /// Why part of it does not answer; empty: all of it does.
  const std::string& problem() const { return problem_; }

  /// Goes down goal.ranked until one placement gives all nodes, and waits for their agents.
  /// Errors   kExhausted: no place, with the whole history
  Status provision(LaunchGoal goal, ClusterRecord blank);
  /// Starts a STOPPED cluster again: the same machines and disks, or an error; never new ones elsewhere.
  /// Buckets that were mounted are mounted again.
  Status start();
  /// Lets lost nodes of the cluster be replaced alone from now on.
  /// Errors   kInvalidArgument: its cloud cannot
  Status allow_mending();
  /// Whether nodes are lost that may be replaced, or their replacement is not done.
  Result<bool> needs_mending();
  /// Makes lost nodes again, with their ranks, beside those that run; then ports, buckets and files are put on them as on all the others,
  /// and jobs that asked for it are run again. Called again it goes on where it stopped.
  /// given_up   ranks that are to be taken for lost though their cloud says that they run
  /// trees      what to send; none: what was sent last, as it is now
  /// Errors     kInvalidArgument: it is not allowed, or the head is lost; kNotFound: something that was sent is not here any more
  Status mend(const std::vector<int>& given_up = {}, const std::optional<Trees>& trees = {});
  /// patience     how long to wait for what was written to mounted buckets and is not uploaded; what is left then is said, and stays on the
  ///              disks
  Status stop(Duration patience = Duration::zero());
  /// if_it_fails  kForget: the record goes also when the cloud refuses; what may still run is said and no longer tracked
  /// patience     as for `stop`; what is left then keeps the cluster, since it would be lost. 0: nobody asks
  /// Errors       kUnavailable: something is left
  Status terminate(IfItFails if_it_fails = IfItFails::kKeep, Duration patience = Duration::zero());

  /// Mirrors workdir and file_mounts to every node. trees  as scanned by scan_sources
  Status send_files(const Trees& trees);
  /// Mounts buckets on every node, for all jobs of the cluster, and remembers them for its next start. What is mounted stays as it is.
  /// mounts   of a mode other than COPY
  Status mount_buckets(const std::vector<FileMount>& mounts);
  Result<JobId> submit(const JobOrder& order);
  /// autostop  set in the same step as the jobs are recorded, so that a command which is killed leaves both or neither; it does not fire
  ///           while this session lasts, so that `open_tail` finds the log. None: as it was
  /// Errors    kInvalidArgument: also an autostop that `check_autostop` refuses; nothing is submitted then
  Result<std::vector<JobId>> submit(const std::vector<JobOrder>& orders, const std::optional<Autostop>& autostop = {});
  Result<LogTail> open_tail(const TailLogs& what);
  Status set_autostop(const std::optional<Autostop>& autostop);
  /// Lets the ports in beside those that are; nothing to do when all are.
  /// Errors   kInvalidArgument: not on this cloud, or not on a cluster that is there
  Status open_ports(const Ports& ports);
  Status remember_command(std::string command);

 private:
  friend class Broker;
  ClusterSession(const BrokerParts& parts, std::string name, ClusterLock lock)
      : parts_(parts), name_(std::move(name)), lock_(std::move(lock)) {}
  Status refresh();
  Status refresh(Result<std::vector<cloud::Instance>> instances);
  Status bring_in_line(Result<std::vector<cloud::Instance>> instances);
  Status all_running(const std::vector<cloud::Instance>& instances) const;
  Result<bool> is_sound();
  Status repair(const Intent& intent);
  void tell_nodes(bool gone = false);
  Result<ClusterSession> unrepaired(const Error& why);
  Status replace_nodes(cloud::Provider& driver, const std::vector<int>& lost);
  Status put_all_on_nodes(cloud::Provider& driver, const std::optional<Trees>& trees);
  Status remember_files(const Trees& trees);
  std::optional<ClusterStatus> status_seen(std::vector<cloud::Instance> instances) const;
  Status repair_change(IntentKind kind, ClusterRecord record);
  Status change(IntentKind kind, ClusterRecord after, const std::function<Status()>& act);
  Status tell_cloud(const std::optional<Autostop>& autostop);
  Status act(IntentKind kind, ClusterStatus after, bool keep, IfItFails if_it_fails = IfItFails::kKeep);
  Status mount_on_nodes(const std::vector<FileMount>& mounts);
  Result<std::string> uploads_left();
  std::string await_uploads(Duration patience);
  Result<AgentClient> connect_head();
  Result<std::vector<AgentClient>> connect_all();
  Result<cloud::Provider*> provider() const;

  const BrokerParts& parts_;
  std::string name_;
  ClusterLock lock_;
  std::optional<ClusterRecord> record_;
  std::string problem_;
  std::optional<AgentClient> submitter_;  // keeps the autostop that it set from firing
};

class Broker {
 public:
  explicit Broker(BrokerParts parts) : parts_(std::move(parts)) {}

  /// Takes the cluster's lock, completes or undoes what a crashed command left, and reads what is really there.
  /// command  what is being done, for those who wait on the lock
  /// hold     kShared for a session that only gives jobs to a sound cluster: many of those run at once. Whatever else
  ///          turns out to be needed, the session is then an exclusive one
  Result<ClusterSession> open(const std::string& cluster, const std::string& command, Hold hold = Hold::kExclusive);

  /// A connection to the head of a cluster that is UP; takes no lock.
  /// Errors   kNotFound: no such cluster; kUnavailable: it is stopped, or its agent does not answer
  /// patience  how long is tried; none: as configured
  Result<AgentClient> connect_head(const std::string& cluster, std::optional<Duration> patience = {});

  /// Every cluster as it is now. Clusters that another command works on are shown as recorded.
  Result<std::vector<ClusterRecord>> status();

  /// Completes or undoes everything that crashed commands left, and removes machines that carry our tag and belong to no
  /// cluster; says what it removed.
  /// How much could not be put in order now is returned; it is tried again the next time.
  Result<std::size_t> sweep();

  StateStore& state() { return parts_.state; }
  /// What volumes stand on, see volumes.h.
  const BrokerParts& parts() const { return parts_; }

 private:
  Result<cloud::Instance> running_head(cloud::Provider& driver, const std::string& cluster) const;

  BrokerParts parts_;
};

/// What a task sends to its nodes, scanned: (destination, tree) for the workdir and each local mount. Nothing is sent.
/// git_cache  where repositories are checked out
/// Errors   kInvalidArgument: a path that does not exist, naming the field; of a workdir that is a repository, see `check_out`
Result<std::vector<std::pair<std::string, LocalTree>>> scan_sources(const Task& task, const fs::path& git_cache);

/// Whether a cloud's clusters can end by themselves as is asked.
/// cluster   as the message names it
/// Errors    kInvalidArgument, with the mend
Status check_autostop(const cloud::Provider& driver, const std::string& cluster, const Autostop& autostop);

/// Whether a task fits on a cluster that is there; the error says what does not, and the mend.
Status check_fits(const Task& task, const ClusterRecord& cluster);

/// "2x[CPU:2, A100:8]": how tables show what a job or cluster takes.
std::string describe_resources(const Placement& placement, int num_nodes);

/// The job that an agent is given for a task.
JobSpec job_spec(const JobOrder& order, const ClusterRecord& cluster);

}  // namespace isobar::broker
