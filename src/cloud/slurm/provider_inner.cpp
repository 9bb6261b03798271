#include "provider_inner.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/text.h"

namespace isobar::cloud {

namespace {

constexpr auto kPauseLeast = std::chrono::milliseconds(50), kPauseMost = std::chrono::milliseconds(1000);

}  // namespace

Result<RemoteShell*> SlurmProvider::Inner::shell(const std::string& region) {
  const std::scoped_lock lock(mutex_);
  auto& shell = shells_[region];
  if (shell) return shell.get();
  TRY_ASSIGN(const auto clusters, read_config());
  std::vector<std::string> names;
  for (const auto& cluster : clusters) {
    if (cluster.name == region) {
      shell = parts.shell_of(region, cluster.local);
      return shell.get();
    }
    names.push_back(cluster.name);
  }
  return not_found(fmt::format("there is no Slurm cluster '{}' in {}; it has {}", region, parts.config_file.string(),
                               names.empty() ? "none" : join(names, ", ")));
}

Result<SlurmClient> SlurmProvider::Inner::client(const std::string& region) {
  TRY_ASSIGN(auto* there, shell(region));
  return SlurmClient(region, *there);
}

Result<SlurmHome> SlurmProvider::Inner::home(const std::string& region) {
  TRY_ASSIGN(auto* there, shell(region));
  return SlurmHome(region, parts.owner, *there);
}

Result<NodeProgram*> SlurmProvider::Inner::program() {
  const std::scoped_lock lock(mutex_);
  if (!program_) {
    TRY_ASSIGN(auto opened, NodeProgram::open(parts.node_program, parts.cache));
    program_.emplace(std::move(opened));
  }
  return &*program_;
}

Result<HostClient> SlurmProvider::Inner::host(const std::string& region) {
  TRY_ASSIGN(auto* there, shell(region));
  TRY_ASSIGN(const auto* sent, program());
  return HostClient(*there, *sent);
}

Result<std::string> SlurmProvider::Inner::program_name() {
  TRY_ASSIGN(const auto* sent, program());
  return sent->name();
}

Result<SlurmInventory> SlurmProvider::Inner::look(const std::string& region, Duration deadline) {
  const auto there = client(region);
  auto inventory = there.ok() ? SlurmClient(*there).inventory(deadline) : Result<SlurmInventory>(there.error());
  const Instant now = SystemClock().now();
  auto picture = inventory.ok() ? picture_of(region, *inventory, now) : pictures.find(region).value_or(SlurmPicture());
  picture.at = now;
  if (!inventory.ok()) picture.problem = inventory.error().message();
  // What cannot be kept in mind is asked for again.
  (void)pictures.put(region, picture).ok();
  return inventory;
}

Result<std::optional<SlurmJobState>> job_of(SlurmProvider::Inner& inner, const SlurmEntry& entry, const SlurmSight& sight) {
  if (const auto* job = sight.job_of(entry.token)) {
    // squeue knows neither the exit code nor who cancelled; those are asked for, once, when it has ended.
    if (!job->ended()) return std::optional(*job);
    TRY_ASSIGN(auto client, inner.client(entry.region));
    const auto more = client.find(job->id, SlurmHome::kCallDeadline);
    return more.ok() && *more ? *more : std::optional(*job);
  }
  if (entry.job.empty()) return std::optional<SlurmJobState>();
  TRY_ASSIGN(auto client, inner.client(entry.region));
  TRY_ASSIGN(auto found, client.find(entry.job, SlurmHome::kCallDeadline));
  // Numbers come round again in time.
  if (found && !found->tag.token.empty() && found->tag.token != entry.token) found.reset();
  return found;
}

Status end_on_slurm(SlurmProvider::Inner& inner, const std::string& region, const std::string& cluster, Duration deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  TRY_ASSIGN(auto home, inner.home(region));
  TRY_ASSIGN(auto client, inner.client(region));
  TRY_ASSIGN(auto left, home.revoke(cluster));
  if (!left.empty()) {
    std::vector<std::string> ids;
    for (const auto& job : left) ids.push_back(job.id);
    TRY(client.cancel(cluster, ids, SlurmHome::kCallDeadline));
  }
  Duration pause = kPauseLeast;
  while (!left.empty()) {
    if (std::chrono::steady_clock::now() >= end)
      return Error(Code::kDeadlineExceeded,
                   fmt::format("Slurm cluster {}: job {} was cancelled and has not ended within {}; a node of it may not answer", region,
                               left[0].id, format_duration(deadline)));
    std::this_thread::sleep_for(pause);
    pause = std::min<Duration>(pause * 2, kPauseMost);
    TRY_ASSIGN(left, home.revoke(cluster));
  }
  return home.remove_folders(cluster);
}

}  // namespace isobar::cloud
