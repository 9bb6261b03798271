#include "cloud/provider.h"

namespace isobar::cloud {

std::map<std::string, Result<std::vector<Instance>>> Provider::list_each(const std::vector<std::string>& clusters) {
  std::map<std::string, Result<std::vector<Instance>>> each;
  for (const auto& cluster : clusters) each.emplace(cluster, list(cluster));
  return each;
}

Result<std::optional<Fd>> Provider::open_agent(const Instance&, Duration) { return std::optional<Fd>(); }

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

}  // namespace isobar::cloud
