#pragma once

/// RunPod as a cloud of machines. One account; its API knows all data centers at once, so there is one place.

#include <memory>

#include "base/mutex.h"
#include "cloud/machine_cloud.h"
#include "cloud/rest_client.h"
#include "net/http.h"
#include "storage/surroundings.h"

namespace isobar::cloud::runpod {

class RunPodCloud final : public MachineCloud {
 public:
  struct Parts {
    std::string owner;
    storage::Surroundings surroundings;
    net::HttpTransport& transport;
    Pace pace;
  };
  explicit RunPodCloud(Parts parts) : parts_(std::move(parts)) {}

  std::string name() const override { return "runpod"; }
  bool stops_spot() const override { return false; }
  // A container cannot switch its machine off.
  bool ends_by_itself() const override { return false; }
  std::size_t made_at_once() const override { return 1; }
  Duration between_looks() const override { return std::chrono::seconds(3); }
  Status check() override;
  std::vector<std::string> facts() override;
  Status check_order(const CreateOrder& order) const override;
  Status sign_in() override;
  Answer<std::string> place_of(const CreateOrder&) override { return std::string("all regions"); }
  std::set<std::string> usual_places() override { return {"all regions"}; }

  Answer<std::unique_ptr<MachineMaker>> prepare(const CreateOrder& order, const OwnKey& key, Instant end) override;
  Answer<std::vector<CloudMachine>> machines(const std::string& place, const Wanted& wanted, Instant end) override;
  Answer<Nothing> stop(const std::string& place, const std::vector<std::string>& ids, Instant end) override;
  Answer<Nothing> start(const std::string& place, const std::vector<std::string>& ids, Instant end) override;
  Status check_ports(const Ports& ports, Instant end) override;
  /// A pod has the ports that it was made with. Errors   kInvalidArgument: it was made without them
  Answer<Nothing> open_ports(const std::string& place, const std::vector<CloudMachine>& pods, const Ports& ports, Instant end) override;
  Answer<std::set<std::string>> remove(const std::string& place, const std::vector<std::string>& ids, Instant end) override;

 private:
  struct Account {
    RestClient client;
    std::string base;  ///< the API's address
  };
  Result<std::shared_ptr<Account>> account();
  Answer<std::vector<CloudMachine>> all_pods(Duration deadline);
  Answer<Nothing> tell_each(const std::vector<std::string>& ids, const std::string& verb, Instant end);

  const Parts parts_;
  Mutex mutex_;
  std::shared_ptr<Account> account_ GUARDED_BY(mutex_);
};

}  // namespace isobar::cloud::runpod
