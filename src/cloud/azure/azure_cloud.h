#pragma once

/// Azure as a cloud of machines: one user's machines in the subscriptions that were used. All that an order makes lies in a resource
/// group of its own, which is removed as a whole.

#include <memory>

#include "arm_api.h"
#include "base/mutex.h"
#include "cloud/machine_cloud.h"
#include "net/http.h"
#include "storage/surroundings.h"

namespace isobar::cloud::azure {

class AzureCloud final : public MachineCloud {
 public:
  struct Parts {
    std::string owner;
    storage::Surroundings surroundings;
    net::HttpTransport& transport;
    Pace pace;
  };
  explicit AzureCloud(Parts parts) : parts_(std::move(parts)) {}

  std::string name() const override { return "azure"; }
  std::string announces_preemption() const override { return "azure"; }
  // Ones that are off were taken back: that tells them apart.
  bool stops_spot() const override { return false; }
  // A machine that is off keeps its hardware, and costs, until it is deallocated.
  bool ends_by_itself() const override { return false; }
  Duration between_looks() const override { return std::chrono::seconds(5); }
  Status check() override;
  std::vector<std::string> facts() override;
  Status check_order(const CreateOrder& order) const override;
  Status sign_in() override;
  /// A place is a subscription.
  Answer<std::string> place_of(const CreateOrder& order) override;
  std::set<std::string> usual_places() override;

  Answer<std::unique_ptr<MachineMaker>> prepare(const CreateOrder& order, const OwnKey& key, Instant end) override;
  Answer<std::vector<CloudMachine>> machines(const std::string& subscription, const Wanted& wanted, Instant end) override;
  Answer<Nothing> stop(const std::string& subscription, const std::vector<std::string>& ids, Instant end) override;
  Answer<Nothing> start(const std::string& subscription, const std::vector<std::string>& ids, Instant end) override;
  /// A rule of the security group of the cluster's own, which goes with its resource group.
  Answer<Nothing> open_ports(const std::string& subscription, const std::vector<CloudMachine>& machines, const Ports& ports,
                             Instant end) override;
  Answer<std::set<std::string>> remove(const std::string& subscription, const std::vector<std::string>& ids, Instant end) override;
  /// Resource groups, which hold networks and whatever a machine that failed left.
  Answer<std::set<std::string>> clusters_with_remains(const std::string& subscription, const std::string& owner, Instant end) override;
  Answer<Nothing> after_removal(const std::string& subscription, const Wanted& wanted, Instant end) override;

 private:
  struct Account {
    RestClient client;
    std::string base, subscription;
  };
  Result<std::shared_ptr<Account>> account();
  Result<ArmApi> in(const std::string& subscription, Instant end);
  Answer<Nothing> for_each(const std::string& subscription, const std::vector<std::string>& ids, Instant end,
                           Answer<Nothing> (ArmApi::*act)(const MachineId&) const);

  const Parts parts_;
  Mutex mutex_;
  std::shared_ptr<Account> account_ GUARDED_BY(mutex_);
};

}  // namespace isobar::cloud::azure
