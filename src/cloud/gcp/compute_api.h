#pragma once

/// What the driver asks of one project of Compute Engine, each question once, with all its pages, and operations to their ends.
/// Safe from any thread.

#include <string>
#include <vector>

#include "answers.h"
#include "cloud/rest_client.h"
#include "requests.h"

namespace isobar::cloud::gcp {

class ComputeApi {
 public:
  /// base   ".../compute/v1"
  /// end    no question is repeated, and no operation waited for, after it
  ComputeApi(const RestClient& client, const std::string& base, const std::string& project, Instant end)
      : client_(client), root_(base + "/projects/" + project), base_(base), end_(end) {}

  /// All machines with the owner's label, in all zones.
  Answer<std::vector<CloudMachine>> machines(const std::string& owner) const;
  Answer<CloudMachine> machine(const MachineId& id) const;
  /// Repeated, it makes no second machine: RESOURCE_ALREADY_EXISTS.
  Answer<Nothing> insert(const std::string& zone, const std::string& body, const std::string& request_id, const std::string& doing) const;
  Answer<Nothing> stop(const MachineId& id) const;
  Answer<Nothing> start(const MachineId& id) const;
  /// One that does not exist is no error.
  Answer<Nothing> remove(const MachineId& id) const;
  /// The names of the machines in a zone that Google took away lately.
  Answer<std::set<std::string>> preempted(const std::string& zone) const;

  /// path   "projects/…/global/images/…"
  Answer<Image> image(const std::string& path) const;
  Answer<std::vector<Quota>> regional_quotas(const std::string& region) const;
  /// Of the whole project. Also the question that tells whether the project can be used at all.
  Answer<std::vector<Quota>> project_quotas() const;
  Answer<Nothing> network(const std::string& name) const;
  /// Makes the rule unless there is one of its name, whatever it says.
  Answer<Nothing> have_firewall(Ingress ingress, const std::string& network) const;
  /// Makes the rule, or has it say this.
  Answer<Nothing> put_firewall(const std::string& name, const std::string& body) const;
  /// One that does not exist is no error.
  Answer<Nothing> remove_firewall(const std::string& name) const;
  /// The clusters of which a rule lets ports in.
  Answer<std::set<std::string>> clusters_with_rules(const std::string& mark) const;

 private:
  Answer<std::string> get(const std::string& doing, const std::string& url) const;
  /// Acts, and waits until what it began is done.
  Answer<Nothing> act(const RestCall& call) const;

  const RestClient& client_;
  const std::string root_, base_;
  const Instant end_;
};

}  // namespace isobar::cloud::gcp
