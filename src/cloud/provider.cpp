#include "cloud/provider.h"

#include <fmt/format.h>

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
