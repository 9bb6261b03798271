#pragma once

/// Commands on another machine. Everything that is done on machines that isobar did not make itself (hosts of an SSH pool, the
/// login host of a Slurm cluster, machines that a cloud booted) goes through this, so that the parts above run against this
/// machine, against a script of answers, or against a host that is made to fail.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"
#include "cloud/ssh_target.h"

namespace isobar::cloud {

struct CommandOutput {
  int exit_code = 0;  ///< of the command; 128 + n when signal n ended it
  std::string out, err;
};

class RemoteShell {
 public:
  virtual ~RemoteShell() = default;
  /// The machine, as messages name it: "gpu1" or "ada@10.0.0.7".
  virtual const std::string& name() const = 0;

  /// Runs one line of a POSIX shell with `input` on its standard input, to its end. Safe from any thread.
  /// command  for /bin/sh -c; use base/text.h's `shell_quote` for what is not yours
  /// Errors   kUnavailable: the machine cannot be reached now; kPermissionDenied: it does not let us in, or shows another host key
  ///          than it had; both with the mend. kDeadlineExceeded: no end within `deadline`. A command that fails is no error here
  virtual Result<CommandOutput> run(const std::string& command, std::string_view input, Duration deadline) = 0;

  /// Starts a command and hands over a socket that is its standard input and output. It is told the end of its input when the
  /// socket is closed here. Returns before anything was heard of the other end.
  virtual Result<Fd> open(const std::string& command) = 0;
};

/// This machine: /bin/sh as a child of this process.
class LocalShell final : public RemoteShell {
 public:
  const std::string& name() const override { return name_; }
  Result<CommandOutput> run(const std::string& command, std::string_view input, Duration deadline) override;
  Result<Fd> open(const std::string& command) override;

 private:
  std::string name_ = "this machine";
};

struct SshSettings {
  std::string program = "ssh";
  fs::path config_file;    ///< in place of ~/.ssh/config and the system's; empty: those
  fs::path socket_folder;  ///< where connections that are shared have their sockets; made, mode 0700
  Duration connect_deadline = std::chrono::seconds(8);
  Duration keep_open = std::chrono::minutes(10);  ///< how long a connection stays for the next command
  fs::path known_hosts_file;                      ///< in place of the user's; empty: that
  std::string host_key_alias;                     ///< by which the machine's key is remembered in place of its address; empty: by that
  bool accept_new_host_keys = false;              ///< of machines never seen before; a key that changed is refused whatever this says
};

/// A machine behind OpenSSH, with the user's ssh_config, agent, jump hosts and hardware keys. The first command opens a connection
/// (ControlMaster) that later ones, also of other processes, share: some 200 ms once, then some 6 ms each.
std::unique_ptr<RemoteShell> make_ssh_shell(SshTarget target, SshSettings settings);

}  // namespace isobar::cloud
