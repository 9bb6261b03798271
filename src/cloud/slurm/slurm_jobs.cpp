#include "slurm_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "hostlist.h"
#include "slurm_fields.h"

namespace isobar::cloud {

namespace {

constexpr std::array<std::string_view, 5> kWaiting{"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "RESV_DEL_HOLD"};
constexpr std::array<std::string_view, 7> kRunning{"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"};

template <std::size_t N>
bool among(std::string_view state, const std::array<std::string_view, N>& states) {
  return std::find(states.begin(), states.end(), state) != states.end();
}

bool is_tag_part(std::string_view part) {
  return !part.empty() && part.size() <= 128 && std::all_of(part.begin(), part.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
}

std::string unless_nothing(std::string_view text) {
  return text == "(null)" || text == "None" || text == "N/A" || text == "n/a" ? std::string() : std::string(text);
}

int number_of(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 20 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "CANCELLED by 1000" → CANCELLED, 1000.
void set_state(SlurmJobState& job, std::string_view text) {
  const auto blank = text.find(' ');
  job.state = text.substr(0, blank);
  if (const auto by = text.find(" by "); by != std::string_view::npos) job.cancelled_by = text.substr(by + 4);
}

/// "0:15" → exit code 0, signal 15.
void set_exit(SlurmJobState& job, std::string_view text) {
  job.exit_code = number_of(text);
  if (const auto colon = text.find(':'); colon != std::string_view::npos) job.signal = number_of(text.substr(colon + 1));
}

void set_tag(SlurmJobState& job, std::string_view comment) {
  if (const auto tag = parse_tag(comment)) job.tag = *tag;
}

Error cut_short(std::string_view program, std::string_view record, std::size_t fields) {
  return {Code::kDataLoss,
          fmt::format("{} answered with a record that does not have {} fields: \"{}\"", program, fields, trim(record).substr(0, 200))};
}

/// The fields of each record; there are as many of them as asked for, since a field mark can be in none.
Result<std::vector<std::vector<std::string_view>>> records_of(std::string_view program, std::string_view text, char mark,
                                                              std::size_t fields) {
  std::vector<std::vector<std::string_view>> records;
  for (const std::string_view record : split(text, mark)) {
    if (trim(record).empty()) continue;
    auto parts = split(record, kFieldMark);
    if (parts.size() != fields) return cut_short(program, record, fields);
    for (std::string_view& part : parts) part = trim(part);
    if (!is_id(parts[0])) return cut_short(program, record, fields);
    records.push_back(std::move(parts));
  }
  return records;
}

}  // namespace

std::string format_tag(const JobTag& tag) { return fmt::format("isobar:{}:{}:{}", tag.owner, tag.cluster, tag.token); }

std::optional<JobTag> parse_tag(std::string_view comment) {
  const auto parts = split(trim(comment), ':');
  if (parts.size() != 4 || parts[0] != "isobar") return std::nullopt;
  if (!is_tag_part(parts[1]) || !is_tag_part(parts[2]) || !is_tag_part(parts[3])) return std::nullopt;
  return JobTag{std::string(parts[1]), std::string(parts[2]), std::string(parts[3])};
}

Status check_tag(const JobTag& tag) {
  for (const auto& [what, part] : {std::pair("owner", &tag.owner), std::pair("cluster", &tag.cluster), std::pair("token", &tag.token)})
    if (!is_tag_part(*part))
      return invalid(
          fmt::format("the {} \"{}\" cannot mark a Slurm job; use up to 128 letters, digits, dots, dashes and underscores", what, *part));
  return {};
}

bool SlurmJobState::waits() const { return among(state, kWaiting); }
bool SlurmJobState::runs() const { return among(state, kRunning); }
bool SlurmJobState::ended() const { return !waits() && !runs(); }

std::string squeue_format() {
  static constexpr std::string_view kFields[] = {"%A", "%T", "%D", "%C", "%N", "%P", "%a", "%q", "%l", "%V", "%S", "%e", "%j", "%k", "%r"};
  std::string format(1, kRecordMark);
  for (const std::string_view field : kFields) {
    if (format.size() > 1) format += kFieldMark;
    format += field;
  }
  return format;
}

Result<std::vector<SlurmJobState>> parse_squeue(std::string_view text) {
  TRY_ASSIGN(const auto records, records_of("squeue", text, kRecordMark, 15));
  std::vector<SlurmJobState> jobs;
  for (const auto& f : records) {
    SlurmJobState job;
    job.id = f[0];
    set_state(job, f[1]);
    job.nodes_wanted = number_of(f[2]);
    job.cpus = number_of(f[3]);
    TRY_ASSIGN(job.nodes, expand_hostlist(f[4]).context("squeue, job " + job.id));
    job.partition = f[5];
    job.account = unless_nothing(f[6]);
    job.qos = unless_nothing(f[7]);
    job.time_limit = parse_slurm_span(f[8]);
    job.submitted = parse_slurm_instant(f[9]);
    job.started = parse_slurm_instant(f[10]);
    job.ends = parse_slurm_instant(f[11]);
    job.name = f[12];
    set_tag(job, f[13]);
    job.reason = unless_nothing(f[14]);
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::string_view sacct_fields() {
  return "JobIDRaw,State,ExitCode,NNodes,AllocCPUS,NodeList,Partition,Account,QOS,Timelimit,Submit,Start,End,JobName,Comment,Reason";
}

Result<std::vector<SlurmJobState>> parse_sacct(std::string_view text) {
  TRY_ASSIGN(const auto records, records_of("sacct", text, '\n', 16));
  std::vector<SlurmJobState> jobs;
  for (const auto& f : records) {
    SlurmJobState job;
    job.id = f[0];
    set_state(job, f[1]);
    set_exit(job, f[2]);
    job.nodes_wanted = number_of(f[3]);
    job.cpus = number_of(f[4]);
    TRY_ASSIGN(job.nodes, expand_hostlist(f[5]).context("sacct, job " + job.id));
    job.partition = f[6];
    job.account = unless_nothing(f[7]);
    job.qos = unless_nothing(f[8]);
    job.time_limit = parse_slurm_span(f[9]);
    job.submitted = parse_slurm_instant(f[10]);
    job.started = parse_slurm_instant(f[11]);
    job.ends = parse_slurm_instant(f[12]);
    job.name = f[13];
    set_tag(job, f[14]);
    job.reason = unless_nothing(f[15]);
    jobs.push_back(std::move(job));
  }
  return jobs;
}

Result<std::vector<SlurmJobState>> parse_scontrol_jobs(std::string_view text) {
  std::vector<SlurmJobState> jobs;
  for (const SlurmRecord& record : parse_records(text)) {
    SlurmJobState job;
    job.id = record.get("JobId");
    if (!is_id(job.id)) return Error(Code::kDataLoss, fmt::format("scontrol answered with no job: \"{}\"", trim(text).substr(0, 200)));
    set_state(job, record.get("JobState"));
    set_exit(job, record.get("ExitCode"));
    job.nodes_wanted = static_cast<int>(std::min<std::uint64_t>(record.number("NumNodes"), kHostsMax));
    job.cpus = static_cast<int>(std::min<std::uint64_t>(record.number("NumCPUs"), 1 << 30));
    TRY_ASSIGN(job.nodes, expand_hostlist(record.get("NodeList")).context("scontrol, job " + job.id));
    job.partition = record.get("Partition");
    job.account = record.get("Account");
    job.qos = record.get("QOS");
    job.time_limit = parse_slurm_span(record.get("TimeLimit"));
    job.submitted = parse_slurm_instant(record.get("SubmitTime"));
    job.started = parse_slurm_instant(record.get("StartTime"));
    job.ends = parse_slurm_instant(record.get("EndTime"));
    job.name = record.get("JobName");
    set_tag(job, record.get("Comment"));
    job.reason = record.get("Reason");
    jobs.push_back(std::move(job));
  }
  return jobs;
}

}  // namespace isobar::cloud
