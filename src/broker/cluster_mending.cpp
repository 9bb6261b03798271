// A gang that lost a node is mended: the node is made again, with its rank, while the others go on and keep their disks.
//
// What a crash leaves. Before the machine is made, the record says which ranks are being replaced and under which generation; it is
// cleared when the new nodes have everything on them. Until then the cluster is INIT whatever its cloud says, and the head gives the new
// nodes no jobs. Machines carry their cluster's mark from the call that makes them, so that none is unknown: whoever starts the cluster
// next adopts those that run, and removes what is second of its rank.

#include <fmt/format.h>

#include <algorithm>

#include "broker/broker.h"
#include "cluster_facts.h"

namespace isobar::broker {

namespace {

std::string names_of(const std::vector<int>& ranks) {
  return fmt::format("node{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

void join_ranks(std::vector<int>& ranks, const std::vector<int>& more) {
  ranks.insert(ranks.end(), more.begin(), more.end());
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
}

Status check_mendable(const ClusterRecord& cluster, const cloud::Provider& driver, const std::vector<int>& lost) {
  if (!cluster.mend.allowed)
    return invalid(
        fmt::format("single nodes of cluster '{0}' are replaced only when its task says so; launch one on it with `resources: "
                    "{{job_recovery: {{replace_lost_nodes: true}}}}`, or take it down",
                    cluster.name));
  if (!driver.replaces_nodes())
    return invalid(fmt::format("{} cannot replace single nodes of a cluster; take cluster '{}' down and launch it again", driver.name(),
                               cluster.name));
  for (const int rank : lost)
    if (rank < 0 || rank >= cluster.num_nodes)
      return invalid(fmt::format("cluster '{}' has no node {}: its nodes are 0 to {}", cluster.name, rank, cluster.num_nodes - 1));
  if (std::find(lost.begin(), lost.end(), 0) != lost.end())
    return invalid(
        fmt::format("the head of cluster '{0}' is lost, and the queue of its jobs with it: that cannot be mended node by node; "
                    "`isobar down {0}` removes the rest, then launch it again",
                    cluster.name));
  return {};
}

// What was sent last, as it is now.
Result<Trees> scan_again(const std::string& cluster, const std::vector<SentTree>& files) {
  Trees trees;
  for (const auto& sent : files) {
    auto tree = scan_tree(sent.source, sent.passes_ignore_files ? IgnoreFiles::kPass : IgnoreFiles::kHeed);
    if (!tree.ok())
      return tree.error().context(
          fmt::format("{} was sent to the nodes as {}, and the new ones lack it; launch its task on cluster '{}' to "
                      "send it from where it is now",
                      sent.source, sent.destination, cluster));
    trees.emplace_back(sent.destination, std::move(*tree));
  }
  return trees;
}

}  // namespace

Status ClusterSession::allow_mending() {
  if (record_->mend.allowed || record_->num_nodes == 1) return {};
  TRY_ASSIGN(auto* driver, provider());
  if (!driver->replaces_nodes())
    return invalid(fmt::format("{} cannot replace single nodes of a cluster; leave job_recovery.replace_lost_nodes out", driver->name()));
  record_->mend.allowed = true;
  return parts_.state.put(*record_);
}

Result<bool> ClusterSession::needs_mending() {
  if (!record_ || !record_->mend.allowed) return false;
  if (!record_->mend.replacing.empty()) return true;
  TRY_ASSIGN(auto* driver, provider());
  TRY_ASSIGN(const auto listed, driver->list(name_));
  return !listed.empty() && !lost_ranks(listed, record_->num_nodes).empty();
}

Status ClusterSession::mend(const std::vector<int>& given_up, const std::optional<Trees>& trees) {
  TRY_ASSIGN(auto* driver, provider());
  TRY_ASSIGN(const auto listed, driver->list(name_));
  auto lost = lost_ranks(listed, record_->num_nodes);
  join_ranks(lost, given_up);
  TRY(check_mendable(*record_, *driver, lost));
  TRY(replace_nodes(*driver, lost));
  TRY(put_all_on_nodes(*driver, trees)
          .context(fmt::format("cluster '{0}' has all of its machines, but not all of what belongs on them; "
                               "`isobar start {0}` tries that again",
                               name_)));
  parts_.say(fmt::format("Cluster '{}': {} replaced.", name_,
                         names_of(record_->mend.replacing) + (record_->mend.replacing.size() == 1 ? " is" : " are")));
  record_->mend.replacing.clear();
  record_->status = ClusterStatus::kUp;
  return parts_.state.finish(name_, record_, parts_.clock.now());
}

Status ClusterSession::replace_nodes(cloud::Provider& driver, const std::vector<int>& lost) {
  auto& plan = record_->mend;
  ++plan.generation;
  join_ranks(plan.replacing, lost);
  record_->status = ClusterStatus::kInit;
  if (lost.empty()) parts_.say(fmt::format("Cluster '{}': going on with the replacement of {} …", name_, names_of(plan.replacing)));
  else parts_.say(fmt::format("Cluster '{}': replacing {}, beside the nodes that run …", name_, names_of(lost)));
  TRY(parts_.state.begin({IntentKind::kReplace, name_, record_->placement.offer.cloud, record_->token, parts_.clock.now()}, &*record_));
  const auto outcome = driver.replace({.cluster = name_,
                                       .token = record_->token,
                                       .generation = plan.generation,
                                       .offer = record_->placement.offer,
                                       .use_spot = record_->placement.use_spot,
                                       .count = record_->num_nodes,
                                       .labels = plan.labels,
                                       .image = plan.image,
                                       .config = plan.config,
                                       .user = record_->user,
                                       .ports = record_->ports},
                                      lost, parts_.config.provision_deadline.value);
  if (!outcome.failure) return {};
  TRY(parts_.state.finish(name_, record_, parts_.clock.now()));
  return outcome.failure->error.context(fmt::format("cluster '{}' stays without {}", name_, names_of(plan.replacing)));
}

// The same on all nodes: those that kept theirs are found to have it.
Status ClusterSession::put_all_on_nodes(cloud::Provider& driver, const std::optional<Trees>& trees) {
  TRY(connect_all().and_then([](auto&&) { return Status(); }).context("reach the agents"));
  tell_nodes();
  // Some clouds let ports in machine by machine.
  if (!record_->ports.empty()) TRY(driver.open_ports(name_, record_->ports, parts_.config.provision_deadline.value));
  TRY(mount_on_nodes(record_->mounts));
  if (trees) {
    TRY(send_files(*trees));
  } else {
    TRY_ASSIGN(const auto again, scan_again(name_, record_->mend.files));
    TRY(send_files(again));
  }
  TRY_ASSIGN(auto head, connect_head());
  return head.nodes_ready();
}

Status ClusterSession::remember_files(const Trees& trees) {
  if (!record_->mend.allowed) return {};
  auto files = record_->mend.files;
  for (const auto& [destination, tree] : trees) {
    std::erase_if(files, [&, at = destination](const SentTree& sent) { return sent.destination == at; });
    files.push_back({destination, fs::absolute(tree.source).string(), tree.which == IgnoreFiles::kPass});
  }
  if (files == record_->mend.files) return {};
  record_->mend.files = std::move(files);
  return parts_.state.put(*record_);
}

// What the machines say; but nodes that were replaced are not up before they have everything on them.
std::optional<ClusterStatus> ClusterSession::status_seen(std::vector<cloud::Instance> instances) const {
  const auto status = status_of(without_terminated(std::move(instances)), record_->num_nodes);
  return status == ClusterStatus::kUp && !record_->mend.replacing.empty() ? ClusterStatus::kInit : status;
}

}  // namespace isobar::broker
