// `isobar ssh up|status|down`: what is done to whole pools.

#include <fmt/format.h>

#include <algorithm>

#include "base/parallel.h"
#include "base/text.h"
#include "provider_inner.h"

namespace isobar::cloud {

namespace {

std::vector<SshTarget> targets_of(const Pool& pool) {
  std::vector<SshTarget> targets;
  for (const auto& host : pool.hosts) targets.push_back(host.target);
  return targets;
}

PoolHostStatus status_of(const std::string& pool, const SshTarget& target, Result<HostReport> report) {
  PoolHostStatus status{pool, describe(target), {}, {}};
  if (report.ok()) status.report = std::move(*report);
  else status.problem = report.error().message();
  return status;
}

}  // namespace

Result<std::vector<std::string>> SshPoolProvider::pools() {
  TRY_ASSIGN(const auto pools, inner_->read_pools());
  std::vector<std::string> names;
  for (const auto& pool : pools) names.push_back(pool.name);
  return names;
}

Result<std::vector<PoolHostStatus>> SshPoolProvider::bring_up(const std::string& name) {
  TRY_ASSIGN(const auto pool, inner_->pool(name));
  std::vector<PoolHostStatus> statuses;
  std::vector<KnownHost> known;
  auto asked = inner_->ask(targets_of(pool));
  for_each_at_once(asked.size(), kHostsAtOnce, [&](std::size_t i) {
    if (!asked[i].report.ok()) return;
    const auto client = inner_->client(asked[i].target);
    if (!client.ok()) return;
    if (const auto upgraded = client->upgrade({inner_->parts.owner}); !upgraded.ok()) asked[i].report = upgraded.error();
  });
  for (auto& each : asked) {
    if (each.report.ok())
      known.push_back({each.target, each.report->whole, each.report->accelerator, each.report->architecture, each.report->hostname,
                       each.report->address});
    statuses.push_back(status_of(name, each.target, std::move(each.report)));
  }
  if (!known.empty()) TRY(inner_->cache.write(name, known));
  return statuses;
}

Result<std::vector<PoolHostStatus>> SshPoolProvider::look_at(const std::string& name) {
  TRY_ASSIGN(const auto pool, inner_->pool(name));
  std::vector<PoolHostStatus> statuses;
  for (auto& each : inner_->ask(targets_of(pool))) statuses.push_back(status_of(name, each.target, std::move(each.report)));
  return statuses;
}

Result<std::vector<PoolHostStatus>> SshPoolProvider::take_down(const std::string& name) {
  TRY_ASSIGN(const auto pool, inner_->pool(name));
  std::vector<std::string> there;
  for (const auto& cluster : inner_->ledger.clusters())
    if (const auto entry = inner_->ledger.find(cluster); entry.ok() && *entry && (*entry)->pool == name) there.push_back(cluster);
  if (!there.empty())
    return Error(Code::kConflict, fmt::format("pool {} carries {}; first: isobar down {}", name, join(there, ", "), join(there, " ")));
  auto asked = inner_->ask(targets_of(pool));
  for_each_at_once(asked.size(), kHostsAtOnce, [&](std::size_t i) {
    if (!asked[i].report.ok()) return;
    const auto client = inner_->client(asked[i].target);
    if (const auto removed = client.ok() ? client->remove() : Status(client.error()); !removed.ok()) asked[i].report = removed.error();
  });
  TRY(inner_->cache.remove(name));
  std::vector<PoolHostStatus> statuses;
  for (auto& each : asked) statuses.push_back(status_of(name, each.target, std::move(each.report)));
  return statuses;
}

}  // namespace isobar::cloud
