#include "cloud/provider.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::cloud {

std::string describe(const SshTarget& target) {
  std::string out = target.user.empty() ? target.host : target.user + "@" + target.host;
  return target.port == 0 ? out : fmt::format("{}:{}", out, target.port);
}

std::map<std::string, Result<std::vector<Instance>>> Provider::list_each(const std::vector<std::string>& clusters) {
  std::map<std::string, Result<std::vector<Instance>>> each;
  for (const auto& cluster : clusters) each.emplace(cluster, list(cluster));
  return each;
}

Result<std::optional<Fd>> Provider::open_agent(const Instance&, Duration) { return std::optional<Fd>(); }

Status Provider::set_own_end(const std::string&, bool, Duration) { return {}; }

std::string attempt_of(const CreateOrder& order) {
  return order.generation == 0 ? order.token : fmt::format("{}-g{}", order.token, order.generation);
}

CreateOutcome Provider::replace(const CreateOrder& order, const std::vector<int>&, Duration) {
  const auto why = fmt::format("{} cannot replace single nodes of a cluster; take it down and launch it again", name());
  return {{}, CloudError{invalid(why), "ReplacementUnsupported", scope_of_error(name(), "ReplacementUnsupported", order.offer)}};
}

Status Provider::forget(const std::string&) { return {}; }

std::string_view name_of(InstanceState state) {
  switch (state) {
    case InstanceState::kPending: return "PENDING";
    case InstanceState::kRunning: return "RUNNING";
    case InstanceState::kStopping: return "STOPPING";
    case InstanceState::kStopped: return "STOPPED";
    case InstanceState::kTerminated: return "TERMINATED";
    case InstanceState::kUnreachable: return "UNREACHABLE";
  }
  return "UNKNOWN";
}

Result<std::vector<Endpoint>> Provider::endpoints(const std::string& cluster, const Ports& ports, Duration) {
  TRY_ASSIGN(const auto instances, list(cluster));
  const auto head = std::find_if(instances.begin(), instances.end(), [](const Instance& instance) { return instance.rank == 0; });
  if (head == instances.end()) return not_found(fmt::format("cluster '{}' has no head now", cluster));
  std::vector<Endpoint> endpoints;
  for (const auto port : each_of(ports)) {
    endpoints.push_back({port, head->address, port, {}});
    if (head->address.empty()) endpoints.back().problem = fmt::format("the head is {}", name_of(head->state));
  }
  return endpoints;
}

}  // namespace isobar::cloud
