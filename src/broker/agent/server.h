#pragma once

/// The agent as others see it: accepts connections, answers requests, and keeps the streams flowing. It belongs to the
/// loop. Whatever a peer sends, the worst that happens is that its own connection ends.

#include <map>
#include <memory>
#include <string>

#include "base/log.h"
#include "connection.h"
#include "errands.h"
#include "head.h"
#include "local_ranks.h"
#include "loop.h"
#include "mirror_workers.h"
#include "node_config.h"
#include "session.h"

namespace isobar::broker {

class Server {
 public:
  struct Parts {
    Loop& loop;
    const NodeConfig& config;
    LocalRanks& ranks;
    MirrorWorkers& mirrors;
    Errands& errands;
    Head* head;  ///< none on a worker
    Instant booted;
    std::function<void(PowerOff)> power_off;
    std::function<bool()> is_ending;         ///< the node is about to end, and waits for uploads at most
    const std::vector<NodeNotice>& notices;  ///< of this node
    Log& log;
  };
  Server(Parts parts, Fd listener);

  /// The job's log grew, or it ended.
  void job_changed(JobId job);
  /// Whether an answer in many parts is under way, or whoever submitted jobs with an autostop may still ask for one.
  bool is_read() const;

 private:
  class RankStream;

  void accept_all();
  void admit(Fd socket);
  Session* find(std::uint64_t session);
  void on_frame(std::uint64_t session, const std::string& frame);
  void on_room(std::uint64_t session);
  /// Answers with what the head will say, if the one who asked is still there then.
  std::function<void(Result<std::vector<JobId>>)> job_reply(const Session& session, std::uint64_t request, bool sets_autostop = false);
  void start(Session& session, std::uint64_t request, std::unique_ptr<Stream> stream);

  /// Each returns why it refuses, or takes care of the answer itself.
  Status on(Session& session, std::uint64_t id, Hello& hello);
  Status on(Session& session, std::uint64_t id, SubmitJobs& submit);
  Status on(Session& session, std::uint64_t id, ListJobs& list);
  Status on(Session& session, std::uint64_t id, CancelJobs& cancel);
  Status on(Session& session, std::uint64_t id, TailLogs& tail);
  Status on(Session& session, std::uint64_t id, SetAutostop& set);
  Status on(Session& session, std::uint64_t id, AskStatus& ask);
  Status on(Session& session, std::uint64_t id, ShutDown& shut);
  Status on(Session& session, std::uint64_t id, MirrorManifest& manifest);
  Status on(Session& session, std::uint64_t id, MirrorData& data);
  Status on(Session& session, std::uint64_t id, MirrorFinish& finish);
  Status on(Session& session, std::uint64_t id, RunRank& run);
  Status on(Session& session, std::uint64_t id, KillRank& kill);
  Status on(Session& session, std::uint64_t id, ForgetRank& forget);
  Status on(Session& session, std::uint64_t id, MountBucket& mount);
  Status on(Session& session, std::uint64_t id, AskUploads& ask);
  Status on(Session& session, std::uint64_t id, NodesReady& ready);
  Status require_head() const;
  Status require_worker() const;

  Parts parts_;
  Fd listener_;
  Loop::Watch accept_watch_;
  Loop::Timer accept_again_, power_off_timer_;
  std::uint64_t last_session_ = 0;
  std::map<std::uint64_t, std::unique_ptr<Session>> sessions_;
};

}  // namespace isobar::broker
