#include "cluster_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

#include "broker/agent_channel.h"

namespace isobar::broker {

namespace {

bool all_in(const std::vector<cloud::Instance>& instances, cloud::InstanceState state) {
  return std::all_of(instances.begin(), instances.end(), [&](const cloud::Instance& instance) { return instance.state == state; });
}

}  // namespace

std::vector<cloud::Instance> without_terminated(std::vector<cloud::Instance> instances) {
  std::erase_if(instances, [](const cloud::Instance& instance) { return instance.state == cloud::InstanceState::kTerminated; });
  return instances;
}

// Why part of a cluster does not answer, or what became of one that ended or stopped; empty: all of it does.
std::string problem_of(const std::vector<cloud::Instance>& instances) {
  for (const auto& instance : instances) {
    if (instance.state == cloud::InstanceState::kUnreachable) return fmt::format("node {}: {}", instance.rank, instance.problem);
    const bool is_off = instance.state == cloud::InstanceState::kTerminated || instance.state == cloud::InstanceState::kStopped;
    if (is_off && !instance.problem.empty()) return instance.problem;
  }
  return "";
}

// What the instances of a cluster say about it; none when there are none left.
std::optional<ClusterStatus> status_of(const std::vector<cloud::Instance>& instances, int num_nodes) {
  if (instances.empty()) return std::nullopt;
  const bool whole = instances.size() == static_cast<std::size_t>(num_nodes);
  if (whole && all_in(instances, cloud::InstanceState::kRunning)) return ClusterStatus::kUp;
  if (whole && all_in(instances, cloud::InstanceState::kStopped)) return ClusterStatus::kStopped;
  return ClusterStatus::kInit;
}

std::vector<int> lost_ranks(const std::vector<cloud::Instance>& instances, int num_nodes) {
  std::set<int> there;
  for (const auto& instance : instances)
    if (instance.state != cloud::InstanceState::kTerminated && instance.state != cloud::InstanceState::kUnreachable)
      there.insert(instance.rank);
  std::vector<int> lost;
  for (int rank = 0; rank < num_nodes; ++rank)
    if (!there.contains(rank)) lost.push_back(rank);
  return lost;
}

// A machine that just came up, or whose agent was just restarted, answers a moment later.
Result<AgentClient> connect_patiently(cloud::Provider& driver, const cloud::Instance& instance, const Clock& clock, Duration deadline,
                                      Duration answer_least) {
  const Instant until = clock.now() + deadline;
  const auto is_far = std::make_shared<bool>(!instance.agent_address.starts_with("unix:"));
  const auto dial_it = [&driver, instance, is_far]() -> Result<Fd> {
    TRY_ASSIGN(auto through, driver.open_agent(instance, AgentClient::kCallDeadline));
    if (through) {
      *is_far = true;
      return std::move(*through);
    }
    return dial(instance.agent_address);
  };
  for (;;) {
    auto client = AgentClient::connect(dial_it, instance.id, std::max<Duration>(until - clock.now(), answer_least));
    if (client.ok() && !*is_far) client->is_on_this_machine();
    if (client.ok() || client.error().code() != Code::kUnavailable || clock.now() >= until) return client;
    std::this_thread::sleep_for(10ms);
  }
}

Result<cloud::Provider*> find_provider(const BrokerParts& parts, const std::string& name) {
  const auto found = parts.providers.find(name);
  if (found == parts.providers.end()) return invalid(fmt::format("this version has no driver for the cloud '{}'", name));
  return found->second;
}

}  // namespace isobar::broker
