// What Slurm says of a job is one word of some two hundred, and the question behind it is always the same: does it help to wait? Three
// tables answer that: for jobs that wait, for jobs that ended, and for requests that were refused. Rows are tried from the top; the first
// whose word fits decides.
// Source   Slurm's job_reason_codes and slurm_errno.c, 22.05 to 24.05.

#include "slurm_reasons.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "slurm_fields.h"

namespace isobar::cloud {

namespace {

enum class Hope { kYes, kNo };

struct WaitRow {
  std::string_view prefix, suffix;  // the reason begins and ends so
  Hope hope;
  std::string_view code, sentence;
};

constexpr std::array kWaits = {
    WaitRow{"Resources", "", Hope::kYes, "", "other jobs hold the nodes; it starts when enough of them are free"},
    WaitRow{"Priority", "", Hope::kYes, "", "jobs of higher priority are ahead of it in the queue"},
    WaitRow{"BeginTime", "", Hope::kYes, "", "its earliest time to start has not come yet"},
    WaitRow{"DependencyNeverSatisfied", "", Hope::kNo, "InvalidOption",
            "it waits for a job that can never end as asked; look at --dependency"},
    WaitRow{"Dependency", "", Hope::kYes, "", "it waits for another job to end"},
    WaitRow{"None", "", Hope::kYes, "", "Slurm has not looked at it yet"},
    WaitRow{"Prolog", "", Hope::kYes, "", "the nodes are being prepared"},
    WaitRow{"Cleaning", "", Hope::kYes, "", "what it left behind of an earlier run is being cleaned up"},
    WaitRow{"NodeDown", "", Hope::kYes, "", "a node it needs is down"},
    WaitRow{"ReqNodeNotAvail", "", Hope::kYes, "", "a node it needs is down, drained or reserved, as for maintenance"},
    WaitRow{"Nodes required for job are DOWN", "", Hope::kYes, "", "nodes it needs are down, drained or reserved for others"},
    WaitRow{"Reservation", "", Hope::kYes, "", "its reservation has not begun"},
    WaitRow{"Licenses", "", Hope::kYes, "", "other jobs hold the licences it asks for"},
    WaitRow{"JobArrayTaskLimit", "", Hope::kYes, "", "other tasks of its array run first"},
    WaitRow{"JobHeldUser", "", Hope::kNo, "JobHeld", "it is held by its user; let it go with: scontrol release JOB"},
    WaitRow{"JobHeldAdmin", "", Hope::kNo, "JobHeld", "it is held by an operator of the cluster; ask them why"},
    WaitRow{"JobHoldMaxRequeue", "", Hope::kNo, "JobHeld", "it was put back into the queue too often; ask the cluster's operators"},
    WaitRow{"launch failed requeued held", "", Hope::kNo, "JobHeld",
            "its start failed on a node, and it is held; ask the cluster's operators"},
    WaitRow{"BadConstraints", "", Hope::kNo, "NodeConfigurationUnavailable", "no node of the partition has what it asks for"},
    WaitRow{"PartitionConfig", "", Hope::kNo, "NodeConfigurationUnavailable",
            "no node of the partition is large enough, or it has too few nodes"},
    WaitRow{"PartitionNodeLimit", "", Hope::kNo, "NodeConfigurationUnavailable",
            "it asks for more nodes than the partition has or gives to one job"},
    WaitRow{"PartitionTimeLimit", "", Hope::kNo, "InvalidTimeLimit", "it asks for more time than the partition gives; ask for less"},
    WaitRow{"PartitionDown", "", Hope::kNo, "PartitionUnavailable", "the partition is closed: jobs wait in it and none starts"},
    WaitRow{"PartitionInactive", "", Hope::kNo, "PartitionUnavailable", "the partition is closed to jobs"},
    WaitRow{"AccountNotAllowed", "", Hope::kNo, "InvalidAccount", "its account may not use the partition"},
    WaitRow{"QOSNotAllowed", "", Hope::kNo, "InvalidQos", "its QOS may not be used with the partition or the account"},
    WaitRow{"InvalidAccount", "", Hope::kNo, "InvalidAccount", "its account is not known to the cluster, or not yours"},
    WaitRow{"InvalidQOS", "", Hope::kNo, "InvalidQos", "its QOS is not known to the cluster, or not yours"},
    WaitRow{"QOSTimeLimit", "", Hope::kNo, "InvalidTimeLimit", "it asks for more time than its QOS gives; ask for less"},
    WaitRow{"AccountingPolicy", "", Hope::kYes, "", "a limit of its account is used up for now"},
    WaitRow{"AssociationJobLimit", "", Hope::kYes, "", "your account runs as many jobs as it may"},
    WaitRow{"QOSUsageThreshold", "", Hope::kYes, "", "its QOS has been used more than its share"},
    // QOSMaxCpuPerJobLimit, AssocMaxWallDurationPerJobLimit, QOSMinGRES: one job alone breaks the limit, so no waiting mends it.
    WaitRow{"QOSMin", "", Hope::kNo, "PolicyViolation", "it asks for less than its QOS takes"},
    WaitRow{"QOSMax", "PerJobLimit", Hope::kNo, "PolicyViolation", "it asks for more than its QOS gives to one job"},
    WaitRow{"QOSMax", "PerJob", Hope::kNo, "PolicyViolation", "it asks for more than its QOS gives to one job"},
    WaitRow{"QOSMax", "PerNodeLimit", Hope::kNo, "PolicyViolation", "it asks for more of a node than its QOS gives to one job"},
    WaitRow{"QOSMax", "PerNode", Hope::kNo, "PolicyViolation", "it asks for more of a node than its QOS gives to one job"},
    WaitRow{"AssocMax", "PerJobLimit", Hope::kNo, "PolicyViolation", "it asks for more than your account gives to one job"},
    WaitRow{"AssocMax", "PerJob", Hope::kNo, "PolicyViolation", "it asks for more than your account gives to one job"},
    WaitRow{"AssocMax", "PerNodeLimit", Hope::kNo, "PolicyViolation", "it asks for more of a node than your account gives to one job"},
    // QOSMaxCpuPerUserLimit, QOSGrpGRES, AssocGrpGRES, MaxJobsPerAccount …: a budget shared with jobs that will end.
    WaitRow{"QOSMax", "", Hope::kYes, "", "your jobs hold as much as its QOS gives to one user or account"},
    WaitRow{"QOSGrp", "RunMinutes", Hope::kYes, "", "running jobs of its QOS have claimed as much time as it gives at once"},
    WaitRow{"QOSGrp", "RunMinutesLimit", Hope::kYes, "", "running jobs of its QOS have claimed as much time as it gives at once"},
    WaitRow{"QOSGrp", "Minutes", Hope::kNo, "PolicyViolation", "the hours that its QOS was given are spent"},
    WaitRow{"QOSGrp", "MinutesLimit", Hope::kNo, "PolicyViolation", "the hours that its QOS was given are spent"},
    WaitRow{"QOSGrp", "", Hope::kYes, "", "all jobs of its QOS together hold as much as it gives"},
    WaitRow{"AssocGrp", "RunMinutes", Hope::kYes, "", "running jobs of your account have claimed as much time as it gives at once"},
    WaitRow{"AssocGrp", "RunMinutesLimit", Hope::kYes, "", "running jobs of your account have claimed as much time as it gives at once"},
    WaitRow{"AssocGrp", "Minutes", Hope::kNo, "PolicyViolation", "the hours that your account was given are spent"},
    WaitRow{"AssocGrp", "MinutesLimit", Hope::kNo, "PolicyViolation", "the hours that your account was given are spent"},
    WaitRow{"AssocGrp", "", Hope::kYes, "", "all jobs of your account together hold as much as it gives"},
    WaitRow{"AssocMax", "", Hope::kYes, "", "your jobs hold as much as your account gives"},
    WaitRow{"Max", "", Hope::kYes, "", "your jobs hold as much as the cluster gives to one user or account"},
    // The whole sentence of a partition that is closed to the account: "Job's account not known, so it can't use this partition (…)".
    WaitRow{"Job's account not", "", Hope::kNo, "InvalidAccount", "its account may not use the partition"},
    WaitRow{"Job's QOS not", "", Hope::kNo, "InvalidQos", "its QOS may not use the partition"},
    WaitRow{"Job's account", "", Hope::kNo, "InvalidAccount", "its account may not use the partition"},
};

struct RefusalRow {
  std::string_view words;  // standard error holds these, in any case
  std::string_view provider_code;
  Code code;
  std::string_view sentence;
};

constexpr std::array kRefusals = {
    RefusalRow{"unable to contact slurm controller", "ControllerUnreachable", Code::kUnavailable,
               "its controller does not answer; try again later, or ask its operators"},
    RefusalRow{"socket timed out", "ControllerUnreachable", Code::kUnavailable, "its controller is too busy to answer; try again later"},
    RefusalRow{"unable to establish config", "ControllerUnreachable", Code::kUnavailable,
               "the login host finds no controller; is HostName in ~/.slurm/config a login host of a Slurm cluster?"},
    RefusalRow{"could not establish a configuration source", "ControllerUnreachable", Code::kUnavailable,
               "the login host finds no controller; is HostName in ~/.slurm/config a login host of a Slurm cluster?"},
    RefusalRow{"protocol authentication error", "ControllerUnreachable", Code::kUnavailable,
               "the login host cannot prove who it is (munge); ask the cluster's operators"},
    RefusalRow{"the cluster was taken down", "TakenDown", Code::kUnavailable, "the cluster was taken down while it was being made"},
    RefusalRow{"another submission is still running", "SubmissionRunning", Code::kUnavailable,
               "another submission of yours on the login host has not ended; try again in a minute"},
    RefusalRow{"command not found", "SlurmNotInstalled", Code::kInvalidArgument,
               "the login host has no Slurm in its PATH; name the folder of its programs, or another HostName in ~/.slurm/config"},
    RefusalRow{": not found", "SlurmNotInstalled", Code::kInvalidArgument,
               "the login host has no Slurm in its PATH; name the folder of its programs, or another HostName in ~/.slurm/config"},
    RefusalRow{"invalid account or account/partition combination", "InvalidAccount", Code::kPermissionDenied,
               "the account is not yours or may not use the partition; `sacctmgr show associations user=$USER` lists yours"},
    RefusalRow{"invalid qos", "InvalidQos", Code::kPermissionDenied,
               "the QOS is not yours or may not be used here; `sacctmgr show associations user=$USER` lists yours"},
    RefusalRow{"invalid partition", "InvalidPartition", Code::kInvalidArgument, "there is no such partition; `sinfo` lists them"},
    RefusalRow{"requested time limit is invalid", "InvalidTimeLimit", Code::kInvalidArgument,
               "it asks for more time than the partition gives, or names none where one must be named"},
    RefusalRow{"job violates accounting/qos policy", "PolicyViolation", Code::kExhausted,
               "it is more than your account or QOS gives: too many jobs, too large, or too long"},
    RefusalRow{"invalid generic resource", "InvalidGres", Code::kInvalidArgument, "the cluster has no accelerators of that kind"},
    RefusalRow{"memory specification can not be satisfied", "NodeConfigurationUnavailable", Code::kExhausted,
               "no node has that much memory"},
    RefusalRow{"cpu count per node can not be satisfied", "NodeConfigurationUnavailable", Code::kExhausted,
               "no node has that many processors"},
    RefusalRow{"node count specification invalid", "NodeConfigurationUnavailable", Code::kExhausted,
               "the partition does not give so many nodes to one job"},
    RefusalRow{"requested node configuration is not available", "NodeConfigurationUnavailable", Code::kExhausted,
               "no node of the partition has what it asks for"},
    RefusalRow{"more processors requested than permitted", "NodeConfigurationUnavailable", Code::kExhausted,
               "no node has that many processors"},
    RefusalRow{"requested partition configuration not available", "PartitionUnavailable", Code::kUnavailable,
               "the partition cannot take it now"},
    RefusalRow{"required partition not available", "PartitionUnavailable", Code::kUnavailable, "the partition is closed"},
    RefusalRow{"requested nodes are busy", "PartitionUnavailable", Code::kUnavailable, "its nodes are busy"},
    RefusalRow{"user's group not permitted to use this partition", "InvalidAccount", Code::kPermissionDenied,
               "your group may not use the partition"},
    RefusalRow{"access/permission denied", "AccessDenied", Code::kPermissionDenied,
               "it does not let you in; ask its operators for an account"},
    RefusalRow{"invalid user id", "AccessDenied", Code::kPermissionDenied, "your user is not known to its nodes; ask its operators"},
    RefusalRow{"invalid feature specification", "InvalidOption", Code::kInvalidArgument,
               "the partition has no node with that --constraint"},
    RefusalRow{"invalid node name specified", "InvalidOption", Code::kInvalidArgument, "there is no such node; `sinfo -N` lists them"},
    RefusalRow{"unrecognized option", "InvalidOption", Code::kInvalidArgument,
               "this release of Slurm has no such option; see `sbatch --help`"},
    RefusalRow{"invalid option", "InvalidOption", Code::kInvalidArgument, "this release of Slurm has no such option; see `sbatch --help`"},
    RefusalRow{"invalid license", "InvalidOption", Code::kInvalidArgument, "the cluster has no such licence"},
};

bool fits(const WaitRow& row, std::string_view reason) { return reason.starts_with(row.prefix) && reason.ends_with(row.suffix); }

/// The first line that says what is wrong, without the name of the program before it: "sbatch: error: Batch job submission failed: …".
std::string_view telling_line(std::string_view words) {
  std::string_view told;
  for (std::string_view line : split(words, '\n')) {
    line = trim(line);
    const auto error = line.find(": error: ");
    if (error != std::string_view::npos) return line.substr(error + 9);
    if (told.empty()) told = line;
  }
  return told;
}

std::string status_of(const SlurmJobState& job) {
  if (job.signal != 0) return fmt::format("signal {}", job.signal);
  return fmt::format("exit code {}", job.exit_code);
}

}  // namespace

WaitReason explain_wait(const SlurmJobState& job) {
  // scontrol writes "Nodes_required_for_job_are_DOWN,…" where squeue writes blanks.
  std::string reason = job.reason;
  if (reason.find(' ') == std::string::npos) std::replace(reason.begin(), reason.end(), '_', ' ');
  if (reason.empty()) reason = "None";
  for (const WaitRow& row : kWaits)
    if (fits(row, reason)) return {fmt::format("{} (Slurm: {})", row.sentence, reason), row.hope == Hope::kYes, std::string(row.code)};
  return {fmt::format("Slurm says \"{}\"", reason), true, ""};
}

std::string explain_end(const SlurmJobState& job) {
  const std::string& state = job.state;
  if (state == "COMPLETED") return "it ended by itself";
  if (state == "TIMEOUT")
    return job.time_limit ? fmt::format("the time limit of {} was reached", format_slurm_span(*job.time_limit))
                          : "its time limit was reached";
  if (state == "CANCELLED")
    return job.cancelled_by.empty() ? "it was cancelled" : fmt::format("it was cancelled by user {}", job.cancelled_by);
  if (state == "PREEMPTED") return "a job of higher priority took its nodes";
  if (state == "NODE_FAIL") return "one of its nodes went down";
  if (state == "OUT_OF_MEMORY") return "it used more memory than it had asked for";
  if (state == "BOOT_FAIL") return "one of its nodes did not boot";
  if (state == "DEADLINE") return "it could not have ended before its deadline";
  if (state == "REVOKED") return "another cluster of the federation started it";
  if (job.was_refused()) return fmt::format("Slurm refused it: {}", explain_wait(job).sentence);
  if (state == "FAILED") return fmt::format("its script failed with {}", status_of(job));
  return fmt::format("it ended as {}", state);
}

SlurmRefusal explain_refusal(std::string_view cluster, int exit_code, std::string_view words) {
  const std::string lower = to_lower(words);
  const std::string_view told = telling_line(words);
  for (const RefusalRow& row : kRefusals)
    if (lower.find(row.words) != std::string::npos)
      return {Error(row.code, fmt::format("Slurm cluster {}: {} (it says: {})", cluster, row.sentence, told)),
              std::string(row.provider_code)};
  const std::string said = told.empty() ? "it says nothing" : "it says: " + std::string(told);
  return {Error(Code::kInvalidArgument, fmt::format("Slurm cluster {}: refused with exit code {} ({})", cluster, exit_code, said)),
          "Refused"};
}

}  // namespace isobar::cloud
