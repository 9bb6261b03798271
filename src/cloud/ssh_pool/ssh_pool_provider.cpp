#include "cloud/ssh_pool_provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/parallel.h"
#include "base/random.h"
#include "base/text.h"
#include "cloud/gang_boot.h"
#include "provider_inner.h"

namespace isobar::cloud {

namespace {

constexpr auto kEndDeadline = std::chrono::seconds(30);

/// Errors that rule out one host; the next one may do.
bool is_the_hosts(const Error& error, const std::string& provider_code) {
  return !provider_code.empty() || error.code() == Code::kUnavailable || error.code() == Code::kPermissionDenied ||
         error.code() == Code::kDeadlineExceeded;
}

std::string instance_id(const LedgerNode& node, const std::string& cluster) {
  return fmt::format("{}/{}/{}", describe(node.target), cluster, node.rank);
}

Instance instance_of(const LedgerEntry& entry, const LedgerNode& node) {
  Instance instance{
      .id = instance_id(node, entry.cluster), .cluster = entry.cluster, .rank = node.rank, .state = InstanceState::kUnreachable};
  instance.region = entry.pool;
  instance.address = node.address;
  instance.ssh = node.target;
  return instance;
}

/// The node among those of its host; none: it is not there.
const HostInstance* find_node(const HostReport& report, const std::string& owner, const LedgerEntry& entry, int rank) {
  for (const auto& each : report.instances)
    if (each.owner == owner && each.cluster == entry.cluster && each.token == entry.token && each.rank == rank) return &each;
  return nullptr;
}

std::vector<SshTarget> targets_of(const std::vector<LedgerEntry>& entries) {
  std::set<SshTarget> targets;
  for (const auto& entry : entries)
    for (const auto& node : entry.nodes) targets.insert(node.target);
  return {targets.begin(), targets.end()};
}

HostShare share_of(const Offer& offer) { return {offer.vcpus, offer.memory_gib, static_cast<int>(std::ceil(offer.accelerator_count))}; }

/// Brings the nodes of an entry up on its hosts; where the others reach them is noted in it.
/// create   they may be made; else only what is there is started
std::vector<GangFailure> boot_nodes(SshPoolProvider::Inner& inner, LedgerEntry& entry, bool create, Duration deadline) {
  std::vector<GangNode> gang;
  for (std::size_t i = 0; i < entry.nodes.size(); ++i) {
    const auto& node = entry.nodes[i];
    const auto client = inner.client(node.target);
    if (!client.ok()) return {{i, client.error(), {}}};
    BootNode order{.owner = inner.parts.owner, .cluster = entry.cluster, .token = entry.token, .rank = node.rank, .create = create};
    order.share = entry.share;
    order.cloud = "ssh";
    order.region = entry.pool;
    order.user = entry.user;
    order.address = node.address;
    order.agent_token = node.agent_token;
    order.sudo_password = inner.described(node.target).password;
    gang.push_back({*client, std::move(order)});
  }
  std::vector<HostInstance> booted;
  auto failures = boot_gang(std::move(gang), deadline, booted);
  for (std::size_t i = 0; i < booted.size(); ++i)
    if (!booted[i].address.empty()) entry.nodes[i].address = booted[i].address;
  return failures;
}

/// Ends the nodes of an entry on its hosts; what could not be ended is told together.
Status end_nodes(SshPoolProvider::Inner& inner, const LedgerEntry& entry, bool for_good) {
  std::mutex mutex;
  std::vector<std::string> failures;
  std::optional<Error> first;
  for_each_at_once(entry.nodes.size(), kHostsAtOnce, [&](std::size_t i) {
    const auto client = inner.client(entry.nodes[i].target);
    const auto ended =
        client.ok() ? client->end({inner.parts.owner, entry.cluster, entry.token, for_good}, kEndDeadline) : Result<int>(client.error());
    if (ended.ok()) return;
    const std::scoped_lock lock(mutex);
    failures.push_back(ended.error().message());
    first = first.value_or(ended.error());
  });
  return first ? Status(Error(first->code(), join(failures, "; "))) : Status();
}

}  // namespace

SshPoolProvider::SshPoolProvider(Parts parts, Log& log) : inner_(std::make_unique<Inner>(std::move(parts), log)) {}
SshPoolProvider::~SshPoolProvider() = default;

Status SshPoolProvider::check() {
  const auto pools = inner_->read_pools();
  if (!pools.ok() && pools.error().code() == Code::kNotFound)
    return not_found(fmt::format("no SSH node pools: list your machines in {} and run `isobar ssh up`", inner_->parts.pools_file.string()));
  if (!pools.ok()) return pools.error();
  if (pools->empty()) return not_found(fmt::format("{} lists no pool", inner_->parts.pools_file.string()));
  for (const auto& pool : *pools)
    if (const auto known = inner_->cache.read(pool.name); known.ok() && *known) return {};
  return not_found(fmt::format("no pool of {} was brought up yet: isobar ssh up", inner_->parts.pools_file.string()));
}

std::vector<std::string> SshPoolProvider::facts() {
  std::vector<std::string> facts;
  const auto pools = inner_->read_pools();
  if (!pools.ok()) return facts;
  for (const auto& pool : *pools) {
    const auto known = inner_->cache.read(pool.name);
    if (!known.ok()) facts.push_back(known.error().message());
    else if (!*known) facts.push_back(fmt::format("pool {}: not brought up; isobar ssh up {}", pool.name, pool.name));
    else
      facts.push_back(fmt::format("pool {}: {} of {} hosts were up when last looked at", pool.name, (*known)->size(), pool.hosts.size()));
  }
  return facts;
}

std::vector<Offer> SshPoolProvider::own_offers() {
  std::vector<Offer> offers;
  const auto pools = inner_->read_pools();
  if (!pools.ok()) return offers;
  for (const auto& pool : *pools)
    if (const auto known = inner_->cache.read(pool.name); known.ok() && *known)
      for (auto& offer : offers_of(pool.name, **known)) offers.push_back(std::move(offer));
  return offers;
}

namespace {

/// One creation: hosts are chosen by what they have free now, and one that fails is replaced by the next that has room.
class Creation {
 public:
  Creation(SshPoolProvider::Inner& inner, const CreateOrder& order, Duration deadline)
      : inner_(inner), order_(order), share_(share_of(order.offer)), end_(std::chrono::steady_clock::now() + deadline) {}

  Result<LedgerEntry> run(std::string& provider_code) {
    TRY_ASSIGN(const auto known, inner_.ledger.find(order_.cluster));
    if (known && known->token != order_.token) return Error(Code::kAlreadyExists, "a cluster " + order_.cluster + " exists already");
    if (known) entry_ = *known;
    else TRY(plan(provider_code));
    for (;;) {
      auto failures = boot_nodes(inner_, entry_, true, end_ - std::chrono::steady_clock::now());
      if (failures.empty()) {
        TRY(inner_.ledger.put(entry_));
        return entry_;
      }
      for (auto& failure : failures) {
        inner_.log.warn(
            "node_not_booted",
            {{"cluster", order_.cluster}, {"host", describe(entry_.nodes[failure.node].target)}, {"why", failure.error.message()}});
        if (!is_the_hosts(failure.error, failure.provider_code) || spare_.empty() || std::chrono::steady_clock::now() >= end_) {
          provider_code = failure.provider_code.empty() ? std::string(isobar::name_of(failure.error.code())) : failure.provider_code;
          return std::move(failure.error);
        }
        TRY(replace(failure.node));
      }
    }
  }

 private:
  Status plan(std::string& provider_code) {
    TRY_ASSIGN(const auto pool, inner_.pool(order_.offer.region));
    std::vector<SshTarget> targets;
    for (const auto& host : pool.hosts) targets.push_back(host.target);
    std::vector<HostNow> hosts;
    for (auto& asked : inner_.ask(targets)) {
      HostNow now{describe(asked.target), {}, {}};
      if (asked.report.ok()) now.report = std::move(*asked.report);
      else now.why = asked.report.error().message();
      hosts.push_back(std::move(now));
    }
    const auto fitting = hosts_with_room(hosts, share_, order_.offer.instance_type);
    if (fitting.size() < static_cast<std::size_t>(order_.count)) {
      provider_code = "InsufficientCapacity";
      return Error(Code::kExhausted,
                   fmt::format("pool {}: {}", pool.name, no_room(hosts, share_, order_.offer.instance_type, order_.count)));
    }
    entry_ = {order_.cluster, order_.token, pool.name, order_.user, share_, {}};
    for (std::size_t i = 0; i < fitting.size(); ++i) {
      LedgerNode node{static_cast<int>(i), targets[fitting[i]], hosts[fitting[i]].report->address, {}};
      if (i < static_cast<std::size_t>(order_.count)) {
        node.agent_token = secure_random_hex(32);
        entry_.nodes.push_back(std::move(node));
      } else {
        spare_.push_back(std::move(node));
      }
    }
    return inner_.ledger.put(entry_);
  }

  /// The host that failed may hold a node all the same; that is owed until it answers.
  Status replace(std::size_t index) {
    auto& node = entry_.nodes[index];
    LedgerEntry left = entry_;
    left.nodes = {node};
    if (!end_nodes(inner_, left, true).ok()) TRY(inner_.ledger.owe(left));
    const int rank = node.rank;
    const auto agent_token = node.agent_token;
    node = std::move(spare_.front());
    spare_.erase(spare_.begin());
    node.rank = rank;
    node.agent_token = agent_token;
    return inner_.ledger.put(entry_);
  }

  SshPoolProvider::Inner& inner_;
  const CreateOrder& order_;
  HostShare share_;
  std::chrono::steady_clock::time_point end_;
  LedgerEntry entry_;
  std::vector<LedgerNode> spare_;
};

}  // namespace

CreateOutcome SshPoolProvider::create(const CreateOrder& order, Duration deadline) {
  std::string provider_code;
  auto created = order.count < 1 ? Result<LedgerEntry>(invalid("a cluster has at least one node"))
                                 : Creation(*inner_, order, deadline).run(provider_code);
  auto listed = created.ok() ? list(order.cluster) : Result<std::vector<Instance>>(created.error());
  if (listed.ok()) return {std::move(*listed), {}};
  const auto error = listed.error();
  // What a host that does not answer may hold is owed, so that the launch goes on elsewhere instead of waiting for it.
  if (error.code() != Code::kAlreadyExists && error.code() != Code::kInvalidArgument && !terminate(order.cluster, kEndDeadline).ok())
    (void)forget(order.cluster).ok();
  if (provider_code.empty()) provider_code = std::string(isobar::name_of(error.code()));
  return {{}, CloudError{error, provider_code, scope_of_error("ssh", provider_code, order.offer)}};
}

std::map<std::string, Result<std::vector<Instance>>> SshPoolProvider::list_each(const std::vector<std::string>& clusters) {
  std::map<std::string, Result<std::vector<Instance>>> each;
  std::vector<LedgerEntry> entries;
  for (const auto& cluster : clusters) {
    auto entry = inner_->ledger.find(cluster);
    if (!entry.ok()) each.emplace(cluster, entry.error());
    else if (!*entry) each.emplace(cluster, std::vector<Instance>());
    else entries.push_back(std::move(**entry));
  }
  std::map<SshTarget, Result<HostReport>> reports;
  for (auto& asked : inner_->ask(targets_of(entries))) reports.emplace(asked.target, std::move(asked.report));
  for (const auto& entry : entries) {
    std::vector<Instance> instances;
    for (const auto& node : entry.nodes) {
      auto instance = instance_of(entry, node);
      const auto& report = reports.at(node.target);
      if (report.ok()) {
        const auto* found = find_node(*report, inner_->parts.owner, entry, node.rank);
        if (!found) continue;
        instance.state = found->state;
        instance.address = found->address;
        if (instance.state == InstanceState::kRunning) instance.agent_address = found->agent_address;
      } else {
        instance.problem = report.error().message();
      }
      instances.push_back(std::move(instance));
    }
    each.emplace(entry.cluster, std::move(instances));
  }
  return each;
}

Result<std::vector<Instance>> SshPoolProvider::list(const std::string& cluster) { return std::move(list_each({cluster}).at(cluster)); }

Result<std::vector<std::string>> SshPoolProvider::clusters() {
  for (const auto& entry : inner_->ledger.owed())
    if (end_nodes(*inner_, entry, true).ok()) {
      inner_->log.info("owed_nodes_ended", {{"cluster", entry.cluster}});
      TRY(inner_->ledger.settle(entry));
    }
  return inner_->ledger.clusters();
}

Status SshPoolProvider::stop(const std::string& cluster, Duration) {
  TRY_ASSIGN(const auto entry, inner_->ledger.find(cluster));
  if (!entry) return not_found("there is no cluster " + cluster + " on any SSH pool");
  return end_nodes(*inner_, *entry, false);
}

Result<std::vector<Instance>> SshPoolProvider::start(const std::string& cluster, Duration deadline) {
  TRY_ASSIGN(auto entry, inner_->ledger.find(cluster));
  if (!entry) return not_found("there is no cluster " + cluster + " on any SSH pool");
  if (auto failures = boot_nodes(*inner_, *entry, false, deadline); !failures.empty()) return std::move(failures.front().error);
  TRY(inner_->ledger.put(*entry));
  return list(cluster);
}

Status SshPoolProvider::terminate(const std::string& cluster, Duration) {
  TRY_ASSIGN(const auto entry, inner_->ledger.find(cluster));
  if (!entry) return {};
  TRY(end_nodes(*inner_, *entry, true));
  return inner_->ledger.remove(cluster);
}

Status SshPoolProvider::forget(const std::string& cluster) {
  TRY_ASSIGN(const auto entry, inner_->ledger.find(cluster));
  if (!entry) return {};
  TRY(inner_->ledger.owe(*entry));
  return inner_->ledger.remove(cluster);
}

Result<std::optional<Fd>> SshPoolProvider::open_agent(const Instance& instance, Duration deadline) {
  TRY_ASSIGN(const auto entry, inner_->ledger.find(instance.cluster));
  const auto node =
      entry ? std::find_if(entry->nodes.begin(), entry->nodes.end(), [&](const LedgerNode& each) { return each.rank == instance.rank; })
            : std::vector<LedgerNode>::const_iterator();
  if (!entry || node == entry->nodes.end())
    return not_found(fmt::format("there is no node {} of cluster '{}'", instance.rank, instance.cluster));
  TRY_ASSIGN(const auto client, inner_->client(node->target));
  TRY_ASSIGN(auto socket, client.open_agent(instance.agent_address, {}, deadline));
  return std::optional<Fd>(std::move(socket));
}

}  // namespace isobar::cloud
