#pragma once

/// Lambda Cloud as a cloud of machines. One account; its API knows all regions at once, so there is one place.

#include <memory>
#include <optional>

#include "answers.h"
#include "base/mutex.h"
#include "cloud/machine_cloud.h"
#include "cloud/rest_client.h"
#include "net/http.h"
#include "storage/surroundings.h"

namespace isobar::cloud::lambda {

class LambdaCloud final : public MachineCloud {
 public:
  struct Parts {
    std::string owner;
    storage::Surroundings surroundings;
    net::HttpTransport& transport;
    Pace pace;
  };
  explicit LambdaCloud(Parts parts) : parts_(std::move(parts)) {}

  std::string name() const override { return "lambda"; }
  bool stops() const override { return false; }
  bool ends_by_itself() const override { return false; }
  // Lambda takes one launch in twelve seconds.
  std::size_t made_at_once() const override { return 1; }
  Duration between_looks() const override { return std::chrono::seconds(5); }
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
  /// Lambda's firewall is the account's, and stands before machines that are not ours: it is looked at and never changed.
  Status check_ports(const Ports& ports, Instant end) override;
  Answer<Nothing> open_ports(const std::string& place, const std::vector<CloudMachine>& machines, const Ports& ports, Instant end) override;
  Answer<std::set<std::string>> remove(const std::string& place, const std::vector<std::string>& ids, Instant end) override;

 private:
  struct Account {
    RestClient client;
    std::string base;  ///< the API's address
  };
  using Capacity = std::map<std::string, std::set<std::string>>;
  Result<std::shared_ptr<Account>> account();
  /// How much room there is where, as Lambda said within the last seconds: failover asks for one region after the other.
  Answer<Capacity> capacity(const Account& account, Instant end);
  Answer<Nothing> check_room(const Account& account, const Offer& offer, Instant end);

  const Parts parts_;
  Mutex mutex_;
  std::shared_ptr<Account> account_ GUARDED_BY(mutex_);
  Capacity capacity_ GUARDED_BY(mutex_);
  std::optional<Instant> capacity_told_ GUARDED_BY(mutex_);
};

}  // namespace isobar::cloud::lambda
