#include "cloud/ec2_provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "account.h"
#include "base/text.h"
#include "fleet.h"
#include "launch.h"
#include "regions_used.h"
#include "tags.h"

namespace isobar::cloud {

using namespace ec2;

namespace {

constexpr Duration kAskDeadline = 30s;
constexpr Duration kCheckDeadline = 10s;
// What cleaning up may take beyond a deadline that has passed: leaving machines behind costs more.
constexpr Duration kUndoDeadline = 2min;

using ByRegion = std::map<std::string, std::vector<Machine>>;

bool by_rank(const Machine& a, const Machine& b) { return rank_of(a) < rank_of(b); }

std::vector<Instance> instances_of(const std::vector<Machine>& machines, const std::string& region) {
  std::vector<Instance> instances;
  for (const Machine& machine : machines) instances.push_back(instance_of(machine, region));
  return instances;
}

/// 0: a tag that is missing or was tampered with.
double number_of(const std::string& text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() && number >= 0 && number <= 1e6 ? number : 0;
}

NodeSetupOrder setup_order_of(const std::string& cluster, const std::string& region, const std::vector<Machine>& machines,
                              const fs::path& identity_file) {
  const Machine& first = machines.front();
  NodeSetupOrder order{.cluster = cluster, .cloud = "aws", .region = region, .zone = first.tag(kZoneTag)};
  order.vcpus = number_of(first.tag(kVcpusTag));
  order.gpus = number_of(first.tag(kGpusTag));
  for (const Machine& machine : machines)
    order.nodes.push_back({rank_of(machine), machine.private_address, machine.id,
                           SshTarget{.host = machine.public_address.empty() ? machine.private_address : machine.public_address,
                                     .user = machine.tag(kLoginTag),
                                     .identity_file = identity_file}});
  return order;
}

/// A cluster is in one region, unless a crash came between leaving one and going to the next.
Result<ByRegion::value_type> only_region(ByRegion found, const std::string& cluster) {
  if (found.empty()) return not_found(fmt::format("there is no cluster {} on aws", cluster));
  if (found.size() > 1)
    return Error(Code::kConflict, fmt::format("the cluster {} has machines in {} and in {}; take it down and launch it again", cluster,
                                              found.begin()->first, std::next(found.begin())->first));
  return *found.begin();
}

/// All nodes that the cluster was made of, each once.
Status check_complete(const std::string& cluster, const std::vector<Machine>& machines) {
  const auto nodes = static_cast<int>(number_of(machines.front().tag(kNodesTag)));
  std::set<int> ranks;
  for (const Machine& machine : machines) ranks.insert(rank_of(machine));
  for (int rank = 0; rank < nodes; ++rank)
    if (!ranks.contains(rank))
      return not_found(fmt::format("start cluster {} on aws: node {} was terminated, and its disk with it", cluster, rank));
  return {};
}

}  // namespace

Ec2Provider::Ec2Provider(Parts parts) : parts_(std::move(parts)) { CHECK(!parts_.settings.owner.empty()); }
Ec2Provider::~Ec2Provider() = default;

Result<std::shared_ptr<Account>> Ec2Provider::account() {
  const MutexLock lock(mutex_);
  if (!account_) {
    TRY_ASSIGN(account_, open_account(parts_));
  }
  return account_;
}

namespace {

/// Whether there is anything at all that could let this user in, told without asking anyone: a machine that is none of Amazon's would
/// wait seconds for an answer of Amazon's metadata service.
bool may_have_credentials(const storage::Surroundings& surroundings) {
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                           "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_SERVICE_ENDPOINT"})
    if (surroundings.variable(name)) return true;
  for (const auto& file : {surroundings.variable_or("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
                           surroundings.variable_or("AWS_CONFIG_FILE", "~/.aws/config")})
    if (surroundings.read_file(surroundings.path(file)).ok()) return true;
  const auto vendor = surroundings.read_file("/sys/class/dmi/id/sys_vendor");
  return vendor.ok() && vendor->find("Amazon") != std::string::npos;
}

}  // namespace

Status Ec2Provider::check() {
  if (!may_have_credentials(parts_.surroundings)) return not_found("no AWS credentials; run `aws configure` or `aws sso login`");
  TRY_ASSIGN(const auto account, this->account());
  const auto identity = account->in(account->region, kCheckDeadline).identity();
  if (identity.ok()) return {};
  if (identity.error().aws_code == "CredentialsNotFound")
    return Error(identity.error().code(),
                 "no AWS credentials; run `aws configure` or `aws sso login` (" + identity.error().message() + ")");
  return identity.error();
}

std::vector<std::string> Ec2Provider::facts() {
  const auto account = this->account();
  if (!account.ok()) return {};
  std::vector<std::string> facts;
  if (const auto arn = (*account)->in((*account)->region, kCheckDeadline).identity(); arn.ok())
    facts.push_back(fmt::format("signed in to AWS as {}", *arn));
  if (const auto regions = (*account)->regions(); regions.ok())
    facts.push_back(fmt::format("machines of ours are looked for in {}", fmt::join(*regions, ", ")));
  return facts;
}

namespace {

/// What `create` does, to the end or to the first refusal.
Answer<std::vector<Instance>> bring_up_cluster(Account& account, RegionApi& api, const LaunchOrder& launch, const Ec2Settings& settings,
                                               NodeSetup& setup, std::vector<std::string>& made) {
  TRY_ASSIGN(const auto key, own_key(settings.home));
  TRY(account.regions_used.add(api.region()));
  TRY_ASSIGN(const auto machines, ec2::launch(api, launch, key, made));
  const auto ready = setup.bring_up(setup_order_of(launch.order.cluster, api.region(), machines, key.private_file),
                                    std::max<Duration>(api.end() - api.now(), 1s));
  if (!ready.ok()) return Refused(ready.error(), "NodeSetupFailed");
  return instances_of(machines, api.region());
}

/// AWS answers AuthFailure to wrong credentials and in a region that the account has not enabled; only the first rules out all of it.
Refused told_apart(Account& account, const Refused& refused) {
  if (refused.aws_code != "AuthFailure" || !account.in(account.region, kCheckDeadline).identity().ok()) return refused;
  return {refused, "OptInRequired"};
}

}  // namespace

CreateOutcome Ec2Provider::create(const CreateOrder& order, Duration deadline) {
  const std::string intent = fmt::format("create cluster {} on aws in {}", order.cluster,
                                         order.offer.zone.empty() ? order.offer.region : order.offer.region + "/" + order.offer.zone);
  const auto failed = [&](const Refused& refused) {
    parts_.log.warn("cluster_not_created",
                    {{"cluster", order.cluster}, {"cloud", "aws"}, {"code", refused.aws_code}, {"why", refused.message()}});
    return CreateOutcome{
        {}, CloudError{refused.Error::context(intent), refused.aws_code, scope_of_error("aws", refused.aws_code, order.offer)}};
  };
  if (const auto checked = check_order(order); !checked.ok()) return failed(checked.error());
  const auto account = this->account();
  if (!account.ok()) return failed({account.error(), "CredentialsNotFound"});
  const LaunchOrder launch{order, order.image.empty() ? parts_.settings.image : order.image, parts_.settings.disk_type,
                           parts_.settings.owner};
  auto api = (*account)->in(order.offer.region, deadline);
  std::vector<std::string> made;
  auto created = bring_up_cluster(**account, api, launch, parts_.settings, parts_.setup, made);
  if (created.ok()) {
    parts_.log.info("cluster_created", {{"cluster", order.cluster}, {"cloud", "aws"}, {"region", api.region()}, {"nodes", order.count}});
    return {std::move(*created), {}};
  }
  // What another order made stays.
  if (created.error().code() == Code::kAlreadyExists) return failed(created.error());
  const Refused why = told_apart(**account, created.error());
  auto undoing = (*account)->in(order.offer.region, kUndoDeadline);
  const auto undone = undo_launch(undoing, launch, made);
  // Who is let in to nothing has made nothing either.
  const bool may_be_left = !undone.ok() && !(made.empty() && undone.error().code() == Code::kPermissionDenied);
  return failed(may_be_left ? why.context(fmt::format("machines may be left, as they could not be removed ({})", undone.error().message()))
                            : why);
}

Result<std::vector<Instance>> Ec2Provider::list(const std::string& cluster) {
  TRY_ASSIGN(const auto account, this->account());
  TRY_ASSIGN(const auto found, find_machines(*account, live(all_of_cluster(account->owner, cluster)), kAskDeadline));
  std::vector<Instance> instances;
  for (const auto& [region, machines] : found)
    for (auto& instance : instances_of(machines, region)) {
      instance.ssh.identity_file = parts_.settings.home / "ssh" / "id_ed25519";
      instances.push_back(std::move(instance));
    }
  std::stable_sort(instances.begin(), instances.end(), [](const Instance& a, const Instance& b) { return a.rank < b.rank; });
  return instances;
}

Result<std::vector<std::string>> Ec2Provider::clusters() {
  // Who never made anything there is not asked for credentials.
  TRY_ASSIGN(const auto used, RegionsUsed(parts_.settings.home / "aws" / "regions").read());
  if (used.empty()) return std::vector<std::string>();
  TRY_ASSIGN(const auto account, this->account());
  TRY_ASSIGN(const auto found, find_machines(*account, live(all_of_owner(account->owner)), kAskDeadline));
  std::set<std::string> names;
  for (const auto& [region, machines] : found)
    for (const Machine& machine : machines) names.insert(machine.tag(kClusterTag));
  return std::vector<std::string>(names.begin(), names.end());
}

Status Ec2Provider::stop(const std::string& cluster, Duration deadline) {
  TRY_ASSIGN(const auto account, this->account());
  const auto filters = all_of_cluster(account->owner, cluster);
  TRY_ASSIGN(const auto found, find_machines(*account, live(filters), kAskDeadline));
  if (found.empty()) return not_found(fmt::format("there is no cluster {} on aws", cluster));
  for (const auto& [region, machines] : found)
    for (const Machine& machine : machines)
      if (machine.spot)
        return invalid(fmt::format("stop cluster {}: spot machines of aws cannot be stopped; take the cluster down instead", cluster));
  const std::string intent = fmt::format("stop cluster {} on aws", cluster);
  for (const auto& [region, machines] : found) {
    auto api = account->in(region, deadline);
    if (const auto asked = api.stop(ids_of(machines)); !asked.ok()) return asked.error().context(intent);
    if (const auto stopped = await_stopped(api, filters, ids_of(machines)); !stopped.ok()) return stopped.error().context(intent);
  }
  parts_.log.info("cluster_stopped", {{"cluster", cluster}, {"cloud", "aws"}});
  return {};
}

Result<std::vector<Instance>> Ec2Provider::start(const std::string& cluster, Duration deadline) {
  TRY_ASSIGN(const auto account, this->account());
  const auto filters = all_of_cluster(account->owner, cluster);
  TRY_ASSIGN(auto found, find_machines(*account, live(filters), kAskDeadline));
  TRY_ASSIGN(auto place, only_region(std::move(found), cluster));
  auto& machines = place.second;
  TRY(check_complete(cluster, machines));
  auto api = account->in(place.first, deadline);
  std::vector<std::string> stopping, off;
  for (const Machine& machine : machines) {
    if (machine.state == "stopping") stopping.push_back(machine.id);
    if (machine.state == "stopping" || machine.state == "stopped") off.push_back(machine.id);
  }
  const std::string intent = fmt::format("start cluster {} on aws in {}", cluster, api.region());
  if (!stopping.empty())
    if (const auto stopped = await_stopped(api, filters, stopping); !stopped.ok()) return stopped.error().context(intent);
  if (!off.empty())
    if (const auto started = api.start(off); !started.ok()) return started.error().context(intent);
  auto running = await_running(api, filters, ids_of(machines));
  if (!running.ok()) return running.error().context(intent);
  std::sort(running->begin(), running->end(), by_rank);
  TRY_ASSIGN(const auto key, own_key(parts_.settings.home).context(intent));
  TRY(parts_.setup
          .bring_up(setup_order_of(cluster, api.region(), *running, key.private_file), std::max<Duration>(api.end() - api.now(), 1s))
          .context(intent));
  parts_.log.info("cluster_started", {{"cluster", cluster}, {"cloud", "aws"}});
  return instances_of(*running, api.region());
}

Status Ec2Provider::terminate(const std::string& cluster, Duration deadline) {
  TRY_ASSIGN(const auto account, this->account());
  const auto filters = all_of_cluster(account->owner, cluster);
  TRY(in_every_region(*account, [&](const std::string& region) {
        auto api = account->in(region, deadline);
        return remove_all(api, filters);
      }).context(fmt::format("terminate cluster {} on aws", cluster)));
  parts_.log.info("cluster_terminated", {{"cluster", cluster}, {"cloud", "aws"}});
  return {};
}

Result<std::optional<Fd>> Ec2Provider::open_agent(const Instance& instance, Duration) {
  TRY_ASSIGN(auto socket, parts_.setup.open_agent(instance.cluster, instance.rank));
  return std::optional<Fd>(std::move(socket));
}

}  // namespace isobar::cloud
