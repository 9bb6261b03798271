#pragma once

/// An instance on disk. Its folder is all there is to know about it:
///
///   home/        its disk
///   config.json  what its agent knows of itself and its peers; mode 0600, for it holds tokens
///   power        what is wanted of it: "on", "stopped" or "terminated"; the instance itself may say so, too
///   init.lock    held by its first process for as long as that lives; the file says which process that is
///   answers      there once the agent of this boot has answered
///   isolation    how it was isolated when it last started, and its cgroup
///   open         there if it is to share the machine's processes: hosts of others' that jobs use as if logged in
///   powers       there if the machine is to be switched off when the instance ends by itself
///   program      a link to the isobar-node that its agent runs; none: the one that booted it
///   agent.sock   where its agent listens
///   console.log  what its processes write when they have no log yet

#include <optional>
#include <string>

#include "base/file.h"
#include "base/process.h"
#include "base/time.h"
#include "cloud/isolation.h"

namespace isobar::cloud {

enum class Power { kOn, kStopped, kTerminated };

class InstanceFolder {
 public:
  explicit InstanceFolder(fs::path path) : path_(std::move(path)) {}

  const fs::path& path() const { return path_; }
  fs::path home() const { return path_ / "home"; }
  fs::path config() const { return path_ / "config.json"; }
  fs::path power_file() const { return path_ / "power"; }
  fs::path console() const { return path_ / "console.log"; }
  std::string agent_address() const { return "unix:" + (path_ / "agent.sock").string(); }
  bool exists() const;
  /// Marks every process of the instance: "ISOBAR_INSTANCE=…".
  std::string environment_entry() const { return "ISOBAR_INSTANCE=" + path_.string(); }

  Status set_power(Power power) const;
  /// An instance whose wish was never written is one whose creation was cut short: off, with an empty disk.
  Power power() const;

  /// Errors   kAlreadyExists: another process is the first of this instance
  Result<Fd> hold() const;
  Status write_first_process(int held, pid_t pid) const;
  bool alive() const;
  Result<ProcessHandle> first_process() const;

  /// A process tree among the machine's own, whatever else the kernel permits.
  Status set_open() const { return write_file(path_ / "open", "", Durability::kCache); }
  bool is_open() const;

  /// The machine is this instance's alone, and is paid for while it is on.
  Status set_powers_machine() const { return write_file(path_ / "powers", "", Durability::kCache); }
  bool powers_machine() const;

  /// Where the agent's program is, from its next start on. Jobs go on across it.
  Status set_program(const fs::path& program) const;
  fs::path program() const;
  /// Has the first process start the agent anew: it then reads its config again. Jobs do not notice.
  Status restart_agent() const;

  Status set_answers(bool answers) const;
  bool answers() const;

  struct Hold {
    Isolation isolation = Isolation::kProcessTree;
    fs::path cgroup;  ///< empty: none
  };
  Status write_hold(const Hold& hold) const;
  Result<Hold> hold_used() const;

  /// Ends every process of the instance: asks first, and after `grace` kills what is left. What is wanted of the
  /// instance must say that it is off: one that is about to boot looks there.
  /// Errors  kDeadlineExceeded: something did not die
  Status end_processes(Duration grace) const;
  /// Removes what an ended instance held: its cgroup and its folder.
  Status remove() const;

 private:
  Status end_first_process(Duration grace) const;
  fs::path path_;
};

}  // namespace isobar::cloud
