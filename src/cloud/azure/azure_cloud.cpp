#include "azure_cloud.h"

#include <fmt/format.h>

#include "azure_refusals.h"
#include "base/await.h"
#include "base/parallel.h"
#include "base/text.h"
#include "launch_rules.h"
#include "storage/azure_access.h"

namespace isobar::cloud::azure {

namespace {

constexpr const char* kBase = "https://management.azure.com";
constexpr const char* kResource = "https://management.azure.com/";
constexpr Duration kCheckDeadline = 15s;
constexpr std::size_t kAtOnce = 8;

std::string profile_of(const storage::Surroundings& surroundings) {
  const std::string folder = surroundings.variable_or("AZURE_CONFIG_DIR", surroundings.path("~/.azure"));
  const auto text = surroundings.read_file(folder + "/azureProfile.json");
  return text.ok() ? *text : "";
}

/// Whether there is anything at all that could let this user in, told without asking anyone.
bool may_have_credentials(const storage::Surroundings& surroundings) {
  if (surroundings.variable("AZURE_CLIENT_ID") || surroundings.variable("IDENTITY_ENDPOINT")) return true;
  if (!profile_of(surroundings).empty()) return true;
  // Every machine of Azure's has this number on its case.
  const auto tag = surroundings.read_file("/sys/class/dmi/id/chassis_asset_tag");
  return tag.ok() && tag->find("7783-7084-3265-9085-8269-3286-77") != std::string::npos;
}

/// Errors   kNotFound: none is set, with the mend
Result<std::string> find_subscription(const storage::Surroundings& surroundings) {
  std::string id = surroundings.variable_or("AZURE_SUBSCRIPTION_ID", surroundings.variable_or("ARM_SUBSCRIPTION_ID"));
  if (id.empty()) id = default_subscription(profile_of(surroundings));
  if (id.empty()) return not_found("no subscription of Azure is set; run `az login` and `az account set`, or set AZURE_SUBSCRIPTION_ID");
  if (!is_subscription(id)) return invalid("AZURE_SUBSCRIPTION_ID is no id of a subscription; see `az account list`");
  return id;
}

class AzureMaker final : public MachineMaker {
 public:
  AzureMaker(ArmApi api, CreateOrder order, std::string owner, std::string group, std::string subnet, std::string security_group,
             std::string public_line)
      : api_(std::move(api)),
        order_(std::move(order)),
        owner_(std::move(owner)),
        group_(std::move(group)),
        subnet_(std::move(subnet)),
        security_group_(std::move(security_group)),
        public_line_(std::move(public_line)) {}

  /// A PUT of a name: repeated, it finds what it made.
  Answer<std::string> make(int rank, Instant) override {
    TRY_ASSIGN(const auto image, find_image(order_.image, order_.offer));
    const MachineId id{group_, machine_name(group_, rank, order_.generation)};
    TRY(api_.put_machine(id, machine_body(order_, mark_for(order_, owner_, rank, kLogin), image, subnet_, security_group_, public_line_)));
    return id.text();
  }

 private:
  const ArmApi api_;
  const CreateOrder order_;
  const std::string owner_, group_, subnet_, security_group_, public_line_;
};

}  // namespace

Result<std::shared_ptr<AzureCloud::Account>> AzureCloud::account() {
  const MutexLock lock(mutex_);
  if (account_) return account_;
  TRY_ASSIGN(const std::string subscription, find_subscription(parts_.surroundings));
  const auto source = storage::find_entra_access(parts_.surroundings, kResource, parts_.transport, parts_.pace.clock);
  RestClient::Dialect dialect{.shown = std::string(kShown), .parse_refusal = parse_refusal, .rows = kRefusals};
  dialect.authorize = [source]() -> Result<net::Headers> {
    TRY_ASSIGN(const auto credentials, await_outcome<storage::AzureCredentials>([&](auto done) { source->get(done); }));
    return net::Headers{{"Authorization", "Bearer " + credentials.bearer}};
  };
  dialect.renewed = [source](const RestRefusal& refusal) {
    if (refusal.status != 401) return false;
    if (const auto stale = await_outcome<storage::AzureCredentials>([&](auto done) { source->get(done); }); stale.ok())
      source->forget(*stale);
    return true;
  };
  std::string base = parts_.surroundings.variable_or("AZURE_RESOURCE_MANAGER_URL", kBase);
  while (base.ends_with('/')) base.pop_back();
  account_ = std::make_shared<Account>(Account{RestClient(std::move(dialect), parts_.transport, parts_.pace), base, subscription});
  return account_;
}

Result<ArmApi> AzureCloud::in(const std::string& subscription, Instant end) {
  TRY_ASSIGN(const auto account, this->account());
  return ArmApi(account->client, account->base, subscription, end);
}

Status AzureCloud::sign_in() {
  TRY(account());
  return {};
}

Status AzureCloud::check_order(const CreateOrder& order) const { return azure::check_order(order); }

Answer<std::string> AzureCloud::place_of(const CreateOrder&) {
  TRY_ASSIGN(const auto account, this->account());
  return account->subscription;
}

std::set<std::string> AzureCloud::usual_places() {
  const auto account = this->account();
  return account.ok() ? std::set<std::string>{(*account)->subscription} : std::set<std::string>();
}

Status AzureCloud::check() {
  if (!may_have_credentials(parts_.surroundings)) return not_found("no credentials of Azure; run `az login`");
  TRY_ASSIGN(const auto account, this->account());
  TRY_ASSIGN(const auto api, in(account->subscription, parts_.pace.now() + kCheckDeadline));
  if (const auto name = api.subscription(); !name.ok()) return name.error();
  return {};
}

std::vector<std::string> AzureCloud::facts() {
  const auto account = this->account();
  if (!account.ok()) return {};
  const auto api = in((*account)->subscription, parts_.pace.now() + kCheckDeadline);
  const auto name = api.ok() ? api->subscription() : Answer<std::string>(api.error());
  if (!name.ok()) return {};
  return {fmt::format("signed in to the subscription '{}' of Azure", one_line(*name))};
}

namespace {

/// Fails fast where a quota cannot hold the order. Passes where quotas may not be read.
Answer<Nothing> check_quota(const ArmApi& api, const CreateOrder& order) {
  const auto usages = api.usages(order.offer.region);
  const auto found = usages.ok() ? short_usage(order, *usages) : std::nullopt;
  if (!found) return Nothing{};
  const int machines = order.generation == 0 ? order.count : 1;
  return Refused(
      Error(Code::kExhausted,
            fmt::format("the subscription's quota '{}' in {} is {:g} vCPUs, of which {:g} are used; {} × {} takes {:g}; ask for more "
                        "at https://portal.azure.com/#view/Microsoft_Azure_Capacity/QuotaMenuBlade",
                        found->name, order.offer.region, found->limit, found->used, machines, order.offer.instance_type,
                        order.offer.vcpus * machines)),
      "QuotaExceeded");
}

}  // namespace

Answer<std::unique_ptr<MachineMaker>> AzureCloud::prepare(const CreateOrder& order, const OwnKey& key, Instant end) {
  TRY_ASSIGN(const auto account, this->account());
  TRY_ASSIGN(const auto api, in(account->subscription, end));
  TRY(check_quota(api, order));
  const std::string& region = order.offer.region;
  const std::string group = group_name(order.cluster, parts_.owner, order.token, region);
  // A node that is made again joins the network that is there. To put it anew would end what is let in to the cluster, and its group's
  // mark.
  if (order.generation > 0) {
    const auto within = [&](const char* type) { return api.resource_id(group, type, "isobar"); };
    return std::unique_ptr<MachineMaker>(std::make_unique<AzureMaker>(api, order, parts_.owner, group,
                                                                      within("Microsoft.Network/virtualNetworks") + "/subnets/nodes",
                                                                      within("Microsoft.Network/networkSecurityGroups"), key.public_line));
  }
  // First, with its mark: whatever a crash leaves is in it.
  TRY(api.put_group(group, group_body(order, mark_for(order, parts_.owner, 0, kLogin))));
  TRY_ASSIGN(const std::string security_group,
             api.put(group, "Microsoft.Network/networkSecurityGroups", "isobar", security_group_body(region)));
  TRY_ASSIGN(const std::string network,
             api.put(group, "Microsoft.Network/virtualNetworks", "isobar", network_body(region, security_group)));
  return std::unique_ptr<MachineMaker>(
      std::make_unique<AzureMaker>(api, order, parts_.owner, group, network + "/subnets/nodes", security_group, key.public_line));
}

Answer<std::vector<CloudMachine>> AzureCloud::machines(const std::string& subscription, const Wanted& wanted, Instant end) {
  TRY_ASSIGN(const auto api, in(subscription, end));
  TRY_ASSIGN(auto machines, api.machines(wanted.owner));
  std::erase_if(machines, [&](const CloudMachine& machine) { return !wanted.covers(machine.mark); });
  for (CloudMachine& machine : machines) {
    machine.taken_away = machine.spot && (machine.state == InstanceState::kStopped || machine.state == InstanceState::kStopping);
    if (machine.taken_away) machine.reason = "Azure took the spot machine back (preempted); its disk is kept";
  }
  return machines;
}

Answer<Nothing> AzureCloud::for_each(const std::string& subscription, const std::vector<std::string>& ids, Instant end,
                                     Answer<Nothing> (ArmApi::*act)(const MachineId&) const) {
  TRY_ASSIGN(const auto api, in(subscription, end));
  std::vector<Answer<Nothing>> outcomes(ids.size(), Nothing{});
  for_each_at_once(ids.size(), kAtOnce, [&](std::size_t i) {
    const auto id = parse_id(ids[i]);
    outcomes[i] = id.ok() ? (api.*act)(*id) : Answer<Nothing>(id.error());
  });
  for (const auto& outcome : outcomes)
    if (!outcome.ok()) return outcome.error();
  return Nothing{};
}

Answer<Nothing> AzureCloud::stop(const std::string& subscription, const std::vector<std::string>& ids, Instant end) {
  return for_each(subscription, ids, end, &ArmApi::deallocate);
}

Answer<Nothing> AzureCloud::start(const std::string& subscription, const std::vector<std::string>& ids, Instant end) {
  return for_each(subscription, ids, end, &ArmApi::start);
}

Answer<std::set<std::string>> AzureCloud::remove(const std::string& subscription, const std::vector<std::string>& ids, Instant end) {
  TRY(for_each(subscription, ids, end, &ArmApi::delete_machine));
  return std::set<std::string>(ids.begin(), ids.end());
}

Answer<Nothing> AzureCloud::open_ports(const std::string& subscription, const std::vector<CloudMachine>& machines, const Ports& ports,
                                       Instant end) {
  TRY_ASSIGN(const auto api, in(subscription, end));
  std::set<std::string> groups;
  for (const auto& machine : machines) {
    TRY_ASSIGN(const auto id, parse_id(machine.id));
    groups.insert(id.group);
  }
  for (const auto& group : groups)
    TRY(api.put(group, "Microsoft.Network/networkSecurityGroups/isobar/securityRules", "ports", ports_rule_body(ports)));
  return Nothing{};
}

Answer<std::set<std::string>> AzureCloud::clusters_with_remains(const std::string& subscription, const std::string& owner, Instant end) {
  TRY_ASSIGN(const auto api, in(subscription, end));
  TRY_ASSIGN(const auto groups, api.groups(owner));
  std::set<std::string> clusters;
  for (const Group& group : groups)
    if (!group.ends && !group.mark.cluster.empty()) clusters.insert(group.mark.cluster);
  return clusters;
}

Answer<Nothing> AzureCloud::after_removal(const std::string& subscription, const Wanted& wanted, Instant end) {
  TRY_ASSIGN(const auto api, in(subscription, end));
  TRY_ASSIGN(const auto groups, api.groups(wanted.owner));
  for (const Group& group : groups)
    if (!group.ends && wanted.covers(group.mark)) TRY(api.delete_group(group.name));
  return Nothing{};
}

}  // namespace isobar::cloud::azure
