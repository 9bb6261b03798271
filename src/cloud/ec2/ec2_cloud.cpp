#include "ec2_cloud.h"

#include <fmt/format.h>

#include "launch_ground.h"
#include "open_ports.h"
#include "storage/aws_access.h"
#include "tags.h"

namespace isobar::cloud::ec2 {

namespace {

constexpr Duration kCheckDeadline = 10s;
constexpr const char* kRegionOfNone = "us-east-1";

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

class Ec2Maker final : public MachineMaker {
 public:
  Ec2Maker(RegionApi api, LaunchOrder launch, LaunchGround ground, std::string key_name)
      : api_(std::move(api)), launch_(std::move(launch)), ground_(std::move(ground)), key_name_(std::move(key_name)) {}

  /// Makes the machine, or finds the one that this very client token has made before of a request that differs: an alias may name a
  /// newer image by now.
  Answer<std::string> make(int rank, Instant) override {
    const RunOrder order = order_of(rank);
    auto machine = api_.run(order, "run " + order.tags.at("Name"));
    if (machine.refused_with("IdempotentParameterMismatch")) {
      TRY_ASSIGN(const auto made, api_.machines({{"client-token", {order.client_token}}}));
      if (!made.empty()) return made.front().id;
    }
    if (!machine.ok()) return machine.error();
    return machine->id;
  }

 private:
  RunOrder order_of(int rank) const {
    const CreateOrder& order = launch_.order;
    return {.client_token = client_token_of(attempt_of(order), rank),
            .image_id = ground_.image.id,
            .root_device = ground_.image.root_device,
            .instance_type = order.offer.instance_type,
            .key_name = key_name_,
            .subnet_id = ground_.subnet_id,
            .security_group_id = ground_.security_group_id,
            .disk_gb = ground_.disk_gb,
            .disk_type = launch_.disk_type,
            .spot = order.use_spot,
            .tags = tags_of(order, launch_.owner, rank, ground_.login_user)};
  }

  RegionApi api_;
  const LaunchOrder launch_;
  const LaunchGround ground_;
  const std::string key_name_;
};

}  // namespace

Result<std::shared_ptr<Ec2Cloud::Account>> Ec2Cloud::account() {
  const MutexLock lock(mutex_);
  if (!account_) {
    TRY_ASSIGN(const auto access,
               storage::find_aws_access(parts_.surroundings, parts_.settings.profile, parts_.transport, parts_.pace.clock));
    account_ = std::make_shared<Account>(Account{
        AwsClient({access.credentials, find_endpoints(parts_.surroundings), parts_.transport, parts_.pace.clock, parts_.pace.sleep}),
        access.region.empty() ? kRegionOfNone : access.region});
  }
  return account_;
}

Result<RegionApi> Ec2Cloud::in(const std::string& region, Instant end) {
  TRY_ASSIGN(const auto account, this->account());
  return RegionApi(account->client, region, end);
}

std::string Ec2Cloud::own_region() {
  const auto account = this->account();
  return account.ok() ? (*account)->region : kRegionOfNone;
}

Status Ec2Cloud::sign_in() {
  TRY(account());
  return {};
}

Status Ec2Cloud::check() {
  if (!may_have_credentials(parts_.surroundings)) return not_found("no AWS credentials; run `aws configure` or `aws sso login`");
  TRY(sign_in());
  TRY_ASSIGN(auto api, in(own_region(), parts_.pace.now() + kCheckDeadline));
  const auto identity = api.identity();
  if (identity.ok()) return {};
  if (identity.refused_with("CredentialsNotFound"))
    return Error(identity.error().code(),
                 "no AWS credentials; run `aws configure` or `aws sso login` (" + identity.error().message() + ")");
  return identity.error();
}

std::vector<std::string> Ec2Cloud::facts() {
  auto api = in(own_region(), parts_.pace.now() + kCheckDeadline);
  if (!api.ok()) return {};
  const auto arn = api->identity();
  if (!arn.ok()) return {};
  return {fmt::format("signed in to AWS as {}", *arn)};
}

Status Ec2Cloud::check_order(const CreateOrder& order) const { return ec2::check_order(order); }

// A region that the account has not enabled answers as if the credentials were wrong.
bool Ec2Cloud::is_closed(const Refused& refused) const {
  return refused.provider_code == "AuthFailure" || refused.provider_code == "OptInRequired";
}

// AWS answers AuthFailure to wrong credentials and in a region that the account has not enabled; only the first rules out all of it.
Refused Ec2Cloud::told_apart(const Refused& refused) {
  if (refused.provider_code != "AuthFailure") return refused;
  auto api = in(own_region(), parts_.pace.now() + kCheckDeadline);
  if (!api.ok() || !api->identity().ok()) return refused;
  return {refused, "OptInRequired"};
}

Answer<std::unique_ptr<MachineMaker>> Ec2Cloud::prepare(const CreateOrder& order, const OwnKey& key, Instant end) {
  const LaunchOrder launch{order, order.image.empty() ? parts_.settings.image : order.image, parts_.settings.disk_type,
                           parts_.settings.owner};
  TRY_ASSIGN(auto api, in(order.offer.region, end));
  TRY(check_quota(api, order));
  TRY_ASSIGN(auto ground, prepare_ground(api, launch, key));
  return std::unique_ptr<MachineMaker>(std::make_unique<Ec2Maker>(std::move(api), launch, std::move(ground), key.name));
}

Answer<std::vector<CloudMachine>> Ec2Cloud::machines(const std::string& region, const Wanted& wanted, Instant end) {
  TRY_ASSIGN(auto api, in(region, end));
  TRY_ASSIGN(const auto told, api.machines(machines_that_are(wanted)));
  std::vector<CloudMachine> machines;
  for (const Machine& machine : told) machines.push_back(machine_of(machine, region));
  return machines;
}

Answer<Nothing> Ec2Cloud::stop(const std::string& region, const std::vector<std::string>& ids, Instant end) {
  TRY_ASSIGN(auto api, in(region, end));
  TRY(api.stop(ids));
  return Nothing{};
}

Answer<Nothing> Ec2Cloud::set_own_end(const std::string& region, const std::vector<std::string>& ids, bool with_disks, Instant end) {
  TRY_ASSIGN(auto api, in(region, end));
  return api.set_shutdown_behavior(ids, with_disks);
}

Answer<Nothing> Ec2Cloud::start(const std::string& region, const std::vector<std::string>& ids, Instant end) {
  TRY_ASSIGN(auto api, in(region, end));
  TRY(api.start(ids));
  return Nothing{};
}

Answer<std::set<std::string>> Ec2Cloud::remove(const std::string& region, const std::vector<std::string>& ids, Instant end) {
  TRY_ASSIGN(auto api, in(region, end));
  TRY_ASSIGN(const auto states, api.terminate(ids));
  std::set<std::string> ended;
  for (const auto& [id, state] : states)
    if (state == "shutting-down" || state == "terminated") ended.insert(id);
  return ended;
}

Answer<Nothing> Ec2Cloud::open_ports(const std::string& region, const std::vector<CloudMachine>& machines, const Ports& ports,
                                     Instant end) {
  TRY_ASSIGN(auto api, in(region, end));
  return ec2::open_ports(api, machines, ports);
}

Answer<std::set<std::string>> Ec2Cloud::clusters_with_remains(const std::string& region, const std::string& owner, Instant end) {
  TRY_ASSIGN(auto api, in(region, end));
  auto clusters = clusters_with_groups(api, owner);
  // Whoever may not look at security groups has made none.
  if (clusters.refused_with("UnauthorizedOperation")) return std::set<std::string>();
  return clusters;
}

Answer<Nothing> Ec2Cloud::before_removal(const std::string& region, const Wanted& wanted, Instant end) {
  TRY_ASSIGN(auto api, in(region, end));
  auto filters = all_that_is(wanted);
  filters.push_back({"state", {"open", "active"}});
  const auto requests = api.spot_requests(filters);
  // Whoever may not ask for spot requests has none.
  if (!requests.ok() && !requests.refused_with("UnauthorizedOperation")) return requests.error();
  if (requests.ok()) TRY(api.cancel_spot_requests(*requests));
  if (!wanted.cluster || wanted.token) return Nothing{};
  const auto closed = close_ports(api, wanted.owner, *wanted.cluster);
  if (closed.refused_with("UnauthorizedOperation")) return Nothing{};
  return closed;
}

}  // namespace isobar::cloud::ec2
