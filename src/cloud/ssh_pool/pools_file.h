#pragma once

/// `ssh_node_pools.yaml`: which machines the user has. The format is SkyPilot's, so that one file serves both.
///
///   lab:
///     user: ada                      # defaults for the hosts
///     identity_file: ~/.ssh/lab
///     password: …                    # for sudo, in setup and run
///     hosts:
///       - gpu1                       # an address, or a name of ssh_config
///       - {ip: 10.0.0.7, user: root}

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/remote_shell.h"

namespace isobar::cloud {

struct PoolHost {
  SshTarget target;
  std::string password;  ///< for sudo; empty: none
};

struct Pool {
  std::string name;
  std::vector<PoolHost> hosts;  ///< at least one, all different
};

/// home     what "~" stands for
/// Errors   kInvalidArgument: every problem, a line each, with its place
Result<std::vector<Pool>> parse_pools(std::string_view yaml, const std::string& file_name, const std::string& home);

}  // namespace isobar::cloud
