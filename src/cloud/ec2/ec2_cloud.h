#pragma once

/// EC2 as a cloud of machines: one user's machines in one account, in all regions.

#include <memory>

#include "base/mutex.h"
#include "cloud/ec2_provider.h"
#include "cloud/machine_cloud.h"
#include "region_api.h"

namespace isobar::cloud::ec2 {

class Ec2Cloud final : public MachineCloud {
 public:
  struct Parts {
    Ec2Settings settings;
    storage::Surroundings surroundings;
    net::HttpTransport& transport;
    Pace pace;
  };
  explicit Ec2Cloud(Parts parts) : parts_(std::move(parts)) {}

  std::string name() const override { return "aws"; }
  bool stops_spot() const override { return false; }
  std::string announces_preemption() const override { return "aws"; }
  Status check() override;
  std::vector<std::string> facts() override;
  Status check_order(const CreateOrder& order) const override;
  Status sign_in() override;
  Answer<std::string> place_of(const CreateOrder& order) override { return order.offer.region; }
  std::set<std::string> usual_places() override { return {own_region()}; }
  bool is_closed(const Refused& refused) const override;
  Refused told_apart(const Refused& refused) override;

  Answer<std::unique_ptr<MachineMaker>> prepare(const CreateOrder& order, const OwnKey& key, Instant end) override;
  Answer<std::vector<CloudMachine>> machines(const std::string& region, const Wanted& wanted, Instant end) override;
  Answer<Nothing> stop(const std::string& region, const std::vector<std::string>& ids, Instant end) override;
  Answer<Nothing> set_own_end(const std::string& region, const std::vector<std::string>& ids, bool with_disks, Instant end) override;
  Answer<Nothing> start(const std::string& region, const std::vector<std::string>& ids, Instant end) override;
  Answer<std::set<std::string>> remove(const std::string& region, const std::vector<std::string>& ids, Instant end) override;
  Answer<Nothing> open_ports(const std::string& region, const std::vector<CloudMachine>& machines, const Ports& ports,
                             Instant end) override;
  Answer<std::set<std::string>> clusters_with_remains(const std::string& region, const std::string& owner, Instant end) override;
  /// Spot requests are cancelled, that none is fulfilled behind our back, and the cluster's ports closed, as long as its machines can
  /// still be taken out of the group.
  Answer<Nothing> before_removal(const std::string& region, const Wanted& wanted, Instant end) override;

 private:
  struct Account {
    AwsClient client;
    std::string region;  ///< the user's own; "us-east-1" when none is set
  };
  /// Credentials, region and endpoints, as AWS's own tools find them.
  /// Errors   kInvalidArgument: a file or variable that is wrong, with the mend
  Result<std::shared_ptr<Account>> account();
  Result<RegionApi> in(const std::string& region, Instant end);
  std::string own_region();

  const Parts parts_;
  Mutex mutex_;
  std::shared_ptr<Account> account_ GUARDED_BY(mutex_);
};

}  // namespace isobar::cloud::ec2
