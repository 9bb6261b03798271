#include "cloud/gang_boot.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/mutex.h"
#include "base/parallel.h"

namespace isobar::cloud {

namespace {

constexpr std::size_t kMachinesAtOnce = 32;

}  // namespace

std::vector<GangFailure> boot_gang(std::vector<GangNode> gang, Duration deadline, std::vector<HostInstance>& booted) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  std::vector<GangFailure> failures;
  Mutex mutex;
  booted.assign(gang.size(), {});
  const auto boot = [&](std::size_t i) {
    auto& order = gang[i].order;
    order.nodes = static_cast<int>(gang.size());
    order.reached_by_others = i != 0;
    order.deadline = std::max<Duration>(end - std::chrono::steady_clock::now(), std::chrono::seconds(1));
    std::string provider_code;
    auto done = gang[i].host.boot(order, &provider_code);
    const MutexLock lock(mutex);
    if (done.ok()) booted[i] = std::move(*done);
    else failures.push_back({i, done.error(), provider_code});
  };
  for_each_at_once(gang.size() - 1, kMachinesAtOnce, [&](std::size_t i) { boot(i + 1); });
  if (!failures.empty()) return failures;
  for (std::size_t i = 1; i < gang.size(); ++i)
    gang[0].order.peers.push_back({gang[i].order.rank, booted[i].address, fmt::format("tls:{}:{}", booted[i].address, booted[i].port),
                                   gang[i].order.agent_token, booted[i].devices});
  boot(0);
  return failures;
}

}  // namespace isobar::cloud
