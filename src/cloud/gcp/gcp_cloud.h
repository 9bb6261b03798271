#pragma once

/// Google Compute Engine as a cloud of machines: one user's machines in the projects that were used, in all zones.

#include <memory>

#include "base/mutex.h"
#include "cloud/machine_cloud.h"
#include "compute_api.h"
#include "net/http.h"
#include "storage/gcs_access.h"
#include "storage/surroundings.h"

namespace isobar::cloud::gcp {

class GcpCloud final : public MachineCloud {
 public:
  struct Parts {
    std::string owner;
    storage::Surroundings surroundings;
    net::HttpTransport& transport;
    Pace pace;
  };
  explicit GcpCloud(Parts parts) : parts_(std::move(parts)) {}

  std::string name() const override { return "gcp"; }
  std::string announces_preemption() const override { return "gcp"; }
  Status check() override;
  std::vector<std::string> facts() override;
  Status check_order(const CreateOrder& order) const override;
  Status sign_in() override;
  /// A place is a project.
  Answer<std::string> place_of(const CreateOrder& order) override;
  std::set<std::string> usual_places() override;

  Answer<std::unique_ptr<MachineMaker>> prepare(const CreateOrder& order, const OwnKey& key, Instant end) override;
  Answer<std::vector<CloudMachine>> machines(const std::string& project, const Wanted& wanted, Instant end) override;
  Answer<Nothing> stop(const std::string& project, const std::vector<std::string>& ids, Instant end) override;
  Answer<Nothing> start(const std::string& project, const std::vector<std::string>& ids, Instant end) override;
  Answer<Nothing> open_ports(const std::string& project, const std::vector<CloudMachine>& machines, const Ports& ports,
                             Instant end) override;
  Answer<std::set<std::string>> clusters_with_remains(const std::string& project, const std::string& owner, Instant end) override;
  Answer<Nothing> after_removal(const std::string& project, const Wanted& wanted, Instant end) override;
  Answer<std::set<std::string>> remove(const std::string& project, const std::vector<std::string>& ids, Instant end) override;

 private:
  struct Account {
    RestClient client;
    std::string base, project;
  };
  Result<std::shared_ptr<Account>> account();
  Result<ComputeApi> in(const std::string& project, Instant end);
  /// Those of spot machines that are off because Google took them back.
  void tell_preempted(const ComputeApi& api, std::vector<CloudMachine>& machines) const;
  Answer<Nothing> for_each(const std::string& project, const std::vector<std::string>& ids, Instant end,
                           Answer<Nothing> (ComputeApi::*act)(const MachineId&) const);

  const Parts parts_;
  Mutex mutex_;
  std::shared_ptr<Account> account_ GUARDED_BY(mutex_);
};

}  // namespace isobar::cloud::gcp
