#pragma once

/// What a node agent and those who talk to it say to one another, as plain values. `encode` and the `decode_…`
/// functions turn them into the bytes of one frame and back; what they mean on the wire is docs/formats/agent_protocol.md.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "broker/resources.h"

namespace isobar::broker {

/// A job of one cluster: 1, 2, 3 … in the order of submission. 0 names no job.
using JobId = Id<struct JobTag>;

enum class JobStatus { kInit, kPending, kSettingUp, kRunning, kSucceeded, kFailed, kFailedSetup, kFailedDriver, kCancelled };
inline constexpr int kJobStatuses = 9;
/// "SETTING_UP" and so on, as tables print them.
std::string_view name_of(JobStatus status);
constexpr bool is_terminal(JobStatus status) { return status >= JobStatus::kSucceeded; }

/// One job as it is submitted to the head of a cluster.
struct JobSpec {
  std::string name;                            ///< shown in tables, and part of the log folder's name
  std::string user;                            ///< who submitted it: SKYPILOT_USER, and a column of the queue
  int num_nodes = 1;                           ///< 1 … the nodes of the cluster; the gang takes the first nodes with room, in rank order
  double cpus = 0.5;                           ///< held on each of its nodes while it is set up and runs
  double gpus = 0;                             ///< on each node; a fraction below 1 shares a device, above 1 whole devices only
  std::string setup;                           ///< bash, on every node of the cluster before `run`; empty: none
  std::string run;                             ///< bash, on num_nodes nodes; empty: the job succeeds after its setup
  std::map<std::string, std::string> envs;     ///< exact bytes, without NUL; for setup and run
  std::map<std::string, std::string> secrets;  ///< like envs, but kept out of the job table, every log and every argv
  std::map<std::string, std::string> setup_secrets;  ///< like secrets, but for setup alone
  std::string resources;                             ///< how the queue shows what was asked for, e.g. "1x[CPU:2]"
  std::string task_id;                               ///< SKYPILOT_TASK_ID; empty: derived from the time, the cluster and the job
  /// Names this submission: a repeated submit with the same token answers with the first one's job. Empty: none.
  std::string token;
  /// When a node of its gang is lost, the same job is submitted once more under a new id, and waits until the node is replaced or back.
  bool again_when_node_lost = false;
  friend bool operator==(const JobSpec&, const JobSpec&) = default;
};

struct JobRecord {
  JobId id;
  std::string name, user, resources;
  int num_nodes = 1;
  JobStatus status = JobStatus::kInit;
  Instant submitted;
  std::optional<Instant> started;  ///< when its setup, or run, began
  std::optional<Instant> ended;
  std::optional<int> exit_code;    ///< of the rank that decided: 0, or that of the first failing rank; 128 + n for signal n
  std::optional<int> failed_rank;  ///< which rank that was
  std::string reason;              ///< a sentence where the status alone does not say enough
  std::string log_folder;          ///< "~/sky_logs/7-train", on the head
  friend bool operator==(const JobRecord&, const JobRecord&) = default;
};

/// What its cloud has announced for a node: that it will be taken away.
struct NodeNotice {
  int rank = 0;
  std::optional<Instant> at;  ///< none: only that this is likelier than usual, or will be at any moment
  std::string what;           ///< the cloud's own word: "terminate", "stop", "preempted", "rebalance"
  friend bool operator==(const NodeNotice&, const NodeNotice&) = default;
};
/// "node 1 will be taken away at 2026-11-27 12:03:10 UTC (terminate)"
std::string describe(const NodeNotice& notice);

struct NodeStatus {
  std::string version;
  std::string cluster;
  int rank = 0;             ///< node identity; 0 is the head
  int nodes = 1;            ///< of the cluster
  int nodes_connected = 1;  ///< nodes that the head reaches now, itself included
  Instant booted;
  std::optional<Instant> idle_since;  ///< none while something that counts as activity goes on
  std::optional<Autostop> autostop;
  std::uint64_t pending = 0, setting_up = 0, running = 0;  ///< jobs
  std::vector<NodeNotice> notices;                         ///< of this node; the head tells those of all nodes
  friend bool operator==(const NodeStatus&, const NodeStatus&) = default;
};

// ---- requests -------------------------------------------------------------------------------------------------

/// The first request of every connection.
struct Hello {
  int protocol = 0;
  std::string token;  ///< of the node; not needed by a process of the node's own user on the same machine
  friend bool operator==(const Hello&, const Hello&) = default;
};
struct SubmitJobs {
  std::vector<JobSpec> jobs;
  /// Set with the jobs, in one step: there are never the ones without the other. None: as it was.
  std::optional<Autostop> autostop = {};
  friend bool operator==(const SubmitJobs&, const SubmitJobs&) = default;
};
/// Jobs by id, newest first. No ids: all, or only those not yet ended. An id of 0 names the newest job.
struct ListJobs {
  std::vector<JobId> ids;
  bool active_only = false;
  std::uint64_t limit = 0;  ///< 0: no limit
  friend bool operator==(const ListJobs&, const ListJobs&) = default;
};
struct CancelJobs {
  std::vector<JobId> ids;
  bool all = false;  ///< every job not yet ended; `ids` is then empty
  friend bool operator==(const CancelJobs&, const CancelJobs&) = default;
};
struct TailLogs {
  JobId job;                                ///< 0: the newest
  bool follow = true;                       ///< until the job ends
  std::optional<std::uint64_t> tail_lines;  ///< begin with the last N lines; none: with the first
  std::optional<int> rank;                  ///< this rank's lines alone
  friend bool operator==(const TailLogs&, const TailLogs&) = default;
};
struct SetAutostop {
  std::optional<Autostop> autostop;  ///< none: off
  friend bool operator==(const SetAutostop&, const SetAutostop&) = default;
};
struct AskStatus {
  friend bool operator==(const AskStatus&, const AskStatus&) = default;
};
enum class PowerOff { kStop, kTerminate };
/// Ends the whole cluster when sent to the head, that node alone when sent to a worker.
struct ShutDown {
  PowerOff how = PowerOff::kStop;
  friend bool operator==(const ShutDown&, const ShutDown&) = default;
};

enum class EntryKind { kFile, kFolder, kSymlink };
struct MirrorEntry {
  std::string path;  ///< relative to the mirrored folder, parts joined by '/'; empty: the destination itself
  EntryKind kind = EntryKind::kFile;
  std::uint32_t mode = 0644;  ///< permission bits
  std::uint64_t size = 0;     ///< files: bytes
  Instant modified;           ///< files
  std::string target;         ///< symlinks
  std::string hash;           ///< files, under MirrorCompare::kContent: content_hash; the client fills it in
  friend bool operator==(const MirrorEntry&, const MirrorEntry&) = default;
};
/// How the receiver decides that it has a file already.
enum class MirrorCompare { kSizeAndTime, kContent };
/// Announces a tree. More parts of the same manifest follow as further requests until `last`.
struct MirrorManifest {
  std::string destination;  ///< "~/x" is in the home, "/x" as it says, "x" in ~/sky_workdir
  MirrorCompare compare = MirrorCompare::kSizeAndTime;
  std::vector<MirrorEntry> entries;
  bool last = true;
  friend bool operator==(const MirrorManifest&, const MirrorManifest&) = default;
};
/// A piece of the file that is the `entry`-th of the manifest. Pieces of a file come in order.
struct MirrorData {
  std::uint64_t entry = 0;
  std::string bytes;
  bool end_of_file = false;
  std::uint64_t unpacked_bytes = 0;  ///< they are packed by zstd, and of this length before; 0: they are as they are
  friend bool operator==(const MirrorData&, const MirrorData&) = default;
};
/// All wanted files were sent: remove what the source no longer has.
struct MirrorFinish {
  friend bool operator==(const MirrorFinish&, const MirrorFinish&) = default;
};

/// Sees to it that a bucket is mounted on this node; answered when it is.
struct MountBucket {
  std::string order;  ///< as `isobar-node mount` reads it; holds secrets, which the agent hands on and forgets
  friend bool operator==(const MountBucket&, const MountBucket&) = default;
};
/// What of this node's mounts is not in its bucket yet.
struct AskUploads {
  friend bool operator==(const AskUploads&, const AskUploads&) = default;
};

/// The nodes that took the place of lost ones have all that jobs find on a node: they may be given jobs.
struct NodesReady {
  friend bool operator==(const NodesReady&, const NodesReady&) = default;
};

enum class Phase { kSetup, kRun };
/// One process of a gang, on the node that it was sent to.
struct RankKey {
  JobId job;
  Phase phase = Phase::kRun;
  friend auto operator<=>(const RankKey&, const RankKey&) = default;
};
struct RankOrder {
  std::string script;
  std::vector<std::pair<std::string, std::string>> environment;  ///< beyond what the node gives every process
  std::string log_folder;                                        ///< name below ~/sky_logs
  std::string log_name;                                          ///< file in it: "rank-1.log"
  bool leave_background = false;  ///< processes that outlive the script stay (setup starts services); else they end with it
  friend bool operator==(const RankOrder&, const RankOrder&) = default;
};
/// Head to worker: start the rank unless it was started before, then stream its output from `offset`, and its end.
struct RunRank {
  RankKey key;
  RankOrder order;
  std::uint64_t offset = 0;
  friend bool operator==(const RunRank&, const RunRank&) = default;
};
struct KillRank {
  RankKey key;
  friend bool operator==(const KillRank&, const KillRank&) = default;
};
/// The rank's end is on the head's disk: the worker may forget it.
struct ForgetRank {
  RankKey key;
  friend bool operator==(const ForgetRank&, const ForgetRank&) = default;
};

using Request = std::variant<Hello, SubmitJobs, ListJobs, CancelJobs, TailLogs, SetAutostop, AskStatus, ShutDown, MirrorManifest,
                             MirrorData, MirrorFinish, RunRank, KillRank, ForgetRank, MountBucket, AskUploads, NodesReady>;

// ---- replies --------------------------------------------------------------------------------------------------

struct Welcome {
  int protocol = 0;
  std::string version, cluster;
  int rank = 0;
  friend bool operator==(const Welcome&, const Welcome&) = default;
};
struct Failure {
  Code code = Code::kUnavailable;
  std::string message;
  friend bool operator==(const Failure&, const Failure&) = default;
};
struct Done {
  friend bool operator==(const Done&, const Done&) = default;
};
struct JobIds {
  std::vector<JobId> ids;
  bool autostop_set = false;  ///< the autostop that came with them is; an agent that knows nothing of it never says so
  friend bool operator==(const JobIds&, const JobIds&) = default;
};
/// A page of jobs; pages follow one another until `last`.
struct JobPage {
  std::vector<JobRecord> jobs;
  bool last = true;
  friend bool operator==(const JobPage&, const JobPage&) = default;
};
struct LogChunk {
  std::string bytes;
  friend bool operator==(const LogChunk&, const LogChunk&) = default;
};
/// No more log will come: the job as it now is.
struct LogEnd {
  JobRecord job;
  friend bool operator==(const LogEnd&, const LogEnd&) = default;
};
/// The files whose content the receiver asks for, by index; further parts follow until `last`.
struct MirrorWants {
  std::vector<std::uint64_t> entries;
  bool last = true;
  bool unpacks = false;  ///< pieces may come packed; an agent of an older isobar does not say so
  friend bool operator==(const MirrorWants&, const MirrorWants&) = default;
};
struct MirrorReport {
  std::uint64_t files_received = 0, bytes_received = 0;
  std::uint64_t files_kept = 0;  ///< had the right content already
  std::uint64_t removed = 0;     ///< were mirrored before and are no longer in the source
  friend bool operator==(const MirrorReport&, const MirrorReport&) = default;
};
struct RankStarted {
  std::int64_t pid = 0;
  friend bool operator==(const RankStarted&, const RankStarted&) = default;
};
struct RankOutput {
  std::uint64_t offset = 0;  ///< of the first byte, counted from the rank's first output
  std::string bytes;
  friend bool operator==(const RankOutput&, const RankOutput&) = default;
};
/// How a rank ended: with an exit code, or lost (its supervisor vanished without leaving one).
struct RankEnd {
  std::optional<int> exit_code;
  std::string reason;  ///< when lost
  friend bool operator==(const RankEnd&, const RankEnd&) = default;
};

struct UploadsLeft {
  std::string what;  ///< a sentence; empty: all is there
  friend bool operator==(const UploadsLeft&, const UploadsLeft&) = default;
};

using Reply = std::variant<Welcome, Failure, Done, JobIds, JobPage, LogChunk, LogEnd, NodeStatus, MirrorWants, MirrorReport, RankStarted,
                           RankOutput, RankEnd, UploadsLeft>;

/// A reply carries the id of its request; a stream is several replies with one id.
struct RequestFrame {
  std::uint64_t id = 0;
  Request body;
  friend bool operator==(const RequestFrame&, const RequestFrame&) = default;
};
struct ReplyFrame {
  std::uint64_t id = 0;
  Reply body;
  friend bool operator==(const ReplyFrame&, const ReplyFrame&) = default;
};

std::string encode(const RequestFrame& frame);
std::string encode(const ReplyFrame& frame);
/// Errors   kInvalidArgument: not a well-formed message, an unknown kind, or a field out of its bounds
Result<RequestFrame> decode_request(std::string_view bytes);
Result<ReplyFrame> decode_reply(std::string_view bytes);

/// The two messages that also rest on disk: a waiting job (without its secrets), and a rank about to start.
std::string encode(const JobSpec& spec);
Result<JobSpec> decode_job_spec(std::string_view bytes);
std::string encode(const RankOrder& order);
Result<RankOrder> decode_rank_order(std::string_view bytes);

}  // namespace isobar::broker
