#pragma once

/// What is said to `isobar-node host` on a machine that carries nodes, and what it answers: one JSON object each way, over whatever
/// shell runs it there. The form is docs/formats/host_protocol.md.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cloud/agent_config.h"
#include "cloud/provider.h"

namespace isobar::cloud {

/// An amount of a machine: all of it, what is free of it, or what a node takes.
struct HostShare {
  double cpus = 0, memory_gib = 0;
  int gpus = 0;
  bool covers(const HostShare& wanted) const {
    constexpr double kSlack = 1e-6;
    return cpus + kSlack >= wanted.cpus && memory_gib + kSlack >= wanted.memory_gib && gpus >= wanted.gpus;
  }
  friend bool operator==(const HostShare&, const HostShare&) = default;
};
/// "4 CPUs, 16 GiB, 2 GPUs"
std::string describe(const HostShare& share);

/// A node of some cluster on that machine.
struct HostInstance {
  std::string owner;  ///< whose: one isobar home somewhere
  std::string cluster, token;
  int rank = 0;
  InstanceState state = InstanceState::kPending;
  std::string address;        ///< where nodes on other machines reach it
  std::string agent_address;  ///< "unix:/path" on that machine
  int port = 0;               ///< where its agent listens to other machines; 0: it does not
  HostShare share;
  std::vector<int> devices;
  std::string version;  ///< of the isobar-node that its agent runs: the name of the file
  friend bool operator==(const HostInstance&, const HostInstance&) = default;
};

struct HostReport {
  std::string program;  ///< the path of isobar-node there
  HostShare whole, free;
  std::string accelerator;  ///< catalog's name; empty: none
  std::string architecture;
  std::string hostname, address;
  std::uint64_t disk_free_bytes = 0;
  std::vector<HostInstance> instances;  ///< of this login, whoever's they are
  friend bool operator==(const HostReport&, const HostReport&) = default;
};

struct AskHostReport {
  /// Also removes old programs that no instance uses.
  bool tidy = false;
  friend bool operator==(const AskHostReport&, const AskHostReport&) = default;
};

using HostPeer = AgentPeer;

/// Makes the node if `create` says so and it is not there, boots it if it is off, and has it take up what changed.
struct BootNode {
  std::string owner, cluster, token;
  int rank = 0;
  bool create = false;
  HostShare share;
  std::string cloud, region, zone, user;
  std::string address;  ///< of the machine, if the caller knows it better than the machine does
  std::string agent_token;
  bool reached_by_others = false;                  ///< its agent listens to other machines
  int nodes = 1;                                   ///< of the cluster
  std::vector<HostPeer> peers;                     ///< the other nodes, as far as it must know them: the head knows all
  std::map<std::string, std::string> environment;  ///< of all its processes
  bool powers_machine = false;                     ///< when the node ends by itself the machine is switched off, since it costs
  bool given = false;                              ///< whoever made the machine gave it this share: what it shows is not asked
  std::string sudo_password;                       ///< empty: `sudo` is the machine's own matter
  Duration deadline = std::chrono::minutes(1);
  friend bool operator==(const BootNode&, const BootNode&) = default;
};

/// Ends the nodes of a cluster on that machine. With a token, only of that creation.
struct EndNodes {
  std::string owner, cluster, token;
  bool for_good = false;  ///< their disks go, too
  friend bool operator==(const EndNodes&, const EndNodes&) = default;
};

/// Has the nodes of an owner run the agent of the program that is asked; jobs go on.
struct UpgradeNodes {
  std::string owner;
  friend bool operator==(const UpgradeNodes&, const UpgradeNodes&) = default;
};

using HostRequest = std::variant<AskHostReport, BootNode, EndNodes, UpgradeNodes>;

struct HostFailure {
  Code code = Code::kUnavailable;
  std::string message;
  std::string provider_code;  ///< "InsufficientCapacity" and the like, for failover
  friend bool operator==(const HostFailure&, const HostFailure&) = default;
};
struct HostDone {
  int count = 0;  ///< of the nodes it was done to
  friend bool operator==(const HostDone&, const HostDone&) = default;
};
using HostReply = std::variant<HostReport, HostInstance, HostDone, HostFailure>;

std::string encode(const HostRequest& request);
std::string encode(const HostReply& reply);
/// Errors   kInvalidArgument: not of the form
Result<HostRequest> decode_host_request(std::string_view json);
/// What a shell printed: a login's own greetings may stand before the answer.
Result<HostReply> decode_host_reply(std::string_view printed);

/// Stands before each answer, on a line of its own.
inline constexpr std::string_view kHostAnswerMark = "isobar-host-answer 1";
inline constexpr std::string_view kBridgeMark = "isobar-bridge 1";

}  // namespace isobar::cloud
