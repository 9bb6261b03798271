#pragma once

/// OpenStack as a cloud of machines. A place is a region of a project of a cloud, "CLOUD/REGION/PROJECT", so that who signs in elsewhere
/// meanwhile is told where machines of theirs may be, instead of that there are none.

#include <map>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "cloud/machine_cloud.h"
#include "keystone.h"
#include "region_api.h"

namespace isobar::cloud::openstack {

class OpenStackCloud final : public MachineCloud {
 public:
  struct Parts {
    std::string owner;
    Settings settings;
    storage::Surroundings surroundings;
    net::HttpTransport& transport;
    Pace pace;
  };
  explicit OpenStackCloud(Parts parts) : parts_(std::move(parts)) {}

  std::string name() const override { return "openstack"; }
  // A machine that switches itself off keeps its place and what is counted for it, and no more is known of who pays what.
  bool ends_by_itself() const override { return true; }
  Status check() override;
  std::vector<std::string> facts() override;
  std::vector<Offer> own_offers() override;
  Status check_order(const CreateOrder& order) const override;
  Status sign_in() override;
  Answer<std::string> place_of(const CreateOrder& order) override;

  Answer<std::unique_ptr<MachineMaker>> prepare(const CreateOrder& order, const OwnKey& key, Instant end) override;
  Answer<std::vector<CloudMachine>> machines(const std::string& place, const Wanted& wanted, Instant end) override;
  Answer<Nothing> stop(const std::string& place, const std::vector<std::string>& ids, Instant end) override;
  Answer<Nothing> start(const std::string& place, const std::vector<std::string>& ids, Instant end) override;
  Answer<Nothing> open_ports(const std::string& place, const std::vector<CloudMachine>& machines, const Ports& ports, Instant end) override;
  Answer<std::set<std::string>> remove(const std::string& place, const std::vector<std::string>& ids, Instant end) override;
  Answer<std::set<std::string>> clusters_with_remains(const std::string& place, const std::string& owner, Instant end) override;
  Answer<Nothing> after_removal(const std::string& place, const Wanted& wanted, Instant end) override;

 private:
  Result<std::shared_ptr<Keystone>> cloud_named(const std::optional<std::string>& name);
  Answer<RegionApi> in(const std::string& place, Instant end);
  Answer<RegionApi> in_region(const std::shared_ptr<Keystone>& keystone, const std::string& region, Instant end);
  Result<std::vector<std::string>> regions_of(Keystone& keystone);
  Answer<std::vector<Offer>> ask_for_offers(Instant end);

  const Parts parts_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Keystone>> clouds_ GUARDED_BY(mutex_);  // by name; "": the one that is meant now
  std::map<std::pair<const Keystone*, std::string>, std::shared_ptr<const Region>> regions_ GUARDED_BY(mutex_);
  std::optional<std::vector<Offer>> offers_ GUARDED_BY(mutex_);
};

}  // namespace isobar::cloud::openstack
