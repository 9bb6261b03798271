#include "slurm_creation.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/random.h"
#include "base/text.h"

namespace isobar::cloud {

namespace {

constexpr auto kPauseLeast = std::chrono::milliseconds(50), kPauseMost = std::chrono::milliseconds(5000);
/// What agents may take to answer once Slurm has started the job.
constexpr auto kBootDeadline = std::chrono::minutes(5);

std::string code_of_misfit(const Error& error) {
  if (error.code() == Code::kInvalidArgument) return "InvalidTimeLimit";
  return error.code() == Code::kUnavailable ? "PartitionUnavailable" : "NodeConfigurationUnavailable";
}

std::string code_of_unreached(const Error& error) {
  if (error.code() == Code::kPermissionDenied) return "AccessDenied";
  return error.code() == Code::kNotFound ? "SlurmNotInstalled" : "LoginHostUnreachable";
}

}  // namespace

Status SlurmCreation::refuse(std::string provider_code, Error error) {
  provider_code_ = std::move(provider_code);
  return error;
}

Status SlurmCreation::run() {
  TRY_ASSIGN(const auto known, inner_.ledger.find(order_.cluster));
  if (known && known->token != order_.token)
    return Error(Code::kAlreadyExists, fmt::format("a cluster '{}' exists already on {}", order_.cluster, known->region));
  if (known) entry_ = *known;
  TRY(plan());
  return wait();
}

Status SlurmCreation::plan() {
  const auto wishes = slurm_wishes(order_.labels);
  if (!wishes.ok()) return refuse("InvalidOption", wishes.error());
  const auto inventory = inner_.look(region_, SlurmHome::kCallDeadline);
  if (!inventory.ok()) return refuse(code_of_unreached(inventory.error()), inventory.error());
  const auto offer = find_offer(slurm_offers(region_, *inventory), order_.offer.zone, order_.offer.instance_type);
  if (!offer)
    return refuse("NodeConfigurationUnavailable",
                  Error(Code::kExhausted, fmt::format("Slurm cluster {}: partition {} has no {} any more", region_, order_.offer.zone,
                                                      order_.offer.instance_type)));
  const auto able = could_ever_run(offer->shape, order_.count, wishes->time_limit, *inventory, order_.offer.zone);
  if (!able.ok()) return refuse(code_of_misfit(able.error()), able.error().context("Slurm cluster " + region_));
  TRY_ASSIGN(const auto host, inner_.host(region_));
  if (const auto pushed = host.push(); !pushed.ok()) return refuse(code_of_unreached(pushed.error()), pushed.error());
  if (entry_.token.empty()) {
    entry_ = {order_.cluster, order_.token, region_, order_.offer.zone, {}, {}, {}};
    for (int rank = 0; rank < order_.count; ++rank) entry_.agent_tokens.push_back(secure_random_hex(32));
    TRY(inner_.ledger.put(entry_));
  }
  return entry_.job.empty() ? submit(*offer, *wishes) : Status();
}

Status SlurmCreation::submit(const SlurmOffer& offer, const SlurmWishes& wishes) {
  TRY_ASSIGN(auto home, inner_.home(region_));
  TRY_ASSIGN(auto client, inner_.client(region_));
  TRY_ASSIGN(const auto program, inner_.program_name());
  SlurmOrder order{order_.cluster, order_.token, region_, order_.offer.zone, order_.user};
  order.cpus = offer.shape.cpus;
  order.gpus = offer.shape.gpus;
  order.agent_tokens = entry_.agent_tokens;
  if (const auto put = home.put_order(tag(), order); !put.ok()) return refuse(code_of_unreached(put.error()), put.error());
  SlurmJob job{.tag = tag(), .script = carry_script(tag(), program)};
  job.nodes = order_.count;
  job.cpus = offer.shape.cpus;
  job.memory_mib = offer.shape.memory_mib;
  job.gpu_type = offer.shape.gpu_type;
  job.gpus = offer.shape.gpus;
  job.partition = order_.offer.zone;
  job.time_limit = wishes.time_limit;
  job.account = wishes.account;
  job.qos = wishes.qos;
  job.options = wishes.options;
  job.needs = order_path_of(tag());
  const auto submission = client.submit(job, std::chrono::minutes(1));
  if (submission.refusal) return refuse(submission.refusal->provider_code, submission.refusal->error);
  entry_.job = submission.id;
  inner_.log.info("slurm_job_submitted", {{"cluster", order_.cluster}, {"region", region_}, {"job", submission.id}});
  return inner_.ledger.put(entry_);
}

Status SlurmCreation::wait() {
  TRY_ASSIGN(auto home, inner_.home(region_));
  Duration pause = kPauseLeast;
  std::optional<std::chrono::steady_clock::time_point> boots_until;
  for (;;) {
    const auto sight = home.look();
    const bool over = std::chrono::steady_clock::now() >= end_;
    if (sight.ok()) {
      const auto job = job_of(inner_, entry_, *sight);
      if (job.ok() && !*job)
        return refuse("Refused", unavailable(fmt::format("Slurm cluster {}: job {} is not known any more", region_, entry_.job)));
      if (job.ok()) {
        TRY_ASSIGN(const bool whole, is_whole(**job, *sight));
        if (whole) return {};
        if ((*job)->runs() && !boots_until) boots_until = std::chrono::steady_clock::now() + kBootDeadline, pause = kPauseLeast;
      } else if (over) {
        return refuse(code_of_unreached(job.error()), job.error());
      }
    } else if (over) {
      return refuse(code_of_unreached(sight.error()), sight.error());
    }
    if (over || (boots_until && std::chrono::steady_clock::now() >= *boots_until)) {
      const auto said = home.console(tag());
      return refuse("StillWaiting", Error(Code::kDeadlineExceeded, fmt::format("Slurm cluster {}: job {} is not ready in time: {} {}",
                                                                               region_, entry_.job, waits_for_, said.ok() ? *said : "")));
    }
    std::this_thread::sleep_for(std::min<Duration>(pause, std::max<Duration>(end_ - std::chrono::steady_clock::now(), kPauseLeast)));
    pause = std::min<Duration>(pause * 3 / 2, kPauseMost);
  }
}

Result<bool> SlurmCreation::is_whole(const SlurmJobState& job, const SlurmSight& sight) {
  if (job.waits()) {
    const auto reason = explain_wait(job);
    if (!reason.waiting_helps)
      return refuse(reason.provider_code, Error(Code::kExhausted, fmt::format("Slurm cluster {}: job {} would wait for ever: {}", region_,
                                                                              job.id, reason.sentence)))
          .error();
    waits_for_ = reason.sentence;
    return false;
  }
  if (job.ended()) {
    TRY_ASSIGN(auto home, inner_.home(region_));
    const auto said = home.console(tag());
    return refuse("NodeBootFailed",
                  unavailable(fmt::format("Slurm cluster {}: job {} ended before its nodes were ready: {}{}", region_, job.id,
                                          explain_end(job), said.ok() && !said->empty() ? " [" + *said + "]" : "")))
        .error();
  }
  waits_for_ = "the agents of its nodes have not answered";
  const auto published = sight.published.find(entry_.token);
  return published != sight.published.end() && published->second.size() == entry_.agent_tokens.size();
}

}  // namespace isobar::cloud
