#include "launch.h"

#include <fmt/format.h>

#include <algorithm>

#include "fleet.h"
#include "tags.h"

namespace isobar::cloud::ec2 {

namespace {

/// What this order made before, by rank. Lists lag, so one that is missing here may exist: its client token brings it back.
Answer<std::map<int, Machine>> made_before(RegionApi& api, const LaunchOrder& launch) {
  TRY_ASSIGN(const auto machines, api.machines(live(all_of_cluster(launch.owner, launch.order.cluster))));
  std::map<int, Machine> by_rank;
  for (const Machine& machine : machines) {
    if (machine.tag(kTokenTag) != launch.order.token)
      return Error(Code::kAlreadyExists,
                   fmt::format("a cluster {} exists already on aws in {} (machine {})", launch.order.cluster, api.region(), machine.id));
    // Adopted, it would be taken for one that failed to run, and removed with its disk.
    if (machine.state == "stopping" || machine.state == "stopped")
      return Error(Code::kAlreadyExists, fmt::format("the cluster {} exists already on aws in {} and is {}; start it", launch.order.cluster,
                                                     api.region(), machine.state));
    by_rank.emplace(rank_of(machine), machine);
  }
  return by_rank;
}

RunOrder order_of(const LaunchOrder& launch, const LaunchGround& ground, const OwnKey& key, int rank) {
  const CreateOrder& order = launch.order;
  return {.client_token = client_token_of(order.token, rank),
          .image_id = ground.image.id,
          .root_device = ground.image.root_device,
          .instance_type = order.offer.instance_type,
          .key_name = key.name,
          .subnet_id = ground.subnet_id,
          .security_group_id = ground.security_group_id,
          .disk_gb = ground.disk_gb,
          .disk_type = launch.disk_type,
          .spot = order.use_spot,
          .tags = tags_of(order, launch.owner, rank, ground.login_user)};
}

Answer<Nothing> run_missing(RegionApi& api, const LaunchOrder& launch, const OwnKey& key, const std::map<int, Machine>& present,
                            std::vector<std::string>& made) {
  TRY(check_quota(api, launch.order));
  TRY_ASSIGN(const auto ground, prepare_ground(api, launch, key));
  std::vector<RunOrder> orders;
  for (int rank = 0; rank < launch.order.count; ++rank)
    if (!present.contains(rank)) orders.push_back(order_of(launch, ground, key, rank));
  return run_all(api, orders, made);
}

}  // namespace

Answer<std::vector<Machine>> launch(RegionApi& api, const LaunchOrder& launch, const OwnKey& key, std::vector<std::string>& made) {
  TRY_ASSIGN(const auto present, made_before(api, launch));
  for (const auto& [rank, machine] : present) made.push_back(machine.id);
  if (static_cast<int>(present.size()) < launch.order.count) TRY(run_missing(api, launch, key, present, made));
  TRY_ASSIGN(auto machines, await_running(api, all_of_token(launch.owner, launch.order.token), made));
  std::sort(machines.begin(), machines.end(), [](const Machine& a, const Machine& b) { return rank_of(a) < rank_of(b); });
  return machines;
}

Answer<Nothing> undo_launch(RegionApi& api, const LaunchOrder& launch, std::vector<std::string> made) {
  return remove_all(api, all_of_token(launch.owner, launch.order.token), std::move(made));
}

}  // namespace isobar::cloud::ec2
