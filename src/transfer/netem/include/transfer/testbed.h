#pragma once

/// A scenario set up on this machine: a network namespace for each region, a user-space link for each edge, and an unshaped
/// management network by which the root namespace reaches every region. Programs are started in the namespaces and see a WAN.
///
/// Needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN), /dev/net/tun, and `ip` of iproute2; IPv4 alone.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "transfer/scenario.h"

namespace isobar::transfer {

/// One region that is up.
struct Site {
  std::string region;              ///< its name in the scenario
  std::string namespace_name;      ///< "inb-4711-a": for `ip netns exec`
  fs::path namespace_path;         ///< "/run/netns/inb-4711-a": for setns
  std::string management_address;  ///< of the region on the management network: what the root namespace connects to
  std::string root_address;        ///< of the root namespace on the same wire: what the region connects to
  /// Neighbour → this region's own address on the link to it. To send to region B over the link A-B, a program in A connects to
  /// B's addresses.at("A").
  std::map<std::string, std::string> addresses;
};

/// What one direction of an edge did since the testbed was created.
struct EdgeTraffic {
  std::string from, to;
  std::uint64_t wire_bytes = 0;        ///< delivered, with their IP and TCP headers
  std::uint64_t payload_bytes = 0;     ///< delivered, without headers: what TCP carried, repetitions included
  std::uint64_t segments = 0;          ///< delivered
  std::uint64_t lost_segments = 0;     ///< at random
  std::uint64_t queue_segments = 0;    ///< dropped since the queue was full
  std::uint64_t severed_segments = 0;  ///< met a link that was cut
};

/// Runs `act` in the region's network, on a thread of its own that is waited for. Sockets that it opens and processes that it
/// starts stay in that network.
/// Errors   those of `act`; kUnavailable: the namespace cannot be entered
Status in_network(const Site& site, const std::function<Status()>& act);

class Testbed {
 public:
  /// Told of each event right after it was carried out, on a thread of the testbed's. The next event waits for it.
  using Observer = std::function<void(const ScenarioEvent&)>;

  /// Sets all of it up, having removed what testbeds of processes that are gone left behind. Destruction removes it again, and
  /// ends the processes that still run in its namespaces.
  /// seed     draws the losses
  /// Errors   kPermissionDenied: not root; kNotFound: no /dev/net/tun or no `ip`; kExhausted: 256 testbeds run; the message says
  ///          what to do
  /// Cost     about 20 ms a region, and one thread while it lives: 16 % of a core at 5 Gbit/s
  static Result<std::unique_ptr<Testbed>> create(const Scenario& scenario, std::uint64_t seed = 1);
  virtual ~Testbed() = default;

  virtual const Scenario& scenario() const = 0;
  /// In the order of Scenario::regions.
  virtual const std::vector<Site>& sites() const = 0;
  /// Errors   kNotFound: no such region; the message names those that there are
  Result<const Site*> site(std::string_view region) const;

  /// From now on the scenario's events happen, each at its time. To be called once.
  virtual void begin_events(Observer observer) = 0;
  /// Each link's two directions, the way there first, in the order of Scenario::links. Safe from any thread.
  virtual std::vector<EdgeTraffic> traffic() const = 0;
};

/// The testbed as a file for programs that are not told of it otherwise: docs/formats/scenario.md, "What a command finds".
std::string testbed_json(const Testbed& testbed);

}  // namespace isobar::transfer
