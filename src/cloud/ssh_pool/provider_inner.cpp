#include "provider_inner.h"

#include <fmt/format.h>

#include "base/parallel.h"
#include "base/text.h"

namespace isobar::cloud {

Result<std::vector<Pool>> SshPoolProvider::Inner::read_pools() const {
  TRY_ASSIGN(const auto text, read_file(parts.pools_file, 16 << 20));
  return parse_pools(text, parts.pools_file.string(), parts.home);
}

Result<Pool> SshPoolProvider::Inner::pool(const std::string& name) const {
  TRY_ASSIGN(auto pools, read_pools());
  std::vector<std::string> names;
  for (auto& each : pools) {
    if (each.name == name) return std::move(each);
    names.push_back(each.name);
  }
  return not_found(fmt::format("there is no pool '{}' in {}; it has {}", name, parts.pools_file.string(), join(names, ", ")));
}

PoolHost SshPoolProvider::Inner::described(const SshTarget& target) const {
  if (const auto pools = read_pools(); pools.ok())
    for (const auto& each : *pools)
      for (const auto& host : each.hosts)
        if (host.target == target) return host;
  return {target, {}};
}

Result<HostClient> SshPoolProvider::Inner::client(const SshTarget& target) {
  const std::scoped_lock lock(mutex_);
  if (!program_) {
    TRY_ASSIGN(auto program, NodeProgram::open(parts.node_program, parts.cache));
    program_.emplace(std::move(program));
  }
  auto& shell = shells_[target];
  if (!shell) shell = parts.shell_of(target);
  return HostClient(*shell, *program_);
}

std::vector<SshPoolProvider::Inner::Asked> SshPoolProvider::Inner::ask(const std::vector<SshTarget>& targets) {
  std::vector<Asked> asked;
  for (const auto& target : targets) asked.push_back({target});
  for_each_at_once(asked.size(), kHostsAtOnce, [&](std::size_t i) {
    const auto host = client(asked[i].target);
    asked[i].report = host.ok() ? host->report() : Result<HostReport>(host.error());
  });
  return asked;
}

}  // namespace isobar::cloud
