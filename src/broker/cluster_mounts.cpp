// Buckets that are mounted on the nodes of a cluster: put there for all its jobs, put there again when it was stopped, and not taken away
// with what was written to them and is not uploaded yet.

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/parallel.h"
#include "broker/broker.h"

namespace isobar::broker {

namespace {

constexpr std::size_t kNodesAskedAtOnce = 32;
constexpr auto kUploadsLook = std::chrono::seconds(1);

struct NodeMount {
  std::string description, order;
};

}  // namespace

Status ClusterSession::mount_buckets(const std::vector<FileMount>& mounts) {
  if (mounts.empty()) return {};
  const auto before = record_->mounts;
  for (const auto& mount : mounts) {
    std::erase_if(record_->mounts, [&](const FileMount& other) { return other.destination == mount.destination; });
    record_->mounts.push_back(mount);
  }
  // Remembered before it is done, so that a start after a crash knows of it.
  if (record_->mounts != before) TRY(parts_.state.put(*record_));
  auto mounted = mount_on_nodes(mounts);
  if (mounted.ok() || record_->mounts == before) return mounted;
  record_->mounts = before;
  TRY(parts_.state.put(*record_));
  return mounted;
}

Status ClusterSession::mount_on_nodes(const std::vector<FileMount>& mounts) {
  if (mounts.empty()) return {};
  CHECK(parts_.mount_order != nullptr);
  std::vector<NodeMount> orders;
  for (const auto& mount : mounts) {
    TRY_ASSIGN(auto order, parts_.mount_order(mount));
    orders.push_back({fmt::format("mount {} at {}", mount.bucket_sources.at(0), mount.destination), std::move(order)});
  }
  TRY_ASSIGN(auto clients, connect_all());
  std::vector<Status> mounted(clients.size());
  for_each_at_once(clients.size(), kNodesAskedAtOnce, [&](std::size_t i) {
    for (const auto& mount : orders)
      if (mounted[i].ok())
        mounted[i] = clients[i]
                         .mount(mount.order)
                         .context(fmt::format("{} on node {} of cluster '{}'", mount.description, clients[i].welcome().rank, name_));
  });
  for (auto& each : mounted) TRY(std::move(each));
  return {};
}

Result<std::string> ClusterSession::uploads_left() {
  TRY_ASSIGN(auto clients, connect_all());
  std::vector<std::optional<Result<std::string>>> asked(clients.size());
  for_each_at_once(clients.size(), kNodesAskedAtOnce, [&](std::size_t i) { asked[i] = clients[i].uploads_left(); });
  for (std::size_t i = 0; i < clients.size(); ++i) {
    TRY_ASSIGN(const auto left, std::move(*asked[i]));
    if (!left.empty()) return fmt::format("on node {} {}", clients[i].welcome().rank, left);
  }
  return std::string();
}

// What is left after that; empty: nothing.
std::string ClusterSession::await_uploads(Duration patience) {
  const auto is_behind = [](const FileMount& mount) { return mount.mode == MountMode::kMountCached; };
  const bool any = record_ && std::any_of(record_->mounts.begin(), record_->mounts.end(), is_behind);
  if (!any || record_->status != ClusterStatus::kUp || patience == Duration::zero()) return "";
  const Instant until = parts_.clock.now() + patience;
  for (bool told = false;; told = true) {
    const auto left = uploads_left();
    if (!left.ok()) return "what was written to its buckets cannot be asked for: " + left.error().message();
    if (left->empty() || parts_.clock.now() >= until) return *left;
    if (!told) parts_.say(fmt::format("Cluster '{}': {}; waiting for that, {} at most …", name_, *left, format_duration(patience)));
    std::this_thread::sleep_for(kUploadsLook);
  }
}

}  // namespace isobar::broker
