// db …: a database among parties that do not trust one another. Members' files, replicas, and transactions from a shell.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <iostream>
#include <random>

#include "base/text.h"
#include "command.h"
#include "db/ed25519_scheme.h"
#include "db/lying_replica.h"
#include "db/replica_server.h"
#include "db_members.h"
#include "db_shell.h"

namespace isobar::app {

namespace {

Result<db::ClusterPlan> plan_of(const std::string& file, int local_port, int clients) {
  if (!file.empty()) return db::read_plan(file);
  db::ClusterPlan plan;
  auto& shard = plan.shards.emplace_back();
  for (std::uint32_t i = 0; i < db::FaultBudget(plan.f).replicas(); ++i)
    shard.push_back({"127.0.0.1", static_cast<std::uint16_t>(local_port + static_cast<int>(i)), {}});
  plan.clients = static_cast<std::uint32_t>(clients);
  return plan;
}

int init(Context& context, const std::string& folder, const std::string& plan_file, int local_port, int clients) {
  const auto plan = plan_of(plan_file, local_port, clients);
  if (!plan.ok()) return context.console().fail(plan.error());
  const auto cluster = db::make_cluster(*plan, folder);
  if (!cluster.ok()) return context.console().fail(cluster.error());
  auto& console = context.console();
  console.print(fmt::format("{}: {} shard{} of {} replicas each; f={}: correct though {} of each shard lie.\n\n",
                            (fs::path(folder) / "cluster.yaml").string(), plan->shards.size(), plan->shards.size() == 1 ? "" : "s",
                            plan->shards[0].size(), plan->f, plan->f));
  console.print(
      "Each folder below it holds one member's secret. Give it to its owner with a copy of cluster.yaml, over a way that\n"
      "nobody else reads, and keep none: who has two organisations' secrets is trusted by both.\n\n");
  console.print(fmt::format("Start a replica:     isobar db replica {}/replica-0.0\nRun transactions:    isobar db kv {}/client-1\n",
                            folder, folder));
  return 0;
}

db::ReplicaServer* running_replica = nullptr;  // for the signal's handler alone
void on_signal(int) { running_replica->stop(); }

struct ReplicaOptions : DbMember {
  std::string listen = "127.0.0.1", grace = "30s", keep = "20s", every = "5s";
  bool no_sync = false, lies = false;
};

Result<db::CheckpointConfig> checkpoints_of(const ReplicaOptions& o) {
  db::CheckpointConfig config;
  TRY_ASSIGN(config.interval, parse_duration(o.every).context("--checkpoint-every"));
  TRY_ASSIGN(config.grace, parse_duration(o.grace).context("--grace"));
  TRY_ASSIGN(config.retention, parse_duration(o.keep).context("--keep"));
  if (config.interval < std::chrono::milliseconds(100)) return invalid("--checkpoint-every: at least 100ms");
  if (config.grace < std::chrono::seconds(1)) return invalid("--grace: at least 1s, as transactions take their time");
  return config;
}

int replica(Context& context, const ReplicaOptions& o) {
  const auto checkpoints = checkpoints_of(o);
  if (!checkpoints.ok()) return context.console().fail(checkpoints.error());
  auto member = read_db_member(o);
  if (!member.ok()) return context.console().fail(member.error());
  auto log = Log::to_file(fs::path(o.folder) / "replica.log");
  if (!log.ok()) return context.console().fail(log.error());
  const db::Member self = member->cluster.member(member->secret.self);
  const db::Sync sync = o.no_sync ? db::Sync::kNone : db::Sync::kDisk;
  Random random(std::random_device{}());
  const db::Ed25519Signer signer(member->secret.key);
  db::LyingReplica liar(member->cluster.membership.epoch, std::get<db::ReplicaId>(member->secret.self), signer, db::usual_lies(), random);
  db::ReplicaServerOptions options{o.folder, o.listen, sync, *checkpoints};
  if (o.lies) options.instead_of = [&](db::Outgoing honest) { return liar.instead_of(std::move(honest)); };
  auto server = db::ReplicaServer::start(std::move(options), std::move(member->cluster), std::move(member->secret), *log);
  if (!server.ok()) return context.console().fail(server.error());
  running_replica = server->get();
  std::signal(SIGTERM, on_signal);
  std::signal(SIGINT, on_signal);
  context.console().print(
      fmt::format("{} listens on {}:{}{}\n", self.name, o.listen, self.port,
                  (o.no_sync ? "; votes are NOT flushed to disk" : "") + std::string(o.lies ? "; it LIES, as it was told to" : "")));
  const Status ended = (*server)->run();
  return ended.ok() ? 0 : context.console().fail(ended.error());
}

struct KvOptions : DbMember {
  std::vector<std::string> words;
  std::string timeout = "10s";
  std::uint64_t after = 0;
};

int kv(Context& context, const KvOptions& o) {
  const auto patience = parse_duration(o.timeout);
  if (!patience.ok()) return context.console().fail(patience.error().context("--timeout"));
  auto session = open_session(o);
  if (!session.ok()) return context.console().fail(session.error());
  if (const Status later = (*session)->come_after(o.after); !later.ok()) return context.console().fail(later.error().context("--after"));
  DbShell shell(**session, *patience, [&](const std::string& text) { context.console().print(text); });
  if (!o.words.empty()) {
    const Status done = shell.run(join(o.words, " "));
    return done.ok() ? 0 : context.console().fail(done.error());
  }
  int line_number = 0, code = 0;
  for (std::string line; std::getline(std::cin, line);) {
    ++line_number;
    const Status done = shell.run(line);
    if (!done.ok()) code = context.console().fail(done.error().context(fmt::format("line {}", line_number)));
  }
  return code;
}

}  // namespace

void add_db_commands(Commands& commands) {
  CLI::App* group = commands.group(nullptr, "db", "A database that stays correct though some of its replicas and clients lie.");

  struct InitOptions {
    std::string folder, plan;
    int port = 7400, clients = 2;
  };
  auto i = std::make_shared<InitOptions>();
  auto* init_command = commands.add(group, "init", "Make the members' keys and files.",
                                    [i](Context& context) { return init(context, i->folder, i->plan, i->port, i->clients); });
  init_command->add_option("FOLDER", i->folder, "Where they are put.")->required();
  init_command->add_option(
      "--plan", i->plan,
      "A YAML file: f, shards (each a list of 5f+1 addresses HOST:PORT, or {at: HOST:PORT, cloud: NAME, operator: NAME, ...}), clients. "
      "Without it: six replicas on this machine.");
  init_command->add_option("--port", i->port, "Without a plan: the first of their ports.")
      ->check(CLI::Range(1, 65529))
      ->capture_default_str();
  init_command->add_option("--clients", i->clients, "Without a plan: how many clients.")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();

  auto r = std::make_shared<ReplicaOptions>();
  auto* replica_command =
      commands.add(group, "replica", "Run one replica, until it is told to stop.", [r](Context& context) { return replica(context, *r); });
  add_db_member_options(*replica_command, *r, "the replica");
  replica_command
      ->add_option("--listen", r->listen,
                   "The address of this machine to listen on; others than loopback are reached by members alone, too.")
      ->capture_default_str();
  replica_command
      ->add_option("--grace", r->grace,
                   "How long a transaction may take: one that began longer ago is refused. What is older comes to rest on the disk.")
      ->capture_default_str();
  replica_command->add_option("--keep", r->keep, "How long after that every single transaction is remembered, for who is late to ask.")
      ->capture_default_str();
  replica_command
      ->add_option("--checkpoint-every", r->every, "How often replicas agree on what is at rest. The same for all replicas of a shard.")
      ->capture_default_str();
  replica_command->add_flag("--no-sync", r->no_sync,
                            "Do not flush votes to disk: for measuring. A machine that loses its power may then break its word.");

  replica_command->add_flag("--lies", r->lies,
                            "For trying the others out: it votes both ways, invents values and rows, and proposes both ways as a leader.");

  auto k = std::make_shared<KvOptions>();
  auto* kv_command = commands.add(group, "kv", "Transactions on keys and values: one command, or a script on standard input.",
                                  [k](Context& context) { return kv(context, *k); });
  add_db_member_options(*kv_command, *k, "the client");
  kv_command->add_option(
      "COMMAND", k->words,
      "get KEY | put KEY VALUE | del KEY; in a script also begin, commit, abort, and token. Each alone is a transaction.");
  kv_command->add_option("--after", k->after,
                         "What `token` printed in another session, on whatever machine: all that it saw and did is seen here, too.");
  kv_command->add_option("--timeout", k->timeout, "How long one command may take.")->capture_default_str();

  add_db_bench_commands(commands, group);
  add_db_evidence_commands(commands, group);
  add_db_planner_commands(commands, group);
  add_db_gateway_commands(commands, group);
  add_db_demo_command(commands, group);
}

}  // namespace isobar::app
