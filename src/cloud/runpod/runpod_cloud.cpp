#include "runpod_cloud.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "cloud/json_fields.h"
#include "cloud/made_once.h"
#include "pods.h"

namespace isobar::cloud::runpod {

namespace {

constexpr const char* kBase = "https://rest.runpod.io/v1";
constexpr const char* kConfig = "~/.runpod/config.toml";
constexpr const char* kLogin = "root";
constexpr Duration kCheckDeadline = 10s;
constexpr std::size_t kPortsMost = 64;

constexpr std::array kRows = {
    RefusalRow{"NO_CAPACITY", Code::kExhausted},
    RefusalRow{"INSUFFICIENT_BALANCE", Code::kExhausted, "add credit at https://console.runpod.io/user/billing"},
    RefusalRow{"SPEND_LIMIT_EXCEEDED", Code::kExhausted, "ask RunPod's support for a higher limit"},
    RefusalRow{"UNAUTHORIZED", Code::kPermissionDenied,
               "make a key that may read and write at https://console.runpod.io/user/settings and run `runpod config`"},
    RefusalRow{"NOT_FOUND", Code::kNotFound},
};

class RunPodMaker final : public MachineMaker {
 public:
  RunPodMaker(RunPodCloud& cloud, const RestClient& client, std::string base, CreateOrder order, std::string owner, std::string public_line)
      : cloud_(cloud),
        client_(client),
        base_(std::move(base)),
        order_(std::move(order)),
        owner_(std::move(owner)),
        public_line_(std::move(public_line)) {}

  Answer<std::string> make(int rank, Instant end) override {
    const Mark mark = mark_for(order_, owner_, rank, kLogin);
    const RestCall call{.doing = fmt::format("create the pod of {}", order_.cluster),
                        .method = "POST",
                        .url = base_ + "/pods",
                        .body = create_body(order_, mark, public_line_),
                        .repeatable = false};
    const auto create = [&]() -> Answer<std::string> {
      TRY_ASSIGN(const auto answer, client_.call(call, end));
      TRY_ASSIGN(const auto id, parse_created(answer).context(call.doing));
      return id;
    };
    return make_once(client_.pace(), mark, end, create,
                     [&] { return cloud_.machines("", {.owner = owner_, .cluster = mark.cluster, .token = mark.token}, end); });
  }

 private:
  RunPodCloud& cloud_;
  const RestClient& client_;
  const std::string base_;
  const CreateOrder order_;
  const std::string owner_, public_line_;
};

/// Errors   kNotFound: there is none, with the mend
Result<std::string> find_key(const storage::Surroundings& surroundings) {
  if (const auto key = surroundings.variable("RUNPOD_API_KEY")) return std::string(trim(*key));
  const auto text = surroundings.read_file(surroundings.path(kConfig));
  if (text.ok()) return parse_config(*text).context(kConfig);
  if (text.error().code() != Code::kNotFound) return text.error();
  return not_found(
      "no API key of RunPod; make one at https://console.runpod.io/user/settings and run `runpod config`, or set RUNPOD_API_KEY");
}

}  // namespace

Result<std::shared_ptr<RunPodCloud::Account>> RunPodCloud::account() {
  const MutexLock lock(mutex_);
  if (!account_) {
    TRY_ASSIGN(const std::string key, find_key(parts_.surroundings));
    RestClient::Dialect dialect{.shown = "RunPod", .parse_refusal = parse_refusal, .rows = kRows};
    dialect.authorize = [key]() -> Result<net::Headers> { return net::Headers{{"Authorization", "Bearer " + key}}; };
    account_ = std::make_shared<Account>(
        Account{RestClient(std::move(dialect), parts_.transport, parts_.pace), parts_.surroundings.variable_or("RUNPOD_REST_URL", kBase)});
  }
  return account_;
}

Status RunPodCloud::sign_in() {
  TRY(account());
  return {};
}

Status RunPodCloud::check_order(const CreateOrder& order) const { return runpod::check_order(order); }

Answer<std::vector<CloudMachine>> RunPodCloud::all_pods(Duration deadline) {
  TRY_ASSIGN(const auto account, this->account());
  TRY_ASSIGN(const auto answer, account->client.call({.doing = "list pods", .url = account->base + "/pods"}, parts_.pace.now() + deadline));
  TRY_ASSIGN(auto machines, parse_pods(answer).context("list pods"));
  return machines;
}

Status RunPodCloud::check() {
  if (const auto pods = all_pods(kCheckDeadline); !pods.ok()) return pods.error();
  return {};
}

std::vector<std::string> RunPodCloud::facts() {
  const auto pods = all_pods(kCheckDeadline);
  if (!pods.ok()) return {};
  const auto ours = std::count_if(pods->begin(), pods->end(), [&](const auto& pod) { return pod.mark.owner == parts_.owner; });
  return {fmt::format("the account has {} pods on RunPod, of which {} are ours", pods->size(), ours)};
}

Answer<std::unique_ptr<MachineMaker>> RunPodCloud::prepare(const CreateOrder& order, const OwnKey& key, Instant) {
  TRY_ASSIGN(const auto account, this->account());
  return std::unique_ptr<MachineMaker>(
      std::make_unique<RunPodMaker>(*this, account->client, account->base, order, parts_.owner, key.public_line));
}

Answer<std::vector<CloudMachine>> RunPodCloud::machines(const std::string&, const Wanted& wanted, Instant end) {
  TRY_ASSIGN(auto machines, all_pods(std::max<Duration>(end - parts_.pace.now(), 1s)));
  std::erase_if(machines, [&](const CloudMachine& machine) { return !wanted.covers(machine.mark); });
  return machines;
}

Answer<Nothing> RunPodCloud::tell_each(const std::vector<std::string>& ids, const std::string& verb, Instant end) {
  TRY_ASSIGN(const auto account, this->account());
  for (const auto& id : ids) {
    if (!is_plain_name(id)) return invalid(fmt::format("'{}' is no pod", id));
    TRY(account->client.call({.doing = verb + " pod " + id, .method = "POST", .url = account->base + "/pods/" + id + "/" + verb}, end));
  }
  return Nothing{};
}

Answer<Nothing> RunPodCloud::stop(const std::string&, const std::vector<std::string>& ids, Instant end) {
  return tell_each(ids, "stop", end);
}

Answer<Nothing> RunPodCloud::start(const std::string&, const std::vector<std::string>& ids, Instant end) {
  return tell_each(ids, "start", end);
}

Status RunPodCloud::check_ports(const Ports& ports, Instant) {
  if (count_of(ports) <= kPortsMost) return {};
  return invalid(fmt::format("a pod of RunPod is made with each of its ports by name: at most {}, not {}", kPortsMost, count_of(ports)));
}

Answer<Nothing> RunPodCloud::open_ports(const std::string&, const std::vector<CloudMachine>& pods, const Ports& ports, Instant) {
  for (const auto& pod : pods)
    for (const auto port : each_of(ports))
      if (pod.outer_ports && !pod.outer_ports->contains(port))
        return Refused(invalid(fmt::format("a pod of RunPod has the ports that it was made with, and would lose what it holds if it got {} "
                                           "now; take the cluster down and launch it with all of them",
                                           port)),
                       "PORTS_FIXED");
  return Nothing{};
}

Answer<std::set<std::string>> RunPodCloud::remove(const std::string&, const std::vector<std::string>& ids, Instant end) {
  TRY_ASSIGN(const auto account, this->account());
  std::set<std::string> ended;
  for (const auto& id : ids) {
    if (!is_plain_name(id)) return invalid(fmt::format("'{}' is no pod", id));
    const auto answer = account->client.call({.doing = "delete pod " + id, .method = "DELETE", .url = account->base + "/pods/" + id}, end);
    if (!answer.ok() && answer.error().code() != Code::kNotFound) return answer.error();
    ended.insert(id);
  }
  return ended;
}

}  // namespace isobar::cloud::runpod
