#include "slurm_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "cloud/remote_shell.h"

namespace isobar::cloud {

namespace {

constexpr char kSectionMark = '\x1d';  // ASCII 29, the group separator

/// Bounded: where the accounting does not answer, sacct tries for minutes what the rest can do without.
std::string sacct(std::string_view which) {
  return fmt::format("timeout 15 sacct -n -P -X --delimiter={} -o {} {}", shell_quote(std::string(1, kFieldMark)), sacct_fields(), which);
}

std::string job_name(std::string_view cluster) { return std::string(kJobNamePrefix) + std::string(cluster); }

std::string sbatch(const SlurmJob& job) {
  std::vector<std::string> words{"sbatch", "--parsable", "--no-requeue", "--job-name=" + job_name(job.tag.cluster),
                                 "--comment=" + format_tag(job.tag)};
  words.push_back(fmt::format("--nodes={}", job.nodes));
  words.push_back("--ntasks-per-node=1");
  words.push_back(fmt::format("--cpus-per-task={}", job.cpus));
  if (job.memory_mib > 0) words.push_back(fmt::format("--mem={}M", job.memory_mib));
  if (job.gpus > 0) words.push_back(fmt::format("--gpus-per-node={}{}{}", job.gpu_type, job.gpu_type.empty() ? "" : ":", job.gpus));
  if (job.time_limit) words.push_back(fmt::format("--time={}", std::chrono::ceil<std::chrono::minutes>(*job.time_limit).count()));
  if (!job.partition.empty()) words.push_back("--partition=" + job.partition);
  if (!job.account.empty()) words.push_back("--account=" + job.account);
  if (!job.qos.empty()) words.push_back("--qos=" + job.qos);
  words.push_back("--output=" + (job.output.empty() ? std::string("/dev/null") : job.output));
  words.insert(words.end(), job.options.begin(), job.options.end());
  std::string line;
  for (const std::string& word : words) line += shell_quote(word) + " ";
  return line;
}

/// An option that would hide the job from us, make more than one of it, or run it under our feet a second time. sbatch takes long
/// options shortened, so the beginning of such a word counts as well.
bool would_lose_the_job(std::string_view option) {
  static constexpr std::array<std::string_view, 14> kLong{"array",    "clusters", "cluster",   "comment", "help",    "job-name", "output",
                                                          "parsable", "requeue",  "test-only", "usage",   "version", "wait",     "wrap"};
  if (option.starts_with("--")) {
    const std::string_view name = option.substr(2, option.find('=') - 2);
    return name.empty() || std::any_of(kLong.begin(), kLong.end(), [&](std::string_view known) { return known.starts_with(name); });
  }
  // -s -H -k -O -Q -v take no value, so more options may follow in the same word.
  for (const char c : option.substr(1)) {
    if (std::string_view("aJMWohV").find(c) != std::string_view::npos) return true;
    if (std::string_view("sHkOQv").find(c) == std::string_view::npos) break;
  }
  return false;
}

Status check_option(const std::string& option) {
  if (option.size() < 2 || option[0] != '-')
    return invalid(
        fmt::format("\"{}\" is not an option of sbatch; write each as one word, such as --constraint=nvlink or -Cnvlink", option));
  if (option.find('\0') != std::string::npos) return invalid("an option of sbatch holds a zero byte; take it out");
  if (would_lose_the_job(option)) return invalid(fmt::format("the option \"{}\" of sbatch is isobar's to set; take it out", option));
  return {};
}

}  // namespace

/// The same answer from every account: English, times in seconds, and none of the defaults that Slurm's programs take from the
/// environment. Non-interactive ssh reads no profile, which is where many clusters put Slurm into the PATH.
std::string preamble(std::string_view programs) {
  std::string line =
      "export LC_ALL=C SLURM_TIME_FORMAT=%s; unset SQUEUE_ACCOUNT SQUEUE_CLUSTERS SQUEUE_LICENSES SQUEUE_NAMES SQUEUE_PARTITION SQUEUE_QOS "
      "SQUEUE_STATES SQUEUE_USERS SQUEUE_FORMAT2 SACCT_FORMAT SBATCH_ARRAY_INX SBATCH_CLUSTERS SBATCH_WAIT SBATCH_REQUEUE SLURM_CLUSTERS "
      "SCANCEL_STATE SCANCEL_PARTITION SCANCEL_INTERACTIVE; ";
  if (!programs.empty()) return line + fmt::format("PATH={}:$PATH; ", shell_quote(programs));
  return line + "command -v sinfo >/dev/null 2>&1 || { [ -r /etc/profile ] && . /etc/profile >/dev/null 2>&1; }; ";
}

/// A command whose input is not the line's own, with its mark behind it. It starts on a new line, whatever the command printed last.
std::string section(std::string_view name, std::string_view command) {
  return fmt::format("{} </dev/null; printf '\\n{}%s %d\\n' {} $?; ", command, kSectionMark, name);
}

std::string squeue_of_user(std::string_view more) {
  return fmt::format("squeue -h -t all -u \"$(id -un)\" -o {}{}", shell_quote(squeue_format()), more);
}

std::string_view under_lock() {
  return "if command -v flock >/dev/null 2>&1 && (: >>\"$HOME/.isobar-slurm.lock\") 2>/dev/null; then exec "
         "9>>\"$HOME/.isobar-slurm.lock\"; flock -w 20 9; "
         "[ $? -ne 1 ] || { echo 'another submission is still running' >&2; exit 75; }; fi; ";
}

Status check_job(const SlurmJob& job) {
  TRY(check_tag(job.tag));
  if (!job.script.starts_with("#!")) return invalid("a job's script has to begin with \"#!\", as sbatch asks");
  constexpr int kNodesMax = 65'536, kCpusMax = 65'536;
  if (job.nodes < 1 || job.nodes > kNodesMax || job.cpus < 1 || job.cpus > kCpusMax || job.gpus < 0 || job.gpus > kCpusMax)
    return invalid(
        fmt::format("{} nodes with {} processors and {} accelerators each cannot be asked for; ask for at least one node and one processor",
                    job.nodes, job.cpus, job.gpus));
  if (job.time_limit && *job.time_limit <= Duration::zero()) return invalid("a time limit has to be longer than nothing");
  for (const auto& [what, text] : {std::pair("accelerator", &job.gpu_type), std::pair("partition", &job.partition),
                                   std::pair("account", &job.account), std::pair("QOS", &job.qos), std::pair("output file", &job.output)})
    if (text->find_first_of(std::string_view("\0\n", 2)) != std::string::npos)
      return invalid(fmt::format("the {} holds a line break or a zero byte; take it out", what));
  for (const std::string& option : job.options) TRY(check_option(option));
  return {};
}

std::string submit_command(const SlurmJob& job, std::string_view programs) {
  // What the user has by this name and tag. A job that Slurm refused leaves a record too (failed, on no node), which does not count.
  // The numbers of the fields are those of squeue_format and sacct_fields.
  const std::string tag = shell_quote(format_tag(job.tag)), name = shell_quote(job_name(job.tag.cluster));
  const std::string mark = shell_quote(std::string(1, kFieldMark));
  const std::string by_squeue = fmt::format(
      "awk -F {} -v tag={} '$14 == tag && !($2 == \"FAILED\" && $5 == \"\") {{ sub(/^[^0-9]*/, \"\", $1); print $1; exit }}'", mark, tag);
  const std::string by_sacct =
      fmt::format("awk -F {} -v tag={} '$15 == tag && !($2 == \"FAILED\" && $6 ~ /^None/) {{ print $1; exit }}'", mark, tag);
  return preamble(programs) + std::string(under_lock()) +
         (job.needs.empty()
              ? ""
              : fmt::format("[ -e \"$HOME\"/{} ] || {{ echo 'the cluster was taken down' >&2; exit 76; }}; ", shell_quote(job.needs))) +
         fmt::format("have=$({} </dev/null) || exit; ", squeue_of_user(" -n " + name)) +
         fmt::format("id=$(printf '%s\\n' \"$have\" | {}); ", by_squeue) +
         fmt::format("[ -n \"$id\" ] || id=$({} </dev/null 2>/dev/null | {}); ", sacct("-S now-2days --name " + name), by_sacct) +
         "if [ -n \"$id\" ]; then echo \"EXISTS $id\"; else " + fmt::format("id=$({}) && echo \"NEW $id\"; fi", sbatch(job));
}

std::string inventory_command(std::string_view programs) {
  return preamble(programs) + section("version", "sinfo --version") + section("nodes", "scontrol -d show node -o") +
         section("partitions", "scontrol show partition -o");
}

std::string jobs_command(std::string_view programs) { return preamble(programs) + section("jobs", squeue_of_user("")); }

std::string ended_command(std::string_view id, std::string_view programs) {
  return preamble(programs) + section("scontrol", "scontrol show job -o " + shell_quote(id)) +
         section("sacct", sacct("-j " + shell_quote(id)) + " 2>/dev/null");
}

std::string cancel_command(std::string_view cluster, std::span<const std::string> ids, std::string_view programs) {
  std::string line = preamble(programs) + "scancel --name=" + shell_quote(job_name(cluster));
  for (const std::string& id : ids) line += " " + shell_quote(id);
  return line + " </dev/null";
}

Result<std::map<std::string, Section>> split_sections(std::string_view output, std::span<const std::string_view> names) {
  std::map<std::string, Section> sections;
  while (!output.empty()) {
    const auto mark = output.find(std::string("\n") + kSectionMark);
    if (mark == std::string_view::npos) break;
    const auto end = std::min(output.find('\n', mark + 1), output.size());
    const auto words = split(output.substr(mark + 2, end - mark - 2), ' ');
    int exit_code = -1;
    if (words.size() == 2) std::from_chars(words[1].data(), words[1].data() + words[1].size(), exit_code);
    sections[std::string(words[0])] = {std::string(output.substr(0, mark)), exit_code};
    output.remove_prefix(std::min(end + 1, output.size()));
  }
  for (const std::string_view name : names)
    if (!sections.contains(std::string(name)))
      return Error(Code::kDataLoss, fmt::format("the answer was cut short: nothing of \"{}\" came", name));
  return sections;
}

}  // namespace isobar::cloud
