// launch, exec, optimize, rehearse: a task from its file to where it runs.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "base/random.h"
#include "broker/plan_table.h"
#include "broker/rehearsal.h"
#include "broker/volumes.h"
#include "bucket_mounts.h"
#include "command.h"
#include "follow_logs.h"
#include "later_options.h"
#include "made_buckets.h"
#include "market.h"
#include "task_options.h"

namespace isobar::app {

namespace {

struct LaunchOptions {
  std::string cluster;
  bool detach = false, down = false, retry_until_up = false, yes = false, no_setup = false, dryrun = false, explain = false, fast = false;
  std::string idle, wait_for, objective = "cost", output;
  std::uint64_t num_jobs = 1;
};

broker::OptimizeOptions optimize_options(const LaunchOptions& options) {
  return {.objective = options.objective == "time" ? broker::Objective::kTime : broker::Objective::kCost};
}

// The plan as the user asked to see it.
void show_plan(Context& context, const broker::Plan& plan, const LaunchOptions& options) {
  if (options.output == "json") {
    context.console().print(broker::plan_json(plan) + "\n");
    return;
  }
  context.console().print(broker::render_plan(plan, context.console().colour() ? broker::Colour::kOn : broker::Colour::kOff));
  if (options.explain) context.console().print(broker::explain(plan));
}

// What mounts no volumes is no place for a task that has some, whatever its prices are.
void leave_out_without_volumes(Context& context, broker::Market& market, const broker::TaskFile& file) {
  std::vector<cloud::VolumeUse> any;
  for (const auto& task : file.tasks)
    for (const auto& mount : task.volumes) any.push_back({.path = mount.path, .volume = {}, .ephemeral = true});
  if (any.empty()) return;
  for (const auto& section : market.catalog.sections()) {
    const std::string cloud(section.cloud);
    const auto driver = context.providers().find(cloud);
    const bool has = driver != context.providers().end() && driver->second->volumes();
    if (!has) market.disabled[cloud] = broker::no_volumes_here(any);
  }
}

// `optimize` and `launch --dryrun`: from the catalog alone, all its clouds; nothing is started, no credential needed.
int plan_only(Context& context, const TaskOptions& task_options, const LaunchOptions& options) {
  const auto file = load_task(task_options, context);
  if (!file.ok()) return context.console().fail(file.error());
  for (const auto& warning : file->warnings) context.console().say("warning: " + warning);
  auto market = open_market(context, Reach::kWholeCatalog);
  if (!market.ok()) return context.console().fail(market.error());
  leave_out_without_volumes(context, *market, *file);
  const auto plan = broker::optimize(task_nodes(*file), *market, optimize_options(options));
  if (!plan.ok()) return context.console().fail(plan.error());
  show_plan(context, *plan, options);
  return kOk;
}

// What of the workdir and the mounts would be sent, and what would not, and why.
void show_files(Context& context, const std::vector<std::pair<std::string, broker::LocalTree>>& trees) {
  for (const auto& [destination, tree] : trees) {
    context.console().print(
        fmt::format("{} -> {}: {} entries, {}\n", tree.source.string(), destination, tree.entries.size(), format_bytes({tree.bytes})));
    for (const auto& skipped : tree.skipped) context.console().print(fmt::format("  skipped {}: {}\n", skipped.path, skipped.reason));
  }
}

int dry_run(Context& context, const TaskOptions& task_options, const LaunchOptions& options) {
  const int exit_code = plan_only(context, task_options, options);
  if (exit_code != kOk || options.output == "json") return exit_code;
  const auto file = load_task(task_options, context);
  for (const auto& task : file->tasks) {
    const auto trees = broker::scan_sources(task, context.home() / "git");
    if (!trees.ok()) return context.console().fail(trees.error());
    show_files(context, *trees);
  }
  const auto available = broker::require_available(*file);
  if (!available.ok()) context.console().say("note: " + available.error().message());
  context.console().say("Dry run: nothing was started.");
  return kOk;
}

Result<std::optional<broker::Autostop>> wanted_autostop(const broker::Task& task, const LaunchOptions& options) {
  std::optional<broker::Autostop> autostop;
  for (const auto& alternative : task.resources.alternatives)
    if (alternative.autostop) autostop = alternative.autostop;
  if (!options.idle.empty()) {
    autostop.emplace();
    TRY_ASSIGN(autostop->idle, parse_duration(options.idle, 1min).context("--idle-minutes-to-autostop"));
  }
  if (options.down) {
    if (!autostop) autostop = broker::Autostop{.idle = Duration::zero()};
    autostop->down = true;
  }
  if (!autostop || options.wait_for.empty()) return autostop;
  autostop->wait_for = options.wait_for == "none"   ? broker::IdleWait::kNone
                       : options.wait_for == "jobs" ? broker::IdleWait::kJobs
                                                    : broker::IdleWait::kJobsAndSsh;
  return autostop;
}

// What any alternative asks to have open.
Ports wanted_ports(const broker::Task& task) {
  Ports ports;
  for (const auto& alternative : task.resources.alternatives) ports.insert(ports.end(), alternative.ports.begin(), alternative.ports.end());
  return merged(std::move(ports));
}

bool wants_mending(const broker::Task& task) {
  return task.num_nodes > 1 && std::any_of(task.resources.alternatives.begin(), task.resources.alternatives.end(),
                                           [](const auto& each) { return each.job_recovery && each.job_recovery->replace_lost_nodes; });
}

// A cloud that cannot do what is asked is left out before anything is paid for there: volumes mounted, ports opened, a cluster that ends by
// itself. Whoever names a cloud that mounts no volumes is told that first: credentials would not mend it.
Status leave_out_unable(Context& context, broker::Market& market, const std::string& cluster, const broker::Task& task,
                        const std::vector<cloud::VolumeUse>& volumes, const LaunchOptions& options) {
  TRY_ASSIGN(const auto autostop, wanted_autostop(task, options));
  const auto ports = wanted_ports(task);
  for (const auto& [cloud, driver] : context.providers()) {
    if (const auto mounts = broker::check_volumes(*driver, volumes, task.num_nodes); !mounts.ok())
      market.disabled[cloud] = mounts.error().message();
    if (market.disabled.contains(cloud)) continue;
    auto able = autostop ? broker::check_autostop(*driver, cluster, *autostop) : Status();
    if (able.ok() && !ports.empty()) able = driver->check_ports(ports);
    if (able.ok() && wants_mending(task) && !driver->replaces_nodes())
      able = invalid(fmt::format("{} cannot replace single nodes of a cluster (job_recovery.replace_lost_nodes)", cloud));
    if (!able.ok()) market.disabled[cloud] = able.error().message();
  }
  return {};
}

// Finds a place for a new cluster, asks when it costs money, and brings it up.
Status provision(Context& context, broker::ClusterSession& session, const broker::Task& task, const std::vector<cloud::VolumeUse>& volumes,
                 const LaunchOptions& options) {
  TRY_ASSIGN(auto market, open_market(context, Reach::kEnabledClouds, &task.resources));
  TRY(leave_out_unable(context, market, session.name(), task, volumes, options));
  broker::TaskFile file;
  file.tasks = {task};
  TRY_ASSIGN(const auto plan, broker::optimize(task_nodes(file), market, optimize_options(options)));
  show_plan(context, plan, options);
  const auto& pick = plan.tasks[0].candidate();
  if (!options.yes && pick.hourly_price > 0) {
    TRY_ASSIGN(const bool agreed, context.console().confirm(fmt::format("Launch cluster '{}' at ${:.4g}/hr?", session.name(),
                                                                        pick.hourly_price * task.num_nodes)));
    if (!agreed) return Error(Code::kUnavailable, "not launched");
  }
  broker::LaunchGoal goal{.cluster = session.name(), .num_nodes = task.num_nodes, .retry_until_up = options.retry_until_up};
  TRY_ASSIGN(goal.ranked, ranked_placements(task.resources, market));
  for (const auto& alternative : task.resources.alternatives) goal.labels.insert(alternative.labels.begin(), alternative.labels.end());
  for (const auto& alternative : task.resources.alternatives) goal.images.push_back(alternative.image_id.value_or(""));
  goal.config = task.config;
  goal.ports = wanted_ports(task);
  goal.volumes = volumes;
  broker::ClusterRecord blank;
  blank.name = session.name();
  blank.num_nodes = task.num_nodes;
  blank.user = context.user();
  blank.volumes = task.volumes;
  blank.mend.allowed = wants_mending(task);
  const Instant before = context.clock().now();
  TRY(session.provision(std::move(goal), std::move(blank)));
  context.console().say(fmt::format("Cluster '{}' is up ({}).", session.name(), format_duration(context.clock().now() - before)));
  return {};
}

// Brings the cluster to UP, whatever it was.
Status bring_up(Context& context, broker::ClusterSession& session, const broker::Task& task, const std::vector<cloud::VolumeUse>& volumes,
                const broker::Trees& trees, const LaunchOptions& options) {
  if (!session.record()) return provision(context, session, task, volumes, options);
  TRY(broker::check_fits(task, *session.record()));
  context.console().say(fmt::format("Cluster '{}' exists: {} on {}.", session.name(),
                                    broker::describe_resources(session.record()->placement, session.record()->num_nodes),
                                    broker::describe(session.record()->placement)));
  if (session.record()->status == broker::ClusterStatus::kUp) return {};
  if (session.record()->status == broker::ClusterStatus::kStopped) {
    context.console().say(fmt::format("Starting cluster '{}' again, with its disk …", session.name()));
    return session.start();
  }
  TRY_ASSIGN(const bool mendable, session.needs_mending());
  if (mendable) return session.mend({}, trees);
  return unavailable(fmt::format(
      "cluster '{}' is INIT: not all of its nodes run; `isobar start {}` tries to bring them back, `isobar down {}` removes them",
      session.name(), session.name(), session.name()));
}

std::vector<broker::JobOrder> job_orders(Context& context, const broker::Task& task, const LaunchOptions& options,
                                         const std::map<std::string, std::string>& fetch, std::vector<broker::Task>& copies) {
  std::vector<broker::JobOrder> orders;
  const std::string token = secure_random_hex(8);
  copies.reserve(options.num_jobs);
  for (std::uint64_t rank = 0; rank < options.num_jobs; ++rank) {
    copies.push_back(task);
    if (options.num_jobs > 1)
      for (const char* name : {"SKYPILOT_JOB_RANK", "ISOBAR_JOB_RANK"}) copies.back().envs.push_back({name, fmt::to_string(rank)});
    orders.push_back({&copies.back(), task.name.empty() ? "job" : task.name, context.user(), !options.no_setup,
                      fmt::format("{}-{}", token, rank), fetch});
  }
  return orders;
}

// Submits, lets the lock go, and follows the log unless told not to.
int submit_and_follow(Context& context, broker::ClusterSession held, const broker::Task& task, const LaunchOptions& options,
                      const std::map<std::string, std::string>& fetch = {},
                      const std::optional<broker::Autostop>& autostop = std::nullopt) {
  std::optional<broker::ClusterSession> session(std::move(held));
  const std::string cluster = session->name();
  std::vector<broker::Task> copies;
  const auto ids = session->submit(job_orders(context, task, options, fetch, copies), autostop);
  if (!ids.ok()) return context.console().fail(fmt::format("submit to cluster '{}'", cluster), ids.error());
  const bool follows = !options.detach && ids->size() == 1;
  const broker::TailLogs what{ids->front(), true, std::nullopt, std::nullopt};
  auto tail = follows ? session->open_tail(what) : Result<broker::LogTail>(unavailable("not followed"));
  session.reset();
  if (ids->size() == 1) context.console().say(fmt::format("Job {} is submitted to cluster '{}'.", ids->front(), cluster));
  else context.console().say(fmt::format("Jobs {} to {} are submitted to cluster '{}'.", ids->front(), ids->back(), cluster));
  if (!follows) {
    context.console().say(fmt::format("  watch:  isobar logs {} {}", cluster, ids->front()));
    return kOk;
  }
  if (!tail.ok()) return context.console().fail("logs", tail.error());
  return follow_logs(context, std::move(tail).value(), cluster, what);
}

// What the nodes are told of a task's buckets.
struct Buckets {
  std::map<std::string, std::string> fetch;
  std::vector<broker::FileMount> mounts;
};

// cluster   none yet: what is wrong is found before anything is started, and nothing is made
Result<Buckets> buckets_of(Context& context, const broker::Task& task, const broker::ClusterRecord& cluster, MakeBuckets when) {
  TRY_ASSIGN(const auto made, with_buckets(context, task, cluster, when));
  Buckets buckets{{}, mounts_of(made)};
  TRY_ASSIGN(buckets.fetch, fetch_variables_of(made));
  for (const auto& mount : buckets.mounts) TRY(mount_order_of(mount).and_then([](auto&&) { return Status(); }));
  return buckets;
}

Status keep(Result<Buckets> made, Buckets& buckets) {
  TRY_ASSIGN(buckets, std::move(made));
  return {};
}

// The task where its volumes are, and these.
struct Placed {
  broker::Task task;
  std::vector<cloud::VolumeUse> volumes;
};

Result<Placed> load_placed_task(Context& context, const TaskOptions& task_options) {
  Placed placed;
  TRY_ASSIGN(placed.task, load_runnable_task(task_options, context));
  if (placed.task.volumes.empty()) return placed;
  TRY_ASSIGN(auto* broker, context.broker());
  TRY_ASSIGN(placed.volumes, broker::Volumes(broker->parts()).resolve(placed.task.volumes));
  TRY_ASSIGN(placed.task, broker::placed_at_volumes(std::move(placed.task), placed.volumes));
  return placed;
}

int launch(Context& context, const TaskOptions& task_options, LaunchOptions options) {
  if (options.dryrun) return dry_run(context, task_options, options);
  const auto placed = load_placed_task(context, task_options);
  if (!placed.ok()) return context.console().fail(placed.error());
  const auto* task = &placed->task;
  const auto trees = broker::scan_sources(*task, context.home() / "git");
  if (!trees.ok()) return context.console().fail(trees.error());
  auto buckets = buckets_of(context, *task, {}, MakeBuckets::kLater);
  if (!buckets.ok()) return context.console().fail(buckets.error());
  const auto autostop = wanted_autostop(*task, options);
  if (!autostop.ok()) return context.console().fail(autostop.error());
  auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  if (options.cluster.empty()) options.cluster = "isobar-" + secure_random_hex(2);

  auto session = (*broker)->open(options.cluster, "isobar launch -c " + options.cluster);
  if (!session.ok()) return context.console().fail(session.error());
  const bool existed = session->record().has_value();
  if (options.fast && existed && session->record()->status == broker::ClusterStatus::kUp) options.no_setup = true;
  auto ready = bring_up(context, *session, *task, placed->volumes, *trees, options);
  if (ready.ok() && wants_mending(*task)) ready = session->allow_mending();
  if (ready.ok()) ready = session->open_ports(wanted_ports(*task));
  if (ready.ok()) ready = session->send_files(*trees);
  if (ready.ok()) ready = keep(buckets_of(context, *task, *session->record(), MakeBuckets::kNow), *buckets);
  if (ready.ok()) ready = session->mount_buckets(buckets->mounts);
  if (ready.ok())
    ready = session->remember_command("isobar launch -c " + options.cluster +
                                      (task_options.entry.size() == 1 ? " " + task_options.entry[0] : " …"));
  if (!ready.ok()) return context.console().fail(ready.error());
  if (task->run.empty() && task->setup.empty() && buckets->fetch.empty()) {
    if (*autostop) ready = session->set_autostop(*autostop);
    return ready.ok() ? kOk : context.console().fail(ready.error());
  }
  const int exit_code = submit_and_follow(context, std::move(session).value(), *task, options, buckets->fetch, *autostop);
  if (!existed && !(*autostop && (*autostop)->down))
    context.console().say(fmt::format("\n  again:   isobar exec {0} TASK\n  remove:  isobar down {0}", options.cluster));
  return exit_code;
}

int exec(Context& context, const TaskOptions& task_options, LaunchOptions options) {
  const auto task = load_runnable_task(task_options, context);
  if (!task.ok()) return context.console().fail(task.error());
  const auto trees = broker::scan_sources(*task, context.home() / "git");
  if (!trees.ok()) return context.console().fail(trees.error());
  auto buckets = buckets_of(context, *task, {}, MakeBuckets::kLater);
  if (!buckets.ok()) return context.console().fail(buckets.error());
  auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  // Mirrors and mounts change the node for others; without them, many may submit at once.
  auto session = (*broker)->open(options.cluster, "isobar exec " + options.cluster,
                                 trees->empty() && buckets->mounts.empty() ? broker::Hold::kShared : broker::Hold::kExclusive);
  if (!session.ok()) return context.console().fail(session.error());
  if (!session->record())
    return context.console().fail(
        not_found(fmt::format("there is no cluster '{}'; `isobar launch -c {}` makes one", options.cluster, options.cluster)));
  if (session->record()->status != broker::ClusterStatus::kUp)
    return context.console().fail(invalid(
        fmt::format("cluster '{0}' is {1}; `isobar start {0}` starts it", options.cluster, broker::name_of(session->record()->status))));
  auto ready = broker::check_fits(*task, *session->record());
  if (ready.ok()) ready = session->send_files(*trees);
  if (ready.ok() && !buckets->mounts.empty()) ready = keep(buckets_of(context, *task, *session->record(), MakeBuckets::kNow), *buckets);
  if (ready.ok()) ready = session->mount_buckets(buckets->mounts);
  if (!ready.ok()) return context.console().fail(ready.error());
  options.no_setup = true;
  return submit_and_follow(context, std::move(session).value(), *task, options);
}

int rehearse(Context& context, const std::string& path, const std::string& faults_path, const std::string& output) {
  const auto file = broker::load_task_file(path);
  if (!file.ok()) return context.console().fail(file.error());
  const auto text = read_file(faults_path, 4 << 20);
  if (!text.ok()) return context.console().fail(invalid(text.error().message()));
  const auto plan = broker::parse_fault_plan(*text, faults_path);
  if (!plan.ok()) return context.console().fail(plan.error());
  const auto market = open_market(context, Reach::kCatalogClouds);
  if (!market.ok()) return context.console().fail(market.error());
  std::vector<broker::RehearsedTask> tasks;
  for (const auto& task : file->tasks) {
    const auto ranked = ranked_placements(task.resources, *market);
    if (!ranked.ok()) return context.console().fail(task.name, ranked.error());
    const std::string name = task.name.empty() ? "task" : task.name;
    tasks.push_back({name, {.cluster = name, .num_nodes = task.num_nodes, .ranked = *ranked}, recovery_strategy(task)});
  }
  const auto report = broker::rehearse(tasks, *plan);
  context.console().print(output == "json" ? broker::rehearsal_json(report) + "\n" : broker::render_rehearsal(report));
  return report.succeeded && report.violations.empty() ? kOk : kFailed;
}

const std::vector<LaterOption> kLaterForTasks = {
    {"--config", true, "overriding configuration for one task is not available yet; set it in ~/.isobar/config.yaml"},
    {"--async", false, "the server that takes requests is not available yet; -d does not follow the log"},
};

void add_entry(CLI::App& command, TaskOptions& options) {
  command.add_option("TASK", options.entry, "A task file (.yaml), or a command to run.")->required();
}

void add_plan_options(CLI::App& command, LaunchOptions& options) {
  command.add_option("--minimize,--optimize-target", options.objective, "cost or time.")->check(CLI::IsMember({"cost", "time"}));
  command.add_flag("--explain", options.explain, "Say why each cloud and type was left out.");
  command.add_option("-o,--output", options.output, "table or json.")->check(CLI::IsMember({"table", "json"}));
}

}  // namespace

void add_launch_commands(Commands& commands) {
  auto launch_options = std::make_shared<LaunchOptions>();
  auto launch_task = std::make_shared<std::shared_ptr<TaskOptions>>();
  CLI::App* launch_command = commands.add(nullptr, "launch", "Run a task on a cluster, which is made if need be.",
                                          [=](Context& context) { return launch(context, **launch_task, *launch_options); });
  *launch_task = add_task_options(*launch_command);
  add_entry(*launch_command, **launch_task);
  launch_command->add_option("-c,--cluster", launch_options->cluster, "Name of the cluster; made up when not given.");
  launch_command->add_flag("-d,--detach-run", launch_options->detach, "Do not follow the log.");
  launch_command->add_option("-i,--idle-minutes-to-autostop", launch_options->idle, "Stop the cluster after so many idle minutes.");
  launch_command->add_option("--wait-for", launch_options->wait_for, "What counts as activity: jobs_and_ssh, jobs or none.")
      ->check(CLI::IsMember({"jobs_and_ssh", "jobs", "none"}));
  launch_command->add_flag("--down", launch_options->down, "Remove the cluster once its jobs are done (with -i: after that idle time).");
  launch_command->add_flag("-r,--retry-until-up", launch_options->retry_until_up, "Keep trying until a place is found.");
  launch_command->add_flag("-y,--yes", launch_options->yes, "Do not ask.");
  launch_command->add_flag("--no-setup", launch_options->no_setup, "Skip setup.");
  launch_command->add_flag("--fast", launch_options->fast, "Skip setup if the cluster is up already.");
  launch_command->add_flag("--dryrun", launch_options->dryrun, "Show what would be launched and sent; start nothing.");
  add_plan_options(*launch_command, *launch_options);
  add_later_options(*launch_command, kLaterForTasks);
  add_later_options(*launch_command, {{"--clone-disk-from", true, "cloning the disk of another cluster is not available yet"}});

  auto exec_options = std::make_shared<LaunchOptions>();
  auto exec_task = std::make_shared<std::shared_ptr<TaskOptions>>();
  CLI::App* exec_command = commands.add(nullptr, "exec", "Run a task on a cluster that is up, without its setup.",
                                        [=](Context& context) { return exec(context, **exec_task, *exec_options); });
  exec_command->add_option("CLUSTER", exec_options->cluster, "The cluster.")->required();
  *exec_task = add_task_options(*exec_command);
  add_entry(*exec_command, **exec_task);
  exec_command->add_flag("-d,--detach-run", exec_options->detach, "Do not follow the log.");
  exec_command->add_option("--num-jobs", exec_options->num_jobs, "Submit so many copies, told apart by $ISOBAR_JOB_RANK.")
      ->check(CLI::Range(1, 100'000));
  add_later_options(*exec_command, kLaterForTasks);

  auto optimize_options = std::make_shared<LaunchOptions>();
  auto optimize_task = std::make_shared<std::shared_ptr<TaskOptions>>();
  CLI::App* optimize_command = commands.add(nullptr, "optimize", "Show where a task or pipeline would run best; start nothing.",
                                            [=](Context& context) { return plan_only(context, **optimize_task, *optimize_options); });
  *optimize_task = add_task_options(*optimize_command);
  add_entry(*optimize_command, **optimize_task);
  add_plan_options(*optimize_command, *optimize_options);

  struct RehearseOptions {
    std::string file, faults, output;
  };
  auto rehearse_options = std::make_shared<RehearseOptions>();
  CLI::App* rehearse_command = commands.add(
      nullptr, "rehearse", "Launch a task against simulated clouds with the faults of a file, in virtual time.",
      [=](Context& context) { return rehearse(context, rehearse_options->file, rehearse_options->faults, rehearse_options->output); });
  rehearse_command->add_option("FILE", rehearse_options->file, "Task file.")->required();
  rehearse_command->add_option("--faults", rehearse_options->faults, "What goes wrong, and when (docs/formats/faults.md).")->required();
  rehearse_command->add_option("-o,--output", rehearse_options->output, "text or json.")->check(CLI::IsMember({"text", "json"}));
}

}  // namespace isobar::app
