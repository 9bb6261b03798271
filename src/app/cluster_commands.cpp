// status, start, stop, down, autostop, cost.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "base/text_table.h"
#include "broker/volumes.h"
#include "command.h"
#include "later_options.h"
#include "made_buckets.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

std::string infra_of(const broker::Placement& placement) {
  const auto& offer = placement.offer;
  if (offer.region.empty() || offer.region == offer.cloud) return offer.cloud;
  return fmt::format("{} ({}{})", offer.cloud, offer.region, offer.zone.empty() ? "" : "/" + offer.zone);
}

std::string autostop_text(const std::optional<broker::Autostop>& autostop) {
  if (!autostop) return "-";
  return format_duration(autostop->idle) + (autostop->down ? " (down)" : "");
}

// What a cloud may take to say where ports are; a load balancer that is still being made is told, not waited for.
constexpr Duration kEndpointsDeadline = 30s;
constexpr Duration kNoticesDeadline = 3s;

json::object to_json(const broker::ClusterRecord& cluster) {
  const auto& offer = cluster.placement.offer;
  json::object object{{"name", cluster.name},
                      {"status", broker::name_of(cluster.status)},
                      {"cloud", offer.cloud},
                      {"region", offer.region},
                      {"zone", offer.zone},
                      {"instance_type", offer.instance_type},
                      {"num_nodes", cluster.num_nodes},
                      {"use_spot", cluster.placement.use_spot},
                      {"hourly_price", cluster.placement.hourly_price * cluster.num_nodes},
                      {"launched_at", cluster.launched.unix_seconds()},
                      {"user", cluster.user},
                      {"last_command", cluster.last_command},
                      {"ports", describe(cluster.ports)},
                      {"autostop", nullptr}};
  if (cluster.autostop)
    object["autostop"] = json::object{{"idle_minutes", to_seconds(cluster.autostop->idle) / 60}, {"down", cluster.autostop->down}};
  return object;
}

struct StatusOptions {
  std::vector<std::string> clusters;
  bool verbose = false, refresh = false, ip = false, endpoints = false;
  std::optional<std::uint16_t> endpoint;
  std::string output;
};

// "8080: 203.0.113.7:8080" for each open port of the cluster; of one port that was named, the address alone.
int show_endpoints(Context& context, const StatusOptions& options, const std::vector<broker::ClusterRecord>& clusters) {
  const auto fail = [&](const std::string& why) { return context.console().fail(invalid(why)); };
  if (options.clusters.size() != 1 || clusters.size() != 1) return fail("--endpoints is about one cluster: name it");
  const auto& cluster = clusters.front();
  if (cluster.ports.empty())
    return fail(fmt::format("cluster '{0}' opens no ports; `isobar launch -c {0} --ports PORT TASK` opens one", cluster.name));
  Ports asked = cluster.ports;
  if (options.endpoint) asked = {{*options.endpoint, *options.endpoint}};
  if (!covers(cluster.ports, asked))
    return fail(fmt::format("cluster '{0}' opens {1}, not {2}; `isobar launch -c {0} --ports {2} TASK` opens it", cluster.name,
                            describe(cluster.ports), describe(asked)));
  auto* driver = context.providers().at(cluster.placement.offer.cloud);
  const auto endpoints = driver->endpoints(cluster.name, asked, kEndpointsDeadline);
  if (!endpoints.ok()) return context.console().fail(endpoints.error());
  int exit_code = kOk;
  for (const auto& each : *endpoints) {
    if (each.host.empty()) {
      exit_code = context.console().fail(unavailable(fmt::format("port {} of cluster '{}': {}", each.port, cluster.name, each.problem)));
      continue;
    }
    const auto where = fmt::format("{}:{}", each.host, each.outer_port);
    context.console().print(options.endpoint ? where + "\n" : fmt::format("{}: {}\n", each.port, where));
  }
  return exit_code;
}

// What the clouds of spot machines have announced. A head that does not answer at once is not waited for.
void tell_notices(Context& context, broker::Broker& broker, const std::vector<broker::ClusterRecord>& clusters) {
  for (const auto& cluster : clusters) {
    if (!cluster.placement.use_spot || cluster.status != broker::ClusterStatus::kUp) continue;
    auto head = broker.connect_head(cluster.name, kNoticesDeadline);
    const auto node = head.ok() ? head->status(kNoticesDeadline) : Result<broker::NodeStatus>(head.error());
    if (!node.ok()) continue;
    for (const auto& notice : node->notices) context.console().say(fmt::format("Cluster '{}': {}", cluster.name, broker::describe(notice)));
  }
}

std::string status_table(const std::vector<broker::ClusterRecord>& clusters, Context& context, bool verbose) {
  std::vector<std::string> headings = {"NAME", "INFRA", "RESOURCES", "STATUS", "AUTOSTOP", "LAUNCHED"};
  if (verbose) headings.insert(headings.end(), {"PRICE ($/hr)", "USER", "LAST COMMAND"});
  TextTable table(headings);
  for (const auto& cluster : clusters) {
    const std::string status(broker::name_of(cluster.status));
    std::vector<std::string> row = {cluster.name,
                                    infra_of(cluster.placement),
                                    broker::describe_resources(cluster.placement, cluster.num_nodes),
                                    cluster.status == broker::ClusterStatus::kUp ? context.console().green(status) : status,
                                    autostop_text(cluster.autostop),
                                    format_ago(context.clock().now() - cluster.launched)};
    if (verbose)
      row.insert(row.end(),
                 {fmt::format("{:.3f}", cluster.placement.hourly_price * cluster.num_nodes), cluster.user, cluster.last_command});
    table.add(std::move(row));
  }
  return table.render();
}

int show_status(Context& context, const StatusOptions& options) {
  auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  auto clusters = (*broker)->status();
  if (!clusters.ok()) return context.console().fail(clusters.error());
  for (const auto& name : options.clusters)
    if (std::none_of(clusters->begin(), clusters->end(), [&](const auto& cluster) { return cluster.name == name; }))
      return context.console().fail(not_found(fmt::format("there is no cluster '{}'; `isobar status` lists those there are", name)));
  if (!options.clusters.empty())
    std::erase_if(*clusters, [&](const auto& cluster) {
      return std::find(options.clusters.begin(), options.clusters.end(), cluster.name) == options.clusters.end();
    });
  tell_notices(context, **broker, *clusters);
  if (options.ip) {
    for (const auto& cluster : *clusters) {
      const auto instances = context.providers().at(cluster.placement.offer.cloud)->list(cluster.name);
      if (!instances.ok()) return context.console().fail(instances.error());
      if (!instances->empty()) context.console().print(instances->front().address + "\n");
    }
    return kOk;
  }
  if (options.endpoints || options.endpoint) return show_endpoints(context, options, *clusters);
  if (options.output == "json") {
    json::array array;
    for (const auto& cluster : *clusters) array.push_back(to_json(cluster));
    context.console().print(json::serialize(array) + "\n");
    return kOk;
  }
  if (clusters->empty()) {
    context.console().print("No clusters. `isobar launch TASK.yaml` starts one.\n");
    return kOk;
  }
  context.console().print(status_table(*clusters, context, options.verbose));
  return kOk;
}

struct ManyOptions {
  std::vector<std::string> clusters;
  bool all = false, yes = false;
};

void add_many_options(CLI::App* command, ManyOptions& options) {
  command->add_option("CLUSTER", options.clusters, "Names of clusters; * and ? match any.");
  command->add_flag("-a,--all", options.all, "Every cluster.");
  command->add_flag("-u,--all-users", options.all, "The same: the clusters here are all yours.");
  command->add_flag("-y,--yes", options.yes, "Do not ask.");
}

bool name_matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') return name_matches(pattern.substr(1), name) || (!name.empty() && name_matches(pattern, name.substr(1)));
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) && name_matches(pattern.substr(1), name.substr(1));
}

// The clusters that are meant, in the order of their launch.
Result<std::vector<std::string>> chosen_clusters(broker::Broker& broker, const ManyOptions& options) {
  TRY_ASSIGN(const auto clusters, broker.state().clusters());
  std::vector<std::string> names;
  if (!options.all && options.clusters.empty()) return invalid("name a cluster, or pass --all");
  for (const auto& pattern : options.clusters) {
    const bool any =
        std::any_of(clusters.begin(), clusters.end(), [&](const auto& cluster) { return name_matches(pattern, cluster.name); });
    if (!any) return not_found(fmt::format("there is no cluster '{}'; `isobar status` lists those there are", pattern));
  }
  for (const auto& cluster : clusters)
    if (options.all || std::any_of(options.clusters.begin(), options.clusters.end(),
                                   [&](const auto& pattern) { return name_matches(pattern, cluster.name); }))
      names.push_back(cluster.name);
  return names;
}

using SessionAction = std::function<Status(broker::ClusterSession&)>;

// Does one thing to each of the chosen clusters; goes on after a failure, and reports the first.
int for_each_cluster(Context& context, const ManyOptions& options, const std::string& verb, const std::string& done,
                     const SessionAction& act) {
  auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  const auto names = chosen_clusters(**broker, options);
  if (!names.ok()) return context.console().fail(names.error());
  if (names->empty()) return context.console().print("No clusters.\n"), kOk;
  if (!options.yes && context.console().is_terminal()) {
    const auto agreed = context.console().confirm(fmt::format("{} {}?", verb, join(*names, ", ")));
    if (!agreed.ok()) return context.console().fail(agreed.error());
    if (!*agreed) return kFailed;
  }
  int exit_code = kOk;
  for (const auto& name : *names) {
    auto session = (*broker)->open(name, fmt::format("isobar {} {}", to_lower(verb), name));
    Status status = session.ok() ? session->record() ? act(*session) : Status() : Status(session.error());
    if (status.ok()) context.console().print(fmt::format("Cluster '{}' {}.\n", name, done));
    else exit_code = context.console().fail(status.error());
  }
  return exit_code;
}

// lost   ranks whose machines are given up
Status start_cluster(broker::ClusterSession& session, const std::vector<int>& lost) {
  if (!lost.empty()) return session.mend(lost);
  if (session.record()->status == broker::ClusterStatus::kUp) return {};
  return session.start();
}

// How long an ending waits for what is still being uploaded.
struct GracefulOptions {
  std::string timeout;
  Result<Duration> patience(Context& context) const {
    TRY_ASSIGN(const auto config, context.config());
    if (timeout.empty()) return config.uploads_deadline.value;
    return parse_duration(timeout, 1s).context("--graceful-timeout");
  }
};

void add_graceful_options(CLI::App* command, GracefulOptions& options) {
  add_accepted_flag(*command, "--graceful", "uploads from mounted buckets are always waited for.");
  command->add_option("--graceful-timeout", options.timeout,
                      "How long to wait for uploads from mounted buckets: seconds, or a duration such as 20m; 0: not at all.");
}

int stop_clusters(Context& context, const ManyOptions& options, const GracefulOptions& graceful) {
  const auto patience = graceful.patience(context);
  if (!patience.ok()) return context.console().fail(patience.error());
  return for_each_cluster(context, options, "Stop", "is stopped; its disk is kept", [&](broker::ClusterSession& session) -> Status {
    if (session.record()->status == broker::ClusterStatus::kStopped) return {};
    return session.stop(*patience);
  });
}

int take_down_clusters(Context& context, const ManyOptions& options, const GracefulOptions& graceful, bool purge) {
  const auto patience = graceful.patience(context);
  if (!patience.ok()) return context.console().fail(patience.error());
  const int exit_code = for_each_cluster(context, options, "Down", "is gone", [&](broker::ClusterSession& session) {
    return session.terminate(purge ? broker::IfItFails::kForget : broker::IfItFails::kKeep, *patience);
  });
  delete_left_storages(context);
  return exit_code;
}

struct AutostopOptions {
  ManyOptions many;
  std::string idle = "5";
  std::string wait_for;
  bool down = false, cancel = false;
};

Result<std::optional<broker::Autostop>> autostop_of(const AutostopOptions& options) {
  if (options.cancel) return std::optional<broker::Autostop>();
  broker::Autostop autostop;
  TRY_ASSIGN(autostop.idle, parse_duration(options.idle, 1min).context("--idle-minutes"));
  autostop.down = options.down;
  const std::vector<std::string> waits = {"jobs_and_ssh", "jobs", "none"};
  if (!options.wait_for.empty()) {
    const auto found = std::find(waits.begin(), waits.end(), options.wait_for);
    if (found == waits.end()) return invalid(fmt::format("--wait-for: expected one of {}, got '{}'", join(waits, ", "), options.wait_for));
    autostop.wait_for = static_cast<broker::IdleWait>(found - waits.begin());
  }
  return std::optional(autostop);
}

int set_autostop(Context& context, AutostopOptions options) {
  const auto autostop = autostop_of(options);
  if (!autostop.ok()) return context.console().fail(autostop.error());
  options.many.yes = true;
  const std::string done = !*autostop ? "no longer stops by itself"
                                      : fmt::format("will {} after {} of idleness", (*autostop)->down ? "be taken down" : "stop",
                                                    format_duration((*autostop)->idle));
  return for_each_cluster(context, options.many, "Autostop", done, [&](broker::ClusterSession& session) -> Status {
    if (session.record()->status != broker::ClusterStatus::kUp)
      return invalid(fmt::format("cluster '{}' is not UP; `isobar start {}` starts it", session.name(), session.name()));
    return session.set_autostop(*autostop);
  });
}

int show_cost(Context& context, int days, const std::string& output) {
  auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  auto usage = (*broker)->state().usage();
  if (!usage.ok()) return context.console().fail(usage.error());
  const Instant now = context.clock().now();
  std::erase_if(*usage, [&](const auto& use) { return now - use.ended.value_or(now) > std::chrono::hours(24) * days; });
  if (output == "json") {
    json::array array;
    for (const auto& use : *usage)
      array.push_back(json::object{{"name", use.cluster},
                                   {"started_at", use.started.unix_seconds()},
                                   {"seconds", to_seconds(use.ended.value_or(now) - use.started)},
                                   {"live", !use.ended},
                                   {"resources", broker::describe_resources(use.placement, use.num_nodes)},
                                   {"hourly_price", use.placement.hourly_price * use.num_nodes},
                                   {"cost", use.cost(now)}});
    context.console().print(json::serialize(array) + "\n");
    return kOk;
  }
  TextTable table({"NAME", "LAUNCHED", "DURATION", "RESOURCES", "STATUS", "COST/hr", "COST (est.)"});
  double total = 0;
  for (const auto& use : *usage) {
    total += use.cost(now);
    table.add({use.cluster, format_ago(now - use.started), format_duration(use.ended.value_or(now) - use.started),
               broker::describe_resources(use.placement, use.num_nodes), use.ended ? "ENDED" : "UP",
               fmt::format("$ {:.2f}", use.placement.hourly_price * use.num_nodes), fmt::format("$ {:.2f}", use.cost(now))});
  }
  if (usage->empty()) context.console().print(fmt::format("Nothing ran in the last {} days.\n", days));
  else
    context.console().print(table.render() + fmt::format("\nTotal: $ {:.2f}, by the second, at the prices recorded at launch.\n", total));
  return kOk;
}

int sweep(Context& context) {
  auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  const auto swept = (*broker)->sweep();
  if (!swept.ok()) return context.console().fail(swept.error());
  delete_left_storages(context);
  const auto volumes = broker::Volumes((*broker)->parts()).list();
  if (!volumes.ok()) return context.console().fail(volumes.error());
  const bool in_order = *swept == 0 && std::all_of(volumes->begin(), volumes->end(), [](const broker::VolumeRecord& each) {
    return each.status == broker::VolumeStatus::kReady;
  });
  context.console().say(in_order ? "Everything is in order: no machine belongs to no cluster, no command was cut short."
                                 : "Not all of it could be put in order now; `isobar sweep` tries again.");
  return in_order ? kOk : kFailed;
}

}  // namespace

void add_cluster_commands(Commands& commands) {
  commands.add(nullptr, "sweep", "Complete what killed commands left, and remove machines that belong to no cluster.", sweep);
  auto status_options = std::make_shared<StatusOptions>();
  CLI::App* status = commands.add(nullptr, "status", "Show the clusters.",
                                  [status_options](Context& context) { return show_status(context, *status_options); });
  status->add_option("CLUSTER", status_options->clusters, "Only these.");
  status->add_flag("-v,--verbose", status_options->verbose, "More columns.");
  status->add_flag("-r,--refresh", status_options->refresh, "Ask the clouds (isobar always does).");
  status->add_flag("--ip", status_options->ip, "Print the address of the head alone.");
  add_accepted_flag(*status, "-u,--all-users", "the clusters here are all yours.");
  status->add_flag("--endpoints", status_options->endpoints, "Print where the open ports of the cluster are reached.");
  status->add_option("--endpoint", status_options->endpoint, "The same of one port, the address alone.")->type_name("PORT");
  add_later_options(*status, {{"--show-managed-jobs", false, "managed jobs are not available yet"},
                              {"--show-services", false, "serving replicas is not available yet"},
                              {"--show-pools", false, "pools of workers are not available yet"}});
  status->add_option("-o,--output", status_options->output, "table or json.")->check(CLI::IsMember({"table", "json"}));

  auto start_options = std::make_shared<ManyOptions>();
  auto lost = std::make_shared<std::vector<int>>();
  CLI::App* start =
      commands.add(nullptr, "start", "Start stopped clusters again, with their disks; replace nodes that are lost.", [=](Context& context) {
        start_options->yes = true;
        if (!lost->empty() && start_options->clusters.size() != 1)
          return context.console().fail(invalid("--replace-node is about one cluster: name it"));
        return for_each_cluster(context, *start_options, "Start", "is up",
                                [lost](broker::ClusterSession& session) { return start_cluster(session, *lost); });
      });
  add_many_options(start, *start_options);
  start
      ->add_option("--replace-node", *lost,
                   "Give up this node, though its cloud says that it runs, and replace it; what is on its disk is lost.")
      ->type_name("RANK");

  auto stop_options = std::make_shared<ManyOptions>();
  auto stop_graceful = std::make_shared<GracefulOptions>();
  CLI::App* stop = commands.add(nullptr, "stop", "Stop clusters and keep their disks.",
                                [=](Context& context) { return stop_clusters(context, *stop_options, *stop_graceful); });
  add_many_options(stop, *stop_options);
  add_graceful_options(stop, *stop_graceful);

  auto down_options = std::make_shared<ManyOptions>();
  auto down_graceful = std::make_shared<GracefulOptions>();
  auto purge = std::make_shared<bool>(false);
  CLI::App* down = commands.add(nullptr, "down", "Remove clusters with everything on them.",
                                [=](Context& context) { return take_down_clusters(context, *down_options, *down_graceful, *purge); });
  add_many_options(down, *down_options);
  down->add_flag("-p,--purge", *purge, "Forget the cluster also when its cloud refuses; what may still run is then yours to remove.");
  add_graceful_options(down, *down_graceful);

  auto autostop_options = std::make_shared<AutostopOptions>();
  CLI::App* autostop = commands.add(nullptr, "autostop", "Stop clusters by themselves once they are idle.",
                                    [autostop_options](Context& context) { return set_autostop(context, *autostop_options); });
  add_many_options(autostop, autostop_options->many);
  autostop->add_option("-i,--idle-minutes", autostop_options->idle, "Minutes without a job, or a duration such as 2h.");
  autostop->add_flag("--down", autostop_options->down, "Remove the cluster instead of stopping it.");
  autostop->add_flag("--cancel", autostop_options->cancel, "Switch autostop off.");
  autostop->add_option("--wait-for", autostop_options->wait_for, "What counts as activity: jobs_and_ssh, jobs or none.");

  struct CostOptions {
    int days = 30;
    std::string output;
  };
  auto cost_options = std::make_shared<CostOptions>();
  for (const char* name : {"cost", "cost-report"}) {
    CLI::App* cost = commands.add(nullptr, name, "What clusters have cost.", [cost_options](Context& context) {
      return show_cost(context, cost_options->days, cost_options->output);
    });
    cost->add_option("--days", cost_options->days, "How far back to look.")->check(CLI::Range(0, 36500));
    cost->add_option("-o,--output", cost_options->output, "table or json.")->check(CLI::IsMember({"table", "json"}));
    if (std::string_view(name) == "cost-report") cost->group("");
  }
}

}  // namespace isobar::app
