#pragma once

/// The ranks that run on this node, each under its supervisor. The agent holds no rank as a child that it could lose: it
/// finds each again by its folder, follows its log, and waits for the supervisor through a process handle.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/process.h"
#include "log_file.h"
#include "loop.h"
#include "rank_folder.h"
#include "rank_host.h"

namespace isobar::broker {

class LocalRanks final : public RankHost {
 public:
  struct Paths {
    fs::path program;  ///< isobar-node
    fs::path ranks;    ///< one folder a rank
    fs::path logs;     ///< ~/sky_logs
  };
  LocalRanks(Loop& loop, Paths paths, Log& log);

  void run(const RankKey& key, const RankOrder& order, std::uint64_t offset, std::shared_ptr<RankSink> sink) override;
  void kill(const RankKey& key) override;
  void forget(const RankKey& key) override;
  /// Goes on delivering to a sink that had enough.
  void resume(const RankKey& key);

 private:
  struct Rank {
    RankFolder folder;
    std::shared_ptr<RankSink> sink;
    std::optional<LogReader> log;
    std::string log_name;
    int log_watch = -1;
    std::uint64_t offset = 0;
    bool paused = false;

    Fd ready;  // its other end is closed when the supervisor has claimed the rank
    Loop::Watch ready_watch;
    std::optional<ProcessHandle> supervisor;
    Loop::Watch exit_watch;
    Loop::Timer hard_kill;
    std::int64_t pid = 0;
    bool kill_wanted = false, forget_wanted = false;
    std::optional<RankEnd> end;
    bool start_told = false, end_told = false;
  };

  fs::path folder_of(const RankKey& key) const;
  /// The rank if it is known, or was started before this agent was.
  Rank* find(const RankKey& key);
  Status start(const RankKey& key, Rank& rank, const RankOrder& order);
  Status spawn(const RankKey& key, Rank& rank);
  void adopt(const RankKey& key, Rank& rank);
  void follow_log(Rank& rank, const RankOrder& order);
  void end_supervisor(Rank& rank);
  void on_supervisor_gone(const RankKey& key);
  void on_log_events();
  void pump_later(const RankKey& key);
  void pump(const RankKey& key);
  void erase(const RankKey& key);

  Loop& loop_;
  Paths paths_;
  Log& log_;
  Fd inotify_;
  Loop::Watch inotify_watch_;
  std::map<RankKey, Rank> ranks_;
};

}  // namespace isobar::broker
