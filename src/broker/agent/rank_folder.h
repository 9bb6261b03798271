#pragma once

/// The folder through which an agent and the supervisor of one rank speak, though either may die at any instant:
///
///   order   what to run, mode 0600, for it holds secrets; the supervisor removes it once it has read it
///   claim   "pid start_ticks" of the one supervisor that runs this rank. It is made with link(2), so that of several
///           supervisors started for a rank (an agent that crashed starts another) exactly one wins
///   pid     of the rank's shell
///   end     how the rank ended; its appearance is the last act of the supervisor
///
/// Whoever finds a claim of a live process adopts it; a dead claimant without an end means that the rank is lost.

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "base/file.h"
#include "broker/agent_messages.h"

namespace isobar::broker {

class RankFolder {
 public:
  explicit RankFolder(fs::path path) : path_(std::move(path)) {}
  const fs::path& path() const { return path_; }
  fs::path script() const { return path_ / "script"; }
  /// In the environment of every process of the rank: "ISOBAR_RANK_FOLDER=…".
  std::string environment_entry() const { return "ISOBAR_RANK_FOLDER=" + path_.string(); }

  Status write_order(const RankOrder& order) const;
  /// Reads the order and removes it.
  Result<RankOrder> take_order() const;
  /// Removes an order that nobody is going to read.
  void discard_order() const;

  struct Claim {
    pid_t pid = 0;
    std::uint64_t start_ticks = 0;
  };
  /// Whether this process is now the claimant.
  Result<bool> claim() const;
  Result<std::optional<Claim>> claimant() const;

  Status write_pid(pid_t shell) const;
  pid_t pid() const;  ///< 0: not started
  Status write_end(const RankEnd& end) const;
  Result<std::optional<RankEnd>> end() const;
  void remove() const;

 private:
  fs::path path_;
};

}  // namespace isobar::broker
