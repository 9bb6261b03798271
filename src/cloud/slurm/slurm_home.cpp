#include "slurm_home.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "slurm_commands.h"
#include "slurm_reasons.h"

namespace isobar::cloud {

namespace {

constexpr std::string_view kFolders = ".isobar/slurm";

/// All folders of a cluster, or of an owner's clusters, for the shell to expand. The parts hold nothing that a shell minds.
std::string folders_of(std::string_view owner, std::string_view cluster = "*") {
  return fmt::format("\"$HOME\"/{}/{}/{}/*", kFolders, owner, cluster);
}

}  // namespace

std::string slurm_folder_of(const JobTag& tag) {
  constexpr std::size_t kHashDigits = 12;
  return fmt::format("{}/{}/{}", tag.owner, tag.cluster, crypto::to_hex(crypto::sha256(tag.token)).substr(0, kHashDigits));
}

std::string order_path_of(const JobTag& tag) { return fmt::format("{}/{}/{}", kFolders, slurm_folder_of(tag), kSlurmOrderFile); }

std::string carry_script(const JobTag& tag, std::string_view program) {
  // srun takes the processors of a task from its own option alone since 22.05. Steps that jobs start later share what this one holds.
  return fmt::format(
      "#!/bin/sh\n"
      "# Carries the cluster {0} of isobar: one process on each node, until it is taken down.\n"
      "folder=\"$HOME\"/{1}/{2}\n"
      "[ -e \"$folder\"/{3} ] || exit 0\n"
      "exec >>\"$folder\"/script.log 2>&1\n"
      "exec srun --ntasks-per-node=1 --cpus-per-task=\"${{SLURM_CPUS_PER_TASK:-1}}\" --cpu-bind=none --mpi=none --overlap --input=none "
      "--kill-on-bad-exit=1 --output=\"$folder\"/console-%n.log \"$HOME\"/.isobar/bin/{4} carry \"$folder\"\n",
      tag.cluster, kFolders, shell_quote(slurm_folder_of(tag)), kSlurmOrderFile, shell_quote(program));
}

const SlurmJobState* SlurmSight::job_of(std::string_view token) const {
  const auto at =
      std::find_if(jobs.begin(), jobs.end(), [&](const SlurmJobState& job) { return job.tag.token == token && !job.was_refused(); });
  return at == jobs.end() ? nullptr : &*at;
}

Result<std::map<std::string, std::string>> SlurmHome::ask(const std::string& command, std::vector<std::string_view> names,
                                                          Duration deadline) {
  const auto context = "Slurm cluster " + cluster_;
  TRY_ASSIGN(const auto output, shell_.run(command, "", deadline).context(context));
  auto sections = split_sections(output.out, names);
  // The lock stands before all sections.
  if (!sections.ok() && output.exit_code != 0) return explain_refusal(cluster_, output.exit_code, output.err).error;
  if (!sections.ok()) return sections.error().context(context);
  if (const auto jobs = sections->find("jobs"); jobs != sections->end() && jobs->second.exit_code != 0)
    return explain_refusal(cluster_, jobs->second.exit_code, output.err).error;
  std::map<std::string, std::string> texts;
  for (auto& [name, section] : *sections) texts[name] = std::move(section.text);
  return texts;
}

Result<std::vector<SlurmJobState>> SlurmHome::own_jobs(const std::string& squeue) const {
  TRY_ASSIGN(auto jobs, parse_squeue(squeue).context("Slurm cluster " + cluster_));
  std::erase_if(jobs, [&](const SlurmJobState& job) { return !job.name.starts_with(kJobNamePrefix) || job.tag.owner != owner_; });
  return jobs;
}

Status SlurmHome::put_order(const JobTag& tag, const SlurmOrder& order) {
  const auto folder = shell_quote(std::string(kFolders) + "/" + slurm_folder_of(tag));
  const auto command =
      fmt::format("umask 077; mkdir -p \"$HOME\"/{0} && cat >\"$HOME\"/{0}/{1}.new && mv -f \"$HOME\"/{0}/{1}.new \"$HOME\"/{0}/{1}",
                  folder, kSlurmOrderFile);
  TRY_ASSIGN(const auto output, shell_.run(command, encode(order), kCallDeadline).context("Slurm cluster " + cluster_));
  if (output.exit_code == 0) return {};
  return unavailable(fmt::format("Slurm cluster {}: ~/{} of its login host cannot be written: it needs room and your permission [{}]",
                                 cluster_, kFolders, trim(output.err)));
}

Result<SlurmSight> SlurmHome::look(Duration deadline) {
  const auto command = preamble({}) + section("jobs", squeue_of_user()) +
                       section("folders", fmt::format("ls -d {} 2>/dev/null", folders_of(owner_))) +
                       section("ranks", fmt::format("cat {}/rank-*.json 2>/dev/null", folders_of(owner_)));
  TRY_ASSIGN(const auto texts, ask(command, {"jobs", "folders", "ranks"}, deadline));
  SlurmSight sight;
  TRY_ASSIGN(sight.jobs, own_jobs(texts.at("jobs")));
  std::set<std::string> clusters;
  for (const auto line : split(texts.at("folders"), '\n'))
    if (const auto parts = split(line, '/'); parts.size() >= 2) clusters.emplace(parts[parts.size() - 2]);
  sight.clusters.assign(clusters.begin(), clusters.end());
  for (const auto line : split(texts.at("ranks"), '\n')) {
    // One that is just being removed may be cut short.
    if (auto rank = parse_published_rank(line); rank.ok()) sight.published[rank->token].push_back(std::move(*rank));
  }
  for (auto& [token, ranks] : sight.published)
    std::sort(ranks.begin(), ranks.end(), [](const auto& a, const auto& b) { return a.rank < b.rank; });
  return sight;
}

Result<std::vector<SlurmJobState>> SlurmHome::revoke(const std::string& cluster) {
  const auto command = preamble({}) + std::string(under_lock()) +
                       section("orders", fmt::format("rm -f {}/{}", folders_of(owner_, cluster), kSlurmOrderFile)) +
                       section("jobs", squeue_of_user());
  TRY_ASSIGN(const auto texts, ask(command, {"orders", "jobs"}, kCallDeadline));
  TRY_ASSIGN(auto jobs, own_jobs(texts.at("jobs")));
  std::erase_if(jobs, [&](const SlurmJobState& job) { return job.tag.cluster != cluster || job.ended(); });
  return jobs;
}

Status SlurmHome::remove_folders(const std::string& cluster) {
  const auto command = fmt::format("cd \"$HOME\"/{} 2>/dev/null || exit 0; rm -rf {}/{} && {{ rmdir {} 2>/dev/null; :; }}", kFolders,
                                   owner_, shell_quote(cluster), owner_);
  TRY_ASSIGN(const auto output, shell_.run(command, "", kCallDeadline).context("Slurm cluster " + cluster_));
  if (output.exit_code == 0) return {};
  return unavailable(
      fmt::format("Slurm cluster {}: what is left of '{}' in ~/{} cannot be removed [{}]", cluster_, cluster, kFolders, trim(output.err)));
}

Result<std::string> SlurmHome::console(const JobTag& tag) {
  const auto folder = fmt::format("\"$HOME\"/{}/{}", kFolders, shell_quote(slurm_folder_of(tag)));
  TRY_ASSIGN(const auto output,
             shell_.run(fmt::format("cat {0}/script.log {0}/console-*.log 2>/dev/null | tail -c 2000", folder), "", kCallDeadline));
  return std::string(trim(output.out));
}

}  // namespace isobar::cloud
