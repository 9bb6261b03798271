#pragma once

/// Which Slurm clusters there are: ~/.slurm/config, in the syntax of ssh_config, one Host for each cluster's login host.
///
///   Host alps
///     HostName login.alps.example
///     User ada
///     IdentityFile ~/.ssh/alps
///     ProxyJump gate.example
///
/// The file is handed to OpenSSH as it is (`SshSettings::config_file`), so whatever ssh_config can say holds; read here are only the
/// names of the clusters. One name of a host is ours: a cluster whose HostName is `this-machine` is reached without ssh, by commands
/// on the machine that isobar runs on. `localhost` is no such name: it goes through ssh like any other.

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace isobar::cloud {

inline constexpr std::string_view kThisMachine = "this-machine";

struct SlurmCluster {
  std::string name;    ///< the Host, and the region of its offers: letters, digits, dots, dashes and underscores
  bool local = false;  ///< its HostName is this-machine
  int line = 0;        ///< where it is named first, from 1
  friend bool operator==(const SlurmCluster&, const SlurmCluster&) = default;
};

/// The clusters in the order of the file: every name of a Host line that holds no wildcard. What Include lines bring in and what Match
/// blocks say is OpenSSH's affair.
/// file_name  for messages
/// Errors   kInvalidArgument: "FILE:LINE: what is wrong; what mends it"
Result<std::vector<SlurmCluster>> parse_slurm_config(std::string_view text, const std::string& file_name);

/// The same of a file; none when it is not there.
Result<std::vector<SlurmCluster>> read_slurm_config(const fs::path& path);

}  // namespace isobar::cloud
