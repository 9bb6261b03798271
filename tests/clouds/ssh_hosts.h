#pragma once

/// Machines with SSH servers, for tests: see ssh_hosts.py.

#include <memory>
#include <string>

#include "base/file.h"

namespace isobar::clouds {

class SshHosts {
 public:
  /// Errors   kUnavailable: why they cannot be had here, in one line
  static Result<std::unique_ptr<SshHosts>> start(const fs::path& folder, int count);
  ~SshHosts();

  /// "kill", "boot", "cut", "join", "rekey", "fill" or "free" one; the test fails when it cannot be done.
  void tell(const std::string& verb, int host);
  /// A command on a host, over ssh; what it printed.
  std::string on(int host, const std::string& command) const;
  std::string config_file() const { return (folder_ / "ssh_config").string(); }

 private:
  SshHosts() = default;
  fs::path folder_;
  Fd to_, from_;
  pid_t pid_ = 0;
};

}  // namespace isobar::clouds
