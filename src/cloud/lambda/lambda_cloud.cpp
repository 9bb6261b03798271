#include "lambda_cloud.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cloud/made_once.h"
#include "requests.h"

namespace isobar::cloud::lambda {

namespace {

constexpr const char* kBase = "https://cloud.lambda.ai/api/v1";
constexpr const char* kKeyFile = "~/.lambda_cloud/lambda_keys";
constexpr const char* kLogin = "ubuntu";
constexpr Duration kCheckDeadline = 10s, kCapacityStays = 20s;

constexpr std::array kRows = {
    RefusalRow{"insufficient-capacity", Code::kExhausted},
    RefusalRow{"quota-exceeded", Code::kExhausted, "ask Lambda's support for a higher quota"},
    RefusalRow{"invalid-api-key", Code::kPermissionDenied, "make a new key at https://cloud.lambda.ai/api-keys"},
    RefusalRow{"account-inactive", Code::kPermissionDenied, "see the account's page at https://cloud.lambda.ai"},
    RefusalRow{"invalid-address", Code::kPermissionDenied, "enter a billing address at https://cloud.lambda.ai/settings"},
    RefusalRow{"object-does-not-exist", Code::kNotFound},
    RefusalRow{"duplicate", Code::kAlreadyExists},
    RefusalRow{"invalid-parameters", Code::kInvalidArgument},
    RefusalRow{"global/internal-error", Code::kUnavailable},
    RefusalRow{"global/unknown", Code::kUnavailable},
};

class LambdaMaker final : public MachineMaker {
 public:
  LambdaMaker(LambdaCloud& cloud, const RestClient& client, std::string base, CreateOrder order, std::string owner, std::string key_name)
      : cloud_(cloud),
        client_(client),
        base_(std::move(base)),
        order_(std::move(order)),
        owner_(std::move(owner)),
        key_name_(std::move(key_name)) {}

  Answer<std::string> make(int rank, Instant end) override {
    const Mark mark = mark_for(order_, owner_, rank, kLogin);
    const RestCall call{.doing = fmt::format("launch node {} of {}", rank, order_.cluster),
                        .method = "POST",
                        .url = base_ + "/instance-operations/launch",
                        .body = launch_body(order_, mark, key_name_),
                        .repeatable = false};
    const auto launch = [&]() -> Answer<std::string> {
      TRY_ASSIGN(const auto answer, client_.call(call, end));
      TRY_ASSIGN(const auto ids, parse_launch(answer).context(call.doing));
      return ids.front();
    };
    return make_once(client_.pace(), mark, end, launch,
                     [&] { return cloud_.machines("", {.owner = owner_, .cluster = mark.cluster, .token = mark.token}, end); });
  }

 private:
  LambdaCloud& cloud_;
  const RestClient& client_;
  const std::string base_;
  const CreateOrder order_;
  const std::string owner_, key_name_;
};

/// Errors   kNotFound: there is none, with the mend
Result<std::string> find_key(const storage::Surroundings& surroundings) {
  if (const auto key = surroundings.variable("LAMBDA_API_KEY")) return std::string(trim(*key));
  const auto text = surroundings.read_file(surroundings.path(kKeyFile));
  if (text.ok()) return parse_key_file(*text).context(kKeyFile);
  if (text.error().code() != Code::kNotFound) return text.error();
  return not_found(
      fmt::format("no API key of Lambda Cloud; make one at https://cloud.lambda.ai/api-keys and write `api_key = KEY` to {}, or set "
                  "LAMBDA_API_KEY",
                  kKeyFile));
}

}  // namespace

Result<std::shared_ptr<LambdaCloud::Account>> LambdaCloud::account() {
  const MutexLock lock(mutex_);
  if (!account_) {
    TRY_ASSIGN(const std::string key, find_key(parts_.surroundings));
    RestClient::Dialect dialect{.shown = "Lambda Cloud", .parse_refusal = parse_refusal, .rows = kRows};
    dialect.authorize = [key]() -> Result<net::Headers> { return net::Headers{{"Authorization", "Bearer " + key}}; };
    account_ = std::make_shared<Account>(Account{RestClient(std::move(dialect), parts_.transport, parts_.pace),
                                                 parts_.surroundings.variable_or("LAMBDA_API_BASE_URL", kBase)});
  }
  return account_;
}

Status LambdaCloud::sign_in() {
  TRY(account());
  return {};
}

Status LambdaCloud::check_order(const CreateOrder& order) const { return lambda::check_order(order); }

Status LambdaCloud::check() {
  TRY_ASSIGN(const auto account, this->account());
  const auto answer =
      account->client.call({.doing = "look at the account", .url = account->base + "/instances"}, parts_.pace.now() + kCheckDeadline);
  if (!answer.ok()) return answer.error();
  return {};
}

std::vector<std::string> LambdaCloud::facts() {
  const auto account = this->account();
  if (!account.ok()) return {};
  const auto room = capacity(**account, parts_.pace.now() + kCheckDeadline);
  if (!room.ok()) return {};
  std::vector<std::string> free;
  for (const auto& [type, regions] : *room)
    if (!regions.empty()) free.push_back(type);
  return {fmt::format("Lambda Cloud has room now for {}", free.empty() ? "nothing" : join(free, ", "))};
}

Answer<LambdaCloud::Capacity> LambdaCloud::capacity(const Account& account, Instant end) {
  {
    const MutexLock lock(mutex_);
    if (capacity_told_ && parts_.pace.now() - *capacity_told_ < kCapacityStays) return capacity_;
  }
  TRY_ASSIGN(const auto answer, account.client.call({.doing = "ask what there is room for", .url = account.base + "/instance-types"}, end));
  TRY_ASSIGN(auto room, parse_capacity(answer));
  const MutexLock lock(mutex_);
  capacity_ = room;
  capacity_told_ = parts_.pace.now();
  return room;
}

// A launch that must fail costs twelve seconds of Lambda's patience; a look costs one, and serves all regions.
Answer<Nothing> LambdaCloud::check_room(const Account& account, const Offer& offer, Instant end) {
  TRY_ASSIGN(const auto room, capacity(account, end));
  const auto type = room.find(offer.instance_type);
  if (type == room.end())
    return Refused(not_found(fmt::format("Lambda Cloud does not sell {} (any more)", offer.instance_type)), "unknown-instance-type");
  if (type->second.contains(offer.region)) return Nothing{};
  if (type->second.empty())
    return Refused(Error(Code::kExhausted, fmt::format("Lambda Cloud has no {} in any region now", offer.instance_type)),
                   "no-capacity-anywhere");
  return Refused(Error(Code::kExhausted, fmt::format("Lambda Cloud has no {} in {} now; it has some in {}", offer.instance_type,
                                                     offer.region, fmt::join(type->second, ", "))),
                 "insufficient-capacity");
}

Answer<std::unique_ptr<MachineMaker>> LambdaCloud::prepare(const CreateOrder& order, const OwnKey& key, Instant end) {
  TRY_ASSIGN(const auto account, this->account());
  TRY(check_room(*account, order.offer, end));
  TRY_ASSIGN(const auto answer, account->client.call({.doing = "look at the SSH keys", .url = account->base + "/ssh-keys"}, end));
  TRY_ASSIGN(const auto names, parse_keys(answer));
  if (!names.contains(key.name)) {
    const auto added = account->client.call({.doing = "enter the SSH key " + key.name,
                                             .method = "POST",
                                             .url = account->base + "/ssh-keys",
                                             .body = key_body(key.name, key.public_line)},
                                            end);
    // The name is made from the key, so what has it is the same key; another process may have entered it meanwhile.
    if (!added.ok() && added.error().code() != Code::kAlreadyExists) return added.error();
  }
  return std::unique_ptr<MachineMaker>(std::make_unique<LambdaMaker>(*this, account->client, account->base, order, parts_.owner, key.name));
}

Answer<std::vector<CloudMachine>> LambdaCloud::machines(const std::string&, const Wanted& wanted, Instant end) {
  TRY_ASSIGN(const auto account, this->account());
  TRY_ASSIGN(const auto answer, account->client.call({.doing = "list machines", .url = account->base + "/instances"}, end));
  TRY_ASSIGN(auto machines, parse_instances(answer).context("list machines"));
  std::erase_if(machines, [&](const CloudMachine& machine) { return !wanted.covers(machine.mark); });
  return machines;
}

Answer<Nothing> LambdaCloud::stop(const std::string&, const std::vector<std::string>&, Instant) {
  return invalid("machines of lambda cannot be stopped");
}

Answer<Nothing> LambdaCloud::start(const std::string&, const std::vector<std::string>&, Instant) {
  return invalid("machines of lambda cannot be stopped, and therefore not started");
}

Status LambdaCloud::check_ports(const Ports& ports, Instant end) {
  TRY_ASSIGN(const auto account, this->account());
  const auto answer = account->client.call({.doing = "look at the firewall", .url = account->base + "/firewall-rules"}, end);
  if (!answer.ok()) return answer.error();
  TRY_ASSIGN(const auto open, parse_open_ports(*answer).context("look at the firewall"));
  if (covers(open, ports)) return {};
  return invalid(
      fmt::format("Lambda Cloud has one firewall for the whole account, which isobar does not change; it does not let {} in from "
                  "everywhere: open it at https://cloud.lambda.ai/firewall",
                  describe(ports)));
}

Answer<Nothing> LambdaCloud::open_ports(const std::string&, const std::vector<CloudMachine>&, const Ports& ports, Instant end) {
  TRY(check_ports(ports, end));
  return Nothing{};
}

Answer<std::set<std::string>> LambdaCloud::remove(const std::string& place, const std::vector<std::string>& ids, Instant end) {
  TRY_ASSIGN(const auto account, this->account());
  const auto answer = account->client.call({.doing = "terminate " + join(ids, ", "),
                                            .method = "POST",
                                            .url = account->base + "/instance-operations/terminate",
                                            .body = terminate_body(ids)},
                                           end);
  if (answer.ok()) {
    TRY_ASSIGN(auto ended, parse_terminated(*answer).context("terminate"));
    return ended;
  }
  if (answer.error().code() != Code::kNotFound) return answer.error();
  // Of several of which one is gone Lambda refuses all.
  if (ids.size() == 1) return std::set<std::string>{ids.front()};
  std::set<std::string> ended;
  for (const auto& id : ids) {
    TRY_ASSIGN(const auto one, remove(place, {id}, end));
    ended.insert(one.begin(), one.end());
  }
  return ended;
}

}  // namespace isobar::cloud::lambda
