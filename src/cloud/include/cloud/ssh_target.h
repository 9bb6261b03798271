#pragma once

/// How a machine is reached with the user's own OpenSSH.

#include <compare>
#include <string>

namespace isobar::cloud {

struct SshTarget {
  std::string host;           ///< a name of ssh_config, a host name or an address
  std::string user;           ///< empty: as ssh_config says
  std::string identity_file;  ///< empty: as ssh_config and the agent say
  int port = 0;               ///< 0: as ssh_config says
  friend bool operator==(const SshTarget&, const SshTarget&) = default;
  friend auto operator<=>(const SshTarget&, const SshTarget&) = default;
};
/// "ada@gpu1"
std::string describe(const SshTarget& target);

}  // namespace isobar::cloud
