#include "gcp_cloud.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/await.h"
#include "base/parallel.h"
#include "base/text.h"
#include "gcp_refusals.h"
#include "project.h"

namespace isobar::cloud::gcp {

namespace {

constexpr const char* kBase = "https://compute.googleapis.com/compute/v1";
constexpr const char* kNetwork = "default";
constexpr Duration kCheckDeadline = 10s, kMetadataStall = 2s;
constexpr std::size_t kAtOnce = 8;

/// Whether there is anything at all that could let this user in, told without asking anyone.
bool may_have_credentials(const storage::Surroundings& surroundings) {
  if (surroundings.variable("GOOGLE_APPLICATION_CREDENTIALS") || surroundings.variable("GCE_METADATA_HOST")) return true;
  const std::string folder = surroundings.variable_or("CLOUDSDK_CONFIG", surroundings.path("~/.config/gcloud"));
  if (surroundings.read_file(folder + "/application_default_credentials.json").ok()) return true;
  const auto vendor = surroundings.read_file("/sys/class/dmi/id/product_name");
  return vendor.ok() && vendor->find("Google") != std::string::npos;
}

/// The project of the machine that this runs on. Errors   kNotFound: it is none of Google's, with the mend
Result<std::string> project_of_machine(const storage::Surroundings& surroundings, net::HttpTransport& transport) {
  net::HttpRequest request;
  const std::string host = surroundings.variable_or("GCE_METADATA_HOST", "metadata.google.internal");
  TRY_ASSIGN(request.url, net::parse_url("http://" + host + "/computeMetadata/v1/project/project-id").context("GCE_METADATA_HOST"));
  request.headers.add("Metadata-Flavor", "Google");
  request.stall_max = kMetadataStall;
  const auto answer = transport.fetch(std::move(request));
  if (answer.ok() && answer->ok() && is_project(trim(answer->body))) return std::string(trim(answer->body));
  return not_found("no project of Google Cloud is set; run `gcloud config set project PROJECT`, or set GOOGLE_CLOUD_PROJECT");
}

class GcpMaker final : public MachineMaker {
 public:
  GcpMaker(ComputeApi api, CreateOrder order, std::string owner, InsertOrder machine)
      : api_(std::move(api)), order_(std::move(order)), owner_(std::move(owner)), machine_(std::move(machine)) {}

  /// The name is made from the order's token and the rank, and Google keeps names apart: what has it is this machine.
  Answer<std::string> make(int rank, Instant) override {
    InsertOrder machine = machine_;
    machine.name = machine_name(order_.cluster, owner_, attempt_of(order_), rank);
    machine.mark = mark_for(order_, owner_, rank, kLogin);
    const MachineId id{order_.offer.zone, machine.name};
    const auto made =
        api_.insert(id.zone, insert_body(order_, machine), request_id(owner_ + "\n" + attempt_of(order_) + "\n" + machine.name),
                    fmt::format("insert node {} of {}", rank, order_.cluster));
    if (!made.ok() && !made.refused_with("RESOURCE_ALREADY_EXISTS")) return made.error();
    return id.text();
  }

 private:
  const ComputeApi api_;
  const CreateOrder order_;
  const std::string owner_;
  const InsertOrder machine_;
};

/// The first of the candidates that there is.
Answer<Image> find_image(const ComputeApi& api, const CreateOrder& order) {
  TRY_ASSIGN(const auto candidates, image_candidates(order.image, order.offer));
  std::optional<Refused> missing;
  for (const auto& path : candidates) {
    auto image = api.image(path);
    if (image.ok()) {
      const std::string& architecture = image->architecture;
      if (architecture.empty() || architecture == order.offer.architecture) return image;
      return Refused(invalid(fmt::format("the image {} is for {}, {} has {}", path, architecture, order.offer.instance_type,
                                         order.offer.architecture)),
                     "IMAGE_NOT_FOUND");
    }
    if (image.error().code() != Code::kNotFound && image.error().code() != Code::kPermissionDenied) return image;
    missing = image.error();
  }
  return Refused(missing->Error::context("no image that suits the machine; name one with image_id"), "IMAGE_NOT_FOUND");
}

/// Fails fast where a quota cannot hold the order: new projects have no GPUs at all, and few vCPUs. Passes where quotas may not be read.
Answer<Nothing> check_quota(const ComputeApi& api, const CreateOrder& order) {
  const auto regional = api.regional_quotas(region_of(order.offer.zone)), global = api.project_quotas();
  const std::vector<Quota> none;
  const auto found = short_quota(order, regional.ok() ? *regional : none, global.ok() ? *global : none);
  if (!found) return Nothing{};
  return Refused(
      Error(Code::kExhausted, fmt::format("the project's quota {} is {:g}, of which {:g} are used; {} × {} takes {:g}; ask for more at "
                                          "https://console.cloud.google.com/iam-admin/quotas",
                                          found->quota.metric, found->quota.limit, found->quota.usage,
                                          order.generation == 0 ? order.count : 1, order.offer.instance_type, found->wanted)),
      "QUOTA_EXCEEDED: " + found->quota.metric);
}

}  // namespace

Result<std::shared_ptr<GcpCloud::Account>> GcpCloud::account() {
  const MutexLock lock(mutex_);
  if (account_) return account_;
  TRY_ASSIGN(const auto access, storage::find_google_access(parts_.surroundings, parts_.transport, parts_.pace.clock));
  // What the user set goes before the project that the credentials are of.
  std::string project = parts_.surroundings.variable_or("GOOGLE_CLOUD_PROJECT", parts_.surroundings.variable_or("CLOUDSDK_CORE_PROJECT"));
  if (project.empty()) project = configured_project(parts_.surroundings);
  if (project.empty()) project = access.project;
  if (project.empty()) {
    TRY_ASSIGN(project, project_of_machine(parts_.surroundings, parts_.transport));
  }
  if (!is_project(project)) return invalid(fmt::format("'{}' is no project of Google Cloud", project.substr(0, 100)));
  RestClient::Dialect dialect{.shown = std::string(kShown), .parse_refusal = parse_refusal, .rows = kRefusals};
  dialect.authorize = [source = access.credentials]() -> Result<net::Headers> {
    TRY_ASSIGN(const auto credentials, await_outcome<storage::GcsCredentials>([&](auto done) { source->get(done); }));
    return net::Headers{{"Authorization", "Bearer " + credentials.bearer}};
  };
  dialect.renewed = [source = access.credentials](const RestRefusal& refusal) {
    if (refusal.status != 401) return false;
    if (const auto stale = await_outcome<storage::GcsCredentials>([&](auto done) { source->get(done); }); stale.ok())
      source->forget(*stale);
    return true;
  };
  dialect.is_throttling = [](const RestRefusal& refusal) { return refusal.code == "RATE_LIMIT_EXCEEDED"; };
  std::string base = parts_.surroundings.variable_or("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", kBase);
  while (base.ends_with('/')) base.pop_back();
  account_ = std::make_shared<Account>(Account{RestClient(std::move(dialect), parts_.transport, parts_.pace), base, project});
  return account_;
}

Result<ComputeApi> GcpCloud::in(const std::string& project, Instant end) {
  TRY_ASSIGN(const auto account, this->account());
  return ComputeApi(account->client, account->base, project, end);
}

Status GcpCloud::sign_in() {
  TRY(account());
  return {};
}

Status GcpCloud::check_order(const CreateOrder& order) const { return gcp::check_order(order); }

Answer<std::string> GcpCloud::place_of(const CreateOrder&) {
  TRY_ASSIGN(const auto account, this->account());
  return account->project;
}

std::set<std::string> GcpCloud::usual_places() {
  const auto account = this->account();
  return account.ok() ? std::set<std::string>{(*account)->project} : std::set<std::string>();
}

Status GcpCloud::check() {
  if (!may_have_credentials(parts_.surroundings))
    return not_found("no credentials of Google Cloud; run `gcloud auth application-default login`");
  TRY_ASSIGN(const auto account, this->account());
  TRY_ASSIGN(const auto api, in(account->project, parts_.pace.now() + kCheckDeadline));
  if (const auto quotas = api.project_quotas(); !quotas.ok()) return quotas.error();
  return {};
}

std::vector<std::string> GcpCloud::facts() {
  const auto account = this->account();
  if (!account.ok()) return {};
  const auto api = in((*account)->project, parts_.pace.now() + kCheckDeadline);
  const auto quotas = api.ok() ? api->project_quotas() : Answer<std::vector<Quota>>(api.error());
  if (!quotas.ok()) return {};
  std::vector<std::string> facts = {fmt::format("signed in to the project {} of Google Cloud", (*account)->project)};
  for (const Quota& quota : *quotas)
    if (quota.metric == "GPUS_ALL_REGIONS")
      facts.push_back(fmt::format("its quota of GPUs in all regions is {:g}, of which {:g} are used", quota.limit, quota.usage));
  return facts;
}

Answer<std::unique_ptr<MachineMaker>> GcpCloud::prepare(const CreateOrder& order, const OwnKey& key, Instant end) {
  TRY_ASSIGN(const auto account, this->account());
  TRY_ASSIGN(const auto api, in(account->project, end));
  TRY(check_quota(api, order));
  TRY_ASSIGN(const auto image, find_image(api, order));
  const std::string network = fmt::format("global/networks/{}", kNetwork);
  const auto there = api.network(kNetwork);
  if (there.refused_with("RESOURCE_NOT_FOUND"))
    return Refused(not_found(fmt::format("the project {} has no network 'default'; make it with `gcloud compute networks create default "
                                         "--subnet-mode=auto --project {}`",
                                         account->project, account->project)),
                   "VPC_NOT_FOUND");
  if (!there.ok()) return there.error();
  for (const Ingress ingress : {Ingress::kSshFromAnywhere, Ingress::kWithin})
    TRY(api.have_firewall(ingress, fmt::format("projects/{}/{}", account->project, network)));
  InsertOrder machine{.name = {}, .network = network, .image = image.self};
  machine.disk_gb = std::max<std::uint64_t>({order.disk_gb, image.disk_gb, 10});
  machine.public_key_line = key.public_line;
  return std::unique_ptr<MachineMaker>(std::make_unique<GcpMaker>(api, order, parts_.owner, std::move(machine)));
}

// Trouble with the question leaves them as stopped, which they are as well.
void GcpCloud::tell_preempted(const ComputeApi& api, std::vector<CloudMachine>& machines) const {
  std::map<std::string, std::set<std::string>> taken;
  for (CloudMachine& machine : machines) {
    const bool is_off = machine.state == InstanceState::kStopped || machine.state == InstanceState::kStopping;
    const auto id = parse_id(machine.id);
    if (!machine.spot || !is_off || !id.ok()) continue;
    if (!taken.contains(id->zone)) {
      const auto told = api.preempted(id->zone);
      taken[id->zone] = told.ok() ? *told : std::set<std::string>();
    }
    machine.taken_away = taken[id->zone].contains(id->name);
    if (machine.taken_away) machine.reason = "Google Cloud took the spot machine back (preempted); its disk is kept";
  }
}

Answer<std::vector<CloudMachine>> GcpCloud::machines(const std::string& project, const Wanted& wanted, Instant end) {
  TRY_ASSIGN(const auto api, in(project, end));
  TRY_ASSIGN(auto machines, api.machines(wanted.owner));
  std::erase_if(machines, [&](const CloudMachine& machine) { return !wanted.covers(machine.mark); });
  tell_preempted(api, machines);
  return machines;
}

Answer<Nothing> GcpCloud::for_each(const std::string& project, const std::vector<std::string>& ids, Instant end,
                                   Answer<Nothing> (ComputeApi::*act)(const MachineId&) const) {
  TRY_ASSIGN(const auto api, in(project, end));
  std::vector<Answer<Nothing>> outcomes(ids.size(), Nothing{});
  for_each_at_once(ids.size(), kAtOnce, [&](std::size_t i) {
    const auto id = parse_id(ids[i]);
    outcomes[i] = id.ok() ? (api.*act)(*id) : Answer<Nothing>(id.error());
  });
  for (const auto& outcome : outcomes)
    if (!outcome.ok()) return outcome.error();
  return Nothing{};
}

Answer<Nothing> GcpCloud::stop(const std::string& project, const std::vector<std::string>& ids, Instant end) {
  return for_each(project, ids, end, &ComputeApi::stop);
}

Answer<Nothing> GcpCloud::start(const std::string& project, const std::vector<std::string>& ids, Instant end) {
  return for_each(project, ids, end, &ComputeApi::start);
}

Answer<std::set<std::string>> GcpCloud::remove(const std::string& project, const std::vector<std::string>& ids, Instant end) {
  TRY(for_each(project, ids, end, &ComputeApi::remove));
  return std::set<std::string>(ids.begin(), ids.end());
}

Answer<Nothing> GcpCloud::open_ports(const std::string& project, const std::vector<CloudMachine>& machines, const Ports& ports,
                                     Instant end) {
  if (machines.empty()) return Nothing{};
  TRY_ASSIGN(const auto api, in(project, end));
  const std::string& cluster = machines.front().mark.cluster;
  return api.put_firewall(ports_rule_name(parts_.owner, cluster),
                          ports_rule_body(parts_.owner, cluster, fmt::format("projects/{}/global/networks/{}", project, kNetwork), ports));
}

Answer<std::set<std::string>> GcpCloud::clusters_with_remains(const std::string& project, const std::string& owner, Instant end) {
  TRY_ASSIGN(const auto api, in(project, end));
  return api.clusters_with_rules(ports_rule_mark(owner));
}

// A rule costs nothing, and whoever may not delete one has made none.
Answer<Nothing> GcpCloud::after_removal(const std::string& project, const Wanted& wanted, Instant end) {
  if (!wanted.cluster || wanted.token) return Nothing{};
  TRY_ASSIGN(const auto api, in(project, end));
  auto gone = api.remove_firewall(ports_rule_name(wanted.owner, *wanted.cluster));
  if (!gone.ok() && gone.error().code() == Code::kPermissionDenied) return Nothing{};
  return gone;
}

}  // namespace isobar::cloud::gcp
