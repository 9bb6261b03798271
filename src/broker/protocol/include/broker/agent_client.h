#pragma once

/// The blocking side of a conversation with a node agent: what the command line and the server use.
///
/// Every call takes a deadline and fails with kDeadlineExceeded when it passes, kUnavailable when the agent cannot be
/// reached or the connection breaks, and otherwise with the agent's own error. After kDeadlineExceeded or kUnavailable
/// the client is closed: connect again. A client is used by one thread at a time.

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"
#include "broker/agent_messages.h"

namespace isobar::broker {

/// A tree to be made the same on a node. Scanning the source and its ignore rules are the caller's business.
struct MirrorOrder {
  std::filesystem::path source;  ///< the folder (or the one file) that entry paths are relative to
  std::string destination;       ///< see MirrorManifest::destination
  std::vector<MirrorEntry> entries;
  MirrorCompare compare = MirrorCompare::kSizeAndTime;
};

/// What became of a mirror to many nodes.
struct MirrorOutcome {
  std::vector<Result<MirrorReport>> reports;  ///< of each node, in the order of the clients
  std::uint64_t bytes_read = 0;               ///< of the source's files, however many nodes wanted them
  std::uint64_t bytes_sent = 0;               ///< of their content, packed or not, to all nodes together
};

/// Called with each piece of log as it arrives, in order; pieces end anywhere, not only at line ends.
using LogSink = std::function<void(std::string_view)>;

/// A job's merged log, asked for and on its way.
class LogTail {
 public:
  LogTail(LogTail&&) noexcept;
  LogTail& operator=(LogTail&&) noexcept;
  ~LogTail();
  /// Streams it into `sink`. Once.
  /// Returns  the job as it is at the end of the stream; one whose status is not terminal was not followed, or `stop` was requested
  Result<JobRecord> read(const LogSink& sink, const std::stop_token& stop = {});

 private:
  friend class AgentClient;
  struct Inside;
  explicit LogTail(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

class MirrorFanout;

class AgentClient {
 public:
  static constexpr Duration kCallDeadline = std::chrono::seconds(30);
  static constexpr Duration kMountDeadline = std::chrono::seconds(90);

  /// address  "unix:/path/of/socket". token  the node's; empty suffices for the same user on the same machine
  /// Errors   kPermissionDenied: the agent refuses; kConflict: it speaks another protocol
  static Result<AgentClient> connect(const std::string& address, Duration deadline, const std::string& token = "");
  /// The same over whatever `dial` connects, as often as it is called: an agent that is reached through somebody's shell.
  /// where    as errors name it
  using Dial = std::function<Result<Fd>()>;
  static Result<AgentClient> connect(Dial dial, const std::string& where, Duration deadline, const std::string& token = "");
  AgentClient(AgentClient&&) noexcept;
  AgentClient& operator=(AgentClient&&) noexcept;
  ~AgentClient();

  /// Nothing but memory lies between: what is sent there is not packed.
  void is_on_this_machine();
  /// Who answered: version, cluster, rank.
  const Welcome& welcome() const;

  /// The job is on the node's disk when this returns. A batch is accepted whole or refused whole, in order.
  /// Errors   kInvalidArgument: more nodes or more of a resource than the cluster has, a bad name; kExhausted: disk full
  Result<JobId> submit(const JobSpec& job, Duration deadline = kCallDeadline);
  Result<std::vector<JobId>> submit(std::span<const JobSpec> jobs, Duration deadline = kCallDeadline);
  /// The same with an autostop that is on the disk with the jobs: whatever happens to the caller, there are never the ones without
  /// the other. It does not fire while this client is connected, so that a log can still be opened.
  Result<std::vector<JobId>> submit(std::span<const JobSpec> jobs, const Autostop& autostop, Duration deadline = kCallDeadline);

  /// Newest first. limit 0: all
  Result<std::vector<JobRecord>> queue(bool active_only = false, std::uint64_t limit = 0, Duration deadline = kCallDeadline);
  /// A terminal status stays readable for the life of the cluster's disk. JobId(0): the newest job.
  /// Errors   kNotFound
  Result<JobRecord> job(JobId id, Duration deadline = kCallDeadline);

  /// Returns when the jobs have ended with every process they started, on all nodes. Names those that this call
  /// ended; jobs that had ended before are left out.
  /// Errors   kNotFound: one of the ids; nothing is cancelled then
  Result<std::vector<JobId>> cancel(std::span<const JobId> ids, Duration deadline = kCallDeadline);
  Result<std::vector<JobId>> cancel_all(Duration deadline = kCallDeadline);

  /// Asks for a job's merged log, over a connection of its own that outlives this one. An agent whose time has come by itself
  /// (autostop) ends when those who asked have all of the log.
  Result<LogTail> open_tail(const TailLogs& what);
  /// The same, read to its end.
  Result<JobRecord> tail_logs(const TailLogs& what, const LogSink& sink, const std::stop_token& stop = {});

  /// none: off
  Status set_autostop(const std::optional<Autostop>& autostop, Duration deadline = kCallDeadline);
  Result<NodeStatus> status(Duration deadline = kCallDeadline);

  /// Makes `destination` hold the entries: sends what differs, removes what an earlier mirror put there and the
  /// source no longer has, leaves everything else alone. Call it for each node. `deadline` is for silence, not for the
  /// whole transfer.
  /// Errors   kInvalidArgument: an entry leaves the destination, or the source changed while it was read
  Result<MirrorReport> mirror(const MirrorOrder& order, Duration deadline = kCallDeadline);
  /// The same to many nodes at once: each gets the files that it lacks, and each file is read once for all that lack it. Pieces go packed
  /// to nodes on other machines where that pays. A node that holds the others up for seconds is left to itself, with reads of its own.
  /// Errors   those that concern every node: of reading the source. What befell one node is in its report
  /// Cost     a thread for each node, some 8 MiB of pieces on their way
  static Result<MirrorOutcome> mirror_to_all(std::span<AgentClient> clients, MirrorOrder order, Duration deadline = kCallDeadline);

  /// The bucket is mounted when this returns. Call it for each node.
  /// order    as transfer::encode(MountOrder) writes it
  /// Errors   kUnavailable: why not, a sentence that names what is missing there
  Status mount(const std::string& order, Duration deadline = kMountDeadline);
  /// What was written to this node's mounts and is not in its bucket yet, as a sentence; empty: all is.
  Result<std::string> uploads_left(Duration deadline = kCallDeadline);

  /// To the head: nodes that took the place of lost ones may be given jobs.
  Status nodes_ready(Duration deadline = kCallDeadline);
  /// Ends the node with everything on it (the head: all nodes of the cluster). Answered before it happens.
  Status shut_down(PowerOff how, Duration deadline = kCallDeadline);

 private:
  friend class LogTail;
  friend class MirrorFanout;
  struct Connection;
  Result<JobIds> send_jobs(SubmitJobs what, Duration deadline);
  explicit AgentClient(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace isobar::broker
