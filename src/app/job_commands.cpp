// queue, logs, cancel.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <boost/json.hpp>

#include "base/text_table.h"
#include "command.h"
#include "follow_logs.h"
#include "later_options.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

std::string ago(const std::optional<Instant>& at, Instant now) { return at ? format_ago(now - *at) : "-"; }

std::string duration_of(const broker::JobRecord& job, Instant now) {
  return job.started ? format_duration(job.ended.value_or(now) - *job.started) : "-";
}

json::object to_json(const std::string& cluster, const broker::JobRecord& job) {
  json::object object{{"cluster", cluster},
                      {"id", job.id.value()},
                      {"name", job.name},
                      {"user", job.user},
                      {"status", broker::name_of(job.status)},
                      {"num_nodes", job.num_nodes},
                      {"resources", job.resources},
                      {"submitted_at", job.submitted.unix_seconds()},
                      {"started_at", nullptr},
                      {"ended_at", nullptr},
                      {"exit_code", nullptr},
                      {"reason", job.reason},
                      {"log", job.log_folder}};
  if (job.started) object["started_at"] = job.started->unix_seconds();
  if (job.ended) object["ended_at"] = job.ended->unix_seconds();
  if (job.exit_code) object["exit_code"] = *job.exit_code;
  return object;
}

struct QueueOptions {
  std::vector<std::string> clusters;
  bool active_only = false;
  std::string output;
};

int show_queue(Context& context, QueueOptions options) {
  auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  if (options.clusters.empty()) {
    const auto clusters = (*broker)->status();
    if (!clusters.ok()) return context.console().fail(clusters.error());
    for (const auto& cluster : *clusters)
      if (cluster.status == broker::ClusterStatus::kUp) options.clusters.push_back(cluster.name);
  }
  json::array array;
  const Instant now = context.clock().now();
  for (const auto& name : options.clusters) {
    auto head = (*broker)->connect_head(name);
    if (!head.ok()) return context.console().fail(head.error());
    const auto jobs = head->queue(options.active_only);
    if (!jobs.ok()) return context.console().fail(jobs.error());
    const auto node = head->status();
    for (const auto& notice : node.ok() ? node->notices : std::vector<broker::NodeNotice>())
      context.console().say(fmt::format("Cluster '{}': {}", name, broker::describe(notice)));
    TextTable table({"ID", "NAME", "USER", "SUBMITTED", "STARTED", "DURATION", "RESOURCES", "STATUS", "LOG"});
    for (const auto& job : *jobs) {
      array.push_back(to_json(name, job));
      table.add({fmt::to_string(job.id.value()), job.name, job.user, ago(job.submitted, now), ago(job.started, now), duration_of(job, now),
                 job.resources, std::string(broker::name_of(job.status)), job.log_folder});
    }
    if (options.output == "json") continue;
    if (options.clusters.size() > 1) context.console().print(fmt::format("{}\n", context.console().bold("Cluster " + name)));
    context.console().print(jobs->empty() ? fmt::format("No jobs on cluster '{}'.\n", name) : table.render());
  }
  if (options.output == "json") context.console().print(json::serialize(array) + "\n");
  else if (options.clusters.empty()) context.console().print("No cluster is up.\n");
  return kOk;
}

struct LogOptions {
  std::string cluster;
  std::uint64_t job = 0;
  bool no_follow = false, status = false, sync_down = false;
  std::optional<std::uint64_t> tail;
  std::optional<int> rank;
};

int save_logs(Context& context, broker::AgentClient& head, const LogOptions& options) {
  const auto job = head.job(broker::JobId(options.job));
  if (!job.ok()) return context.console().fail(job.error());
  const fs::path folder = fs::path("sky_logs") / options.cluster;
  const fs::path path = folder / fmt::format("{}-{}.log", job->id, job->name);
  std::string text;
  const auto end = head.tail_logs({job->id, false, std::nullopt, std::nullopt}, [&](std::string_view piece) { text += piece; });
  if (!end.ok()) return context.console().fail(end.error());
  auto saved = make_folders(folder);
  if (saved.ok()) saved = write_file(path, text);
  if (!saved.ok()) return context.console().fail("save logs", saved.error());
  context.console().print(path.string() + "\n");
  return kOk;
}

int show_logs(Context& context, const LogOptions& options) {
  auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  auto head = (*broker)->connect_head(options.cluster);
  if (!head.ok()) return context.console().fail(head.error());
  if (options.sync_down) return save_logs(context, *head, options);
  if (options.status) {
    const auto job = head->job(broker::JobId(options.job));
    if (!job.ok()) return context.console().fail(job.error());
    context.console().print(fmt::format("Job {}: {}\n", job->id, broker::name_of(job->status)));
    return job->status == broker::JobStatus::kSucceeded ? kOk : kFailed;
  }
  const broker::TailLogs what{broker::JobId(options.job), !options.no_follow, options.tail, options.rank};
  auto tail = head->open_tail(what);
  if (!tail.ok()) return context.console().fail("logs", tail.error());
  return follow_logs(context, std::move(tail).value(), options.cluster, what);
}

struct CancelOptions {
  std::string cluster;
  std::vector<std::uint64_t> jobs;
  bool all = false, yes = false;
};

int cancel_jobs(Context& context, const CancelOptions& options) {
  if (!options.all && options.jobs.empty()) return context.console().fail(invalid("name jobs by id, or pass --all"));
  auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  auto head = (*broker)->connect_head(options.cluster);
  if (!head.ok()) return context.console().fail(head.error());
  std::vector<broker::JobId> ids;
  for (const auto id : options.jobs) ids.emplace_back(id);
  const auto ended = options.all ? head->cancel_all() : head->cancel(ids);
  if (!ended.ok()) return context.console().fail(ended.error());
  for (const auto& id : *ended) context.console().print(fmt::format("Job {} is cancelled.\n", id));
  if (ended->empty()) context.console().print("Nothing to cancel: these jobs had ended.\n");
  return kOk;
}

}  // namespace

void add_job_commands(Commands& commands) {
  auto queue_options = std::make_shared<QueueOptions>();
  CLI::App* queue = commands.add(nullptr, "queue", "Show the jobs of clusters.",
                                 [queue_options](Context& context) { return show_queue(context, *queue_options); });
  queue->add_option("CLUSTER", queue_options->clusters, "Only these clusters.");
  queue->add_flag("-s,--skip-finished", queue_options->active_only, "Leave out jobs that have ended.");
  add_accepted_flag(*queue, "-u,--all-users", "the clusters here are all yours.");
  queue->add_option("-o,--output", queue_options->output, "table or json.")->check(CLI::IsMember({"table", "json"}));

  auto log_options = std::make_shared<LogOptions>();
  CLI::App* logs = commands.add(nullptr, "logs", "Show the output of a job, the newest by default.",
                                [log_options](Context& context) { return show_logs(context, *log_options); });
  logs->add_option("CLUSTER", log_options->cluster, "The cluster.")->required();
  logs->add_option("JOB", log_options->job, "The job's id.");
  logs->add_flag("--no-follow", log_options->no_follow, "Print what there is and return.");
  logs->add_option("--tail", log_options->tail, "Begin with the last N lines.");
  logs->add_option("--rank", log_options->rank, "Only this rank's lines.");
  logs->add_flag("--status", log_options->status, "Print the status alone; exit code 0 if the job succeeded, 1 otherwise.");
  logs->add_flag("--sync-down", log_options->sync_down, "Save the log below ./sky_logs and print its path.");
  add_later_options(*logs, {{"--provision", false, "the log of a launch is not kept for this yet; it is in ~/.isobar/logs/isobar.log"},
                            {"--autostop", false, "lifecycle hooks, whose log this is, are not available yet"}});

  auto cancel_options = std::make_shared<CancelOptions>();
  CLI::App* cancel = commands.add(nullptr, "cancel", "End jobs, with every process they started.",
                                  [cancel_options](Context& context) { return cancel_jobs(context, *cancel_options); });
  cancel->add_option("CLUSTER", cancel_options->cluster, "The cluster.")->required();
  cancel->add_option("JOB", cancel_options->jobs, "Ids of jobs.");
  cancel->add_flag("-a,--all", cancel_options->all, "Every job of the cluster.");
  cancel->add_flag("-u,--all-users", cancel_options->all, "The same: the jobs here are all yours.");
  cancel->add_flag("-y,--yes", cancel_options->yes, "Accepted for compatibility; cancel does not ask.");
}

}  // namespace isobar::app
