#include "slurm_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace isobar::cloud {

namespace {

bool is_id(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Every line says only that a job is not there, or is over.
bool only_gone(std::string_view words) {
  bool any = false;
  for (const std::string_view line : split(words, '\n')) {
    if (trim(line).empty()) continue;
    any = true;
    if (line.find("Invalid job id") == std::string_view::npos && line.find("already complet") == std::string_view::npos) return false;
  }
  return any;
}

SlurmSubmission refused_with(Error error, std::string code) { return {.refusal = SlurmRefusal{std::move(error), std::move(code)}}; }

}  // namespace

Error SlurmClient::refused(int exit_code, std::string_view words) const { return explain_refusal(cluster_, exit_code, words).error; }

Result<SlurmInventory> SlurmClient::inventory(Duration deadline) {
  static constexpr std::array<std::string_view, 3> kSections{"version", "nodes", "partitions"};
  TRY_ASSIGN(const auto output, shell_.run(inventory_command(programs_), "", deadline).context("Slurm cluster " + cluster_));
  TRY_ASSIGN(auto sections, split_sections(output.out, kSections).context("Slurm cluster " + cluster_));
  for (const auto& [name, section] : sections)
    if (section.exit_code != 0) return refused(section.exit_code, output.err);
  SlurmInventory inventory;
  TRY_ASSIGN(inventory.version, parse_slurm_version(sections["version"].text).context("Slurm cluster " + cluster_));
  inventory.nodes = parse_nodes(sections["nodes"].text);
  TRY_ASSIGN(inventory.partitions, parse_partitions(sections["partitions"].text).context("Slurm cluster " + cluster_));
  return inventory;
}

SlurmSubmission SlurmClient::submit(const SlurmJob& job, Duration deadline) {
  if (const auto sound = check_job(job); !sound.ok())
    return refused_with(sound.error().context("Slurm cluster " + cluster_), "InvalidOption");
  const auto output = shell_.run(submit_command(job, programs_), job.script, deadline);
  if (!output.ok()) return refused_with(output.error().context("Slurm cluster " + cluster_), "LoginHostUnreachable");
  if (output->exit_code != 0) return {.refusal = explain_refusal(cluster_, output->exit_code, output->err)};
  // "NEW 12;cluster" where the job went to one of several clusters.
  const std::string_view answer = trim(output->out);
  const std::string_view last = answer.substr(answer.rfind('\n') + 1);
  const auto words = split(last.substr(0, last.find(';')), ' ');
  if (words.size() != 2 || !is_id(words[1]) || (words[0] != "NEW" && words[0] != "EXISTS"))
    return refused_with(Error(Code::kDataLoss, fmt::format("Slurm cluster {}: sbatch answered \"{}\", which is no job's number", cluster_,
                                                           last.substr(0, 200))),
                        "Refused");
  return {.id = std::string(words[1]), .existed = words[0] == "EXISTS"};
}

Result<std::vector<SlurmJobState>> SlurmClient::jobs(Duration deadline) {
  static constexpr std::array<std::string_view, 1> kSections{"jobs"};
  TRY_ASSIGN(const auto output, shell_.run(jobs_command(programs_), "", deadline).context("Slurm cluster " + cluster_));
  TRY_ASSIGN(auto sections, split_sections(output.out, kSections).context("Slurm cluster " + cluster_));
  if (const Section& section = sections["jobs"]; section.exit_code != 0) return refused(section.exit_code, output.err);
  TRY_ASSIGN(auto jobs, parse_squeue(sections["jobs"].text).context("Slurm cluster " + cluster_));
  std::erase_if(jobs, [](const SlurmJobState& job) { return !job.name.starts_with(kJobNamePrefix) || job.tag.token.empty(); });
  return jobs;
}

Result<std::optional<SlurmJobState>> SlurmClient::find(const std::string& id, Duration deadline) {
  static constexpr std::array<std::string_view, 2> kSections{"scontrol", "sacct"};
  if (!is_id(id)) return invalid(fmt::format("\"{}\" is not the number of a Slurm job", id));
  TRY_ASSIGN(const auto output, shell_.run(ended_command(id, programs_), "", deadline).context("Slurm cluster " + cluster_));
  TRY_ASSIGN(auto sections, split_sections(output.out, kSections).context("Slurm cluster " + cluster_));
  std::vector<SlurmJobState> found;
  if (sections["scontrol"].exit_code == 0) {
    TRY_ASSIGN(found, parse_scontrol_jobs(sections["scontrol"].text).context("Slurm cluster " + cluster_));
  } else if (!only_gone(output.err)) {
    return refused(sections["scontrol"].exit_code, output.err);
  }
  if (found.empty() && sections["sacct"].exit_code == 0) {
    TRY_ASSIGN(found, parse_sacct(sections["sacct"].text).context("Slurm cluster " + cluster_));
  }
  for (SlurmJobState& job : found)
    if (job.id == id) return std::optional(std::move(job));
  return std::optional<SlurmJobState>();
}

Status SlurmClient::cancel(const std::string& cluster, std::span<const std::string> ids, Duration deadline) {
  if (ids.empty()) return {};
  for (const std::string& id : ids)
    if (!is_id(id)) return invalid(fmt::format("\"{}\" is not the number of a Slurm job", id));
  TRY_ASSIGN(const auto output, shell_.run(cancel_command(cluster, ids, programs_), "", deadline).context("Slurm cluster " + cluster_));
  if (output.exit_code != 0 && !only_gone(output.err)) return refused(output.exit_code, output.err);
  return {};
}

}  // namespace isobar::cloud
