#pragma once

/// A cloud that boots machines, as a provider: what all such drivers share. All that a cluster is, its machines carry as a mark, so that a
/// provider keeps no state but the list of places in which something may be, and any process may construct one for the same home.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "cloud/machine_cloud.h"
#include "cloud/node_setup.h"
#include "cloud/places_used.h"
#include "cloud/provider.h"

namespace isobar::cloud {

/// What every such driver is given. The references must outlive the provider.
struct MachineParts {
  fs::path home;      ///< isobar's: holds ssh/id_ed25519, our key, and <cloud>/regions, the places where something of ours may be
  std::string owner;  ///< whose clusters these are; what others made in the same account is never listed and never touched
  const Clock& clock;
  Log& log;
  NodeSetup& setup;
  std::function<void(Duration)> sleep;  ///< how pauses are made; none: by sleeping
};

/// Of these parts, by sleeping where they do not say otherwise.
Pace pace_of(const MachineParts& parts);

class MachineProvider : public Provider {
 public:
  MachineProvider(std::unique_ptr<MachineCloud> cloud, MachineParts parts);
  ~MachineProvider() override;

  std::string name() const override { return cloud_->name(); }
  bool stops() const override { return cloud_->stops(); }
  bool ends_by_itself() const override { return cloud_->ends_by_itself(); }
  Status check() override { return cloud_->check(); }
  std::vector<std::string> facts() override;
  std::vector<Offer> own_offers() override { return cloud_->own_offers(); }
  /// Each rank is a call of its own, with its rank and all else that it is in the call itself: nothing ever exists without a mark, and
  /// what was made is known exactly when some are refused. Repeated with the same token it adopts what is there. After a failure
  /// nothing that this token made is left, or the error says that it could not be removed.
  CreateOutcome create(const CreateOrder& order, Duration deadline) override;
  bool replaces_nodes() const override { return true; }
  CreateOutcome replace(const CreateOrder& order, const std::vector<int>& ranks, Duration deadline) override;
  Result<std::vector<Instance>> list(const std::string& cluster) override;
  Result<std::vector<std::string>> clusters() override;
  /// Errors   kInvalidArgument: machines, or spot machines, which this cloud cannot stop
  Status stop(const std::string& cluster, Duration deadline) override;
  /// In the same place with the same disks, or not at all: never makes a machine.
  /// Errors   kNotFound: none of the cluster is there, or a node is missing; kExhausted: its zone has no room now
  Result<std::vector<Instance>> start(const std::string& cluster, Duration deadline) override;
  Status terminate(const std::string& cluster, Duration deadline) override;
  Status set_own_end(const std::string& cluster, bool with_disks, Duration deadline) override;
  Status check_ports(const Ports& ports) override;
  Status open_ports(const std::string& cluster, const Ports& ports, Duration deadline) override;
  Result<std::vector<Endpoint>> endpoints(const std::string& cluster, const Ports& ports, Duration deadline) override;
  /// One question, however many clusters there are.
  std::map<std::string, Result<std::vector<Instance>>> list_each(const std::vector<std::string>& clusters) override;
  Result<std::optional<Fd>> open_agent(const Instance& instance, Duration deadline) override;

 private:
  using ByPlace = std::map<std::string, std::vector<CloudMachine>>;
  Result<std::set<std::string>> places();
  Result<ByPlace> find(const Wanted& wanted);
  Result<ByPlace> find_cluster(const std::string& cluster);
  std::vector<Instance> instances_of(const ByPlace& found) const;
  Status await_setup(const std::string& cluster, const std::vector<CloudMachine>& machines, Instant end);
  /// `create`, or of a later generation `replace`; undone where it fails.
  CreateOutcome carry_out(const CreateOrder& order, const std::vector<int>& lost, Duration deadline, const std::string& intent);
  /// The same to the end or to the first refusal.
  Answer<std::vector<Instance>> bring_up(const CreateOrder& order, const std::string& place, Instant end, std::vector<std::string>& made,
                                         const std::vector<int>& lost);
  fs::path key_file() const { return parts_.home / "ssh" / "id_ed25519"; }

  const std::unique_ptr<MachineCloud> cloud_;
  const MachineParts parts_;
  const Pace pace_;
  const PlacesUsed places_used_;
};

}  // namespace isobar::cloud
