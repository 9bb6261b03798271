#pragma once

/// What the broker asks of a cloud. One folder a provider implements this; the simulator implements it too.
///
/// Every call may be repeated: after a crash the broker calls again with the same arguments, and the provider brings
/// the world to the same state. Every instance carries the tag of its cluster, so that whatever a crash left behind is
/// found by `list`. Calls block, up to the deadline handed in; they are made from one thread at a time for a cluster.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/ports.h"
#include "base/result.h"
#include "base/time.h"
#include "cloud/offer.h"
#include "cloud/ssh_target.h"
#include "cloud/volume.h"

namespace isobar::cloud {

/// kUnreachable: it may run, but what carries it does not answer.
enum class InstanceState { kPending, kRunning, kStopping, kStopped, kTerminated, kUnreachable };
std::string_view name_of(InstanceState state);

struct Instance {
  std::string id;
  std::string cluster;  ///< the tag
  int rank = 0;         ///< node identity within the cluster, given at creation and kept for life; 0 is the head
  InstanceState state = InstanceState::kPending;
  std::string region, zone;
  std::string address;        ///< where other nodes reach it: an IP
  std::string agent_address;  ///< where its agent listens: "unix:/path" or "host:port"; empty while not running
  std::string problem;        ///< why it is kUnreachable, or what became of one that is kTerminated or kStopped, and not by us
  SshTarget ssh;              ///< how its user logs in; no host: not by SSH
  std::string ssh_machine;    ///< by what its host key is remembered where addresses change hands; empty: by its address
};

struct CreateOrder {
  std::string cluster;
  /// Names this attempt. Repeating an order with the same token creates nothing twice.
  std::string token;
  /// 0: the nodes of a launch. Each replacement of lost nodes has the next number, so that it never finds the call that made the lost one.
  int generation = 0;
  Offer offer;
  bool use_spot = false;
  int count = 1;  ///< nodes; ranks 0 … count − 1
  std::map<std::string, std::string> labels;
  std::uint64_t disk_gb = 256;
  std::string image;  ///< as the task names it; empty: the cloud's usual one
  /// What the task's `config` says in place of the configuration, by dotted key ("kubernetes.pod_config"), as YAML text.
  std::map<std::string, std::string> config;
  std::string user;                ///< whose jobs these are, for SKYPILOT_USER
  Ports ports;                     ///< for clouds that let in what a machine is made with and no more; the others are told by `open_ports`
  std::vector<VolumeUse> volumes;  ///< at what paths its nodes find which; only for clouds that have a `VolumeDriver`
};

/// Names the very attempt at making nodes: the token, and of a replacement its generation, too.
std::string attempt_of(const CreateOrder& order);

/// Where a port of a cluster's head is reached from outside.
struct Endpoint {
  std::uint16_t port = 0;        ///< on the node
  std::string host;              ///< a name or an address; empty: not to be had now
  std::uint16_t outer_port = 0;  ///< at `host`
  std::string problem;           ///< why there is no host
};

/// A failure with how much of the market it rules out.
struct CloudError {
  Error error;
  std::string provider_code;  ///< as the cloud names it, e.g. "InsufficientInstanceCapacity"
  Scope scope;                ///< what to leave out in the rest of this pass
};

/// The scope of one provider error: `code` seen while creating `offer`. What is unknown blocks this type in this zone
/// alone (region, where the cloud has no zones), so that one unlisted code never stops a failover.
Scope scope_of_error(const std::string& cloud, std::string_view code, const Offer& offer);

/// `create` either brings all `count` nodes up, or says why not and leaves nothing running that it knows of; the
/// broker terminates by tag all the same before it moves on.
struct CreateOutcome {
  std::vector<Instance> instances;  ///< in rank order; empty on failure
  std::optional<CloudError> failure;
};

class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string name() const = 0;

  /// Whether `stop` keeps anything that could be started again.
  virtual bool stops() const { return true; }
  /// Whether a node that ends by itself (autostop) ends what is paid for, as far as `stop` would; else only `terminate` does.
  virtual bool ends_by_itself() const { return true; }
  /// Whether this cloud can be used now: credentials, quotas. ok, or the reason and the mend.
  virtual Status check() = 0;
  /// Sentences on what this provider found, for `isobar check -v`: e.g. which isolation the kernel permits.
  virtual std::vector<std::string> facts() { return {}; }
  /// Offers that only the provider itself knows (this machine's shape); most return none and live in the catalog.
  virtual std::vector<Offer> own_offers() { return {}; }

  virtual CreateOutcome create(const CreateOrder& order, Duration deadline) = 0;
  /// Whether `replace` can.
  virtual bool replaces_nodes() const { return false; }
  /// Makes lost nodes of a cluster again, in their places and with their ranks, beside those that run: these keep their disks and all that
  /// they do. What is left of the lost ones is removed first.
  /// order    as the cluster was made, with its token, and the next generation
  /// ranks    that are lost; none of a cluster of one node. Those that this generation made before are adopted
  /// Returns  all nodes of the cluster, running, whose agents answer; or why not. Of this generation nothing is left then, or the message
  ///          says that it may be
  virtual CreateOutcome replace(const CreateOrder& order, const std::vector<int>& ranks, Duration deadline);
  /// All instances with the tag, in rank order, whatever their state; terminated ones may be left out.
  virtual Result<std::vector<Instance>> list(const std::string& cluster) = 0;
  /// The tags of all clusters that own at least one instance; for the sweeper.
  virtual Result<std::vector<std::string>> clusters() = 0;
  /// Stops all instances of the cluster and keeps their disks.
  /// Errors   kInvalidArgument: this cloud stops nothing, and has done nothing
  virtual Status stop(const std::string& cluster, Duration deadline) = 0;
  /// Starts the stopped instances of the cluster, in the same place with the same disks; returns them running.
  virtual Result<std::vector<Instance>> start(const std::string& cluster, Duration deadline) = 0;
  /// Removes all instances of the cluster with their disks. A cluster that has none is a success.
  virtual Status terminate(const std::string& cluster, Duration deadline) = 0;

  /// Says what is to become of the cluster's machines when they switch themselves off (autostop), before that is set: whether their disks
  /// go too. Where a cloud cannot be told, such machines are as stopped ones, and the broker removes them when it next looks.
  virtual Status set_own_end(const std::string& cluster, bool with_disks, Duration deadline);
  /// Whether ports of a cluster can be reached from outside here; asked before anything is paid for.
  /// Errors   kInvalidArgument: they cannot, or not so many, with the mend
  virtual Status check_ports(const Ports& /*ports*/) { return {}; }
  /// Lets the ports in to the nodes of a cluster, from anywhere; what is let in already stays so, until `terminate`. Where nothing stands
  /// before the nodes there is nothing to do.
  /// Errors   kInvalidArgument: not on a cluster that is there, with the mend
  virtual Status open_ports(const std::string& /*cluster*/, const Ports& /*ports*/, Duration /*deadline*/) { return {}; }
  /// Where the head's ports are reached, one by one, in ascending order.
  /// Errors   kNotFound: no such cluster, or it has no head now
  virtual Result<std::vector<Endpoint>> endpoints(const std::string& cluster, const Ports& ports, Duration deadline);
  /// What makes and mounts volumes on this cloud. None: it mounts none.
  virtual VolumeDriver* volumes() { return nullptr; }
  /// `list` for many clusters, asked for together: of each its instances, or why they cannot be told.
  virtual std::map<std::string, Result<std::vector<Instance>>> list_each(const std::vector<std::string>& clusters);
  /// A new connection to the agent of an instance that `list` gave. None: its `agent_address` can be dialled from here.
  virtual Result<std::optional<Fd>> open_agent(const Instance& instance, Duration deadline);
  /// The cluster could not be removed, and its user gave it up. A provider that can keeps in mind what is left, for `clusters`.
  virtual Status forget(const std::string& cluster);
};

}  // namespace isobar::cloud
