#pragma once

/// What the driver asks of one subscription of Azure, each question once and with all its pages. Safe from any thread.

#include <string>
#include <vector>

#include "answers.h"
#include "cloud/rest_client.h"

namespace isobar::cloud::azure {

class ArmApi {
 public:
  /// base   "https://management.azure.com"
  /// end    no question is repeated, and nothing waited for, after it
  ArmApi(const RestClient& client, const std::string& base, const std::string& subscription, Instant end)
      : client_(client), base_(base), root_("/subscriptions/" + subscription), end_(end) {}

  /// How its user calls the subscription.
  Answer<std::string> subscription() const;
  /// The resource groups with the owner's tag.
  Answer<std::vector<Group>> groups(const std::string& owner) const;
  /// All machines of the subscription with a mark, with their states and addresses: four lists.
  Answer<std::vector<CloudMachine>> machines(const std::string& owner) const;

  /// What machines of a region count against.
  Answer<std::vector<Usage>> usages(const std::string& region) const;
  Answer<Nothing> put_group(const std::string& name, const std::string& body) const;
  /// Begins its end with all that is in it. One that does not exist is no error.
  Answer<Nothing> delete_group(const std::string& name) const;
  /// Makes a resource, or finds it made, and waits until it is done. Returns its id.
  /// kind   "Microsoft.Network/virtualNetworks"
  Answer<std::string> put(const std::string& group, const std::string& kind, const std::string& name, const std::string& body) const;
  /// The id of a resource that is there.
  std::string resource_id(const std::string& group, const std::string& kind, const std::string& name) const;
  /// Makes a machine, or finds it made, and waits until it is done.
  Answer<Nothing> put_machine(const MachineId& id, const std::string& body) const;
  /// Stops it and gives its hardware back.
  Answer<Nothing> deallocate(const MachineId& id) const;
  /// Returns when it runs. Errors   AllocationFailed: its region has no room now
  Answer<Nothing> start(const MachineId& id) const;
  /// Begins its end. One that does not exist is no error.
  Answer<Nothing> delete_machine(const MachineId& id) const;

 private:
  std::string url(const std::string& path, const char* version, const std::string& query = {}) const;
  std::string machine_url(const MachineId& id, const std::string& verb, const std::string& query = {}) const;
  template <class T>
  Answer<std::vector<T>> all(const std::string& doing, std::string url, Result<Page<T>> (*parse)(std::string_view)) const;
  Answer<Nothing> await_machine(const MachineId& id, const std::string& doing, bool running) const;

  const RestClient& client_;
  const std::string base_, root_;
  const Instant end_;
};

}  // namespace isobar::cloud::azure
