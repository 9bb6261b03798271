#pragma once

/// The far end of `host_messages.h`: the main of `isobar-node host`, which runs on a machine that carries nodes, does one thing and
/// ends. It runs as the login that called it, keeps everything below that login's ~/.isobar, and needs nothing installed.

#include <filesystem>
#include <string>

#include "cloud/host_messages.h"

namespace isobar::cloud {

struct HostSurroundings {
  std::filesystem::path folder;   ///< nodes live in it: ~/.isobar/nodes
  std::filesystem::path program;  ///< this isobar-node, under the name that it keeps
  std::string address;            ///< where other machines reach this one; empty: not known
  HostShare whole;                ///< of the machine
  std::string accelerator, architecture;
};
/// Of this process: $HOME, /proc/self/exe, the address at which SSH was reached, what the machine has.
HostSurroundings host_surroundings();

/// Does one thing. Callers of different processes may be at it at once.
HostReply serve_host(const HostRequest& request, const HostSurroundings& surroundings);

/// Reads one request from standard input and writes the answer to standard output.
/// Returns   0 also when the answer is a failure, which is told; 1 when there is no answer
int run_host();

}  // namespace isobar::cloud
