// db demo: a whole database on this machine in one command, with psql opened on it: six replicas as processes, a gateway, and if it is
// asked for, one that lies and one that dies.

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/child.h"
#include "command.h"
#include "db/gateway.h"
#include "db/pg_server.h"
#include "db/session_database.h"
#include "db_members.h"

namespace isobar::app {

namespace {

using namespace std::chrono_literals;

struct DemoOptions {
  std::string folder;
  int liar = -1, kill = -1, port = 0;
  std::string kill_after = "5s";
  std::vector<std::string> commands;
};

/// Replicas as processes of this program's own.
class DemoReplicas {
 public:
  ~DemoReplicas() {
    for (const auto pid : pids_)
      if (pid > 0) ::kill(pid, SIGTERM);
    for (const auto pid : pids_)
      if (pid > 0) ::waitpid(pid, nullptr, 0);
  }
  Status start(const fs::path& folder, int index, bool lies) {
    // However this process ends, they end with it.
    std::vector<std::string> words{"setpriv",
                                   "--pdeathsig",
                                   "TERM",
                                   fs::read_symlink("/proc/self/exe").string(),
                                   "db",
                                   "replica",
                                   (folder / fmt::format("replica-0.{}", index)).string()};
    if (lies) words.emplace_back("--lies");
    const Fd out(::open((folder / fmt::format("replica-0.{}.out", index)).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    TRY_ASSIGN(const pid_t pid, spawn_child(words, nothing.get(), out.get(), out.get()));
    pids_.push_back(pid);
    return {};
  }
  void kill(int index) {
    ::kill(pids_[static_cast<std::size_t>(index)], SIGKILL);
    ::waitpid(pids_[static_cast<std::size_t>(index)], nullptr, 0);
    pids_[static_cast<std::size_t>(index)] = -1;
  }

 private:
  std::vector<pid_t> pids_;
};

bool port_is_free(std::uint16_t port) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

/// Consecutive ports that nobody listens on just now.
Result<int> six_ports() {
  for (int first = 17400; first < 60000; first += 100) {
    bool all = true;
    for (int i = 0; i < 6 && all; ++i) all = port_is_free(static_cast<std::uint16_t>(first + i));
    if (all) return first;
  }
  return unavailable("there are no six ports in a row that are free");
}

Result<db::ClusterFile> make_demo_cluster(const fs::path& folder, int first_port) {
  db::ClusterPlan plan;
  auto& shard = plan.shards.emplace_back();
  for (int i = 0; i < 6; ++i) shard.push_back({"127.0.0.1", static_cast<std::uint16_t>(first_port + i), {}});
  plan.clients = 2;
  return db::make_cluster(plan, folder);
}

bool has_psql() { return std::system("command -v psql >/dev/null 2>&1") == 0; }

/// psql on the gateway; its exit code.
int run_psql(std::uint16_t port, const std::vector<std::string>& commands) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::signal(SIGINT, SIG_DFL);
    std::vector<std::string> words{"psql", "-X", "-h", "127.0.0.1", "-p", std::to_string(port), "-U", "isobar", "isobar"};
    for (const auto& command : commands) words.insert(words.end(), {"-c", command});
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execvp("psql", argv.data());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

void wait_for_the_end() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  int which = 0;
  ::sigwait(&ends, &which);
}

int demo_in(Context& context, const DemoOptions& o, const fs::path& folder, Duration kill_after) {
  auto& console = context.console();
  const auto first_port = six_ports();
  if (!first_port.ok()) return console.fail(first_port.error());
  if (const auto cluster = make_demo_cluster(folder, *first_port); !cluster.ok()) return console.fail(cluster.error());
  DemoReplicas replicas;
  for (int i = 0; i < 6; ++i)
    if (const Status started = replicas.start(folder, i, i == o.liar); !started.ok()) return console.fail(started.error());
  auto session = open_session({(folder / "client-1").string(), ""});
  if (!session.ok()) return console.fail(session.error());
  (void)(*session)->keep_evidence(folder / "client-1" / "evidence.log");
  Log log;
  db::SessionDatabase database(**session, 20s);
  auto gateway = db::Gateway::open(database, {.trust = true});
  if (!gateway.ok()) return console.fail(unavailable(gateway.error().message()));
  auto server = db::PgServer::start({.port = static_cast<std::uint16_t>(o.port)}, **gateway, log);
  if (!server.ok()) return console.fail(server.error());
  const std::uint16_t port = (*server)->port();
  console.print(fmt::format("Six replicas on ports {} to {}, of which one may lie; a gateway on port {}. All of it is in {}.\n",
                            *first_port, *first_port + 5, port, folder.string()));
  if (o.liar >= 0) console.print(fmt::format("Replica {} lies: it votes both ways, and invents rows.\n", o.liar));
  std::jthread killer;
  if (o.kill >= 0) {
    console.print(fmt::format("Replica {} is killed {} from now.\n", o.kill, o.kill_after));
    killer = std::jthread([&replicas, kill_after, which = o.kill](const std::stop_token& ends) {
      const auto until = std::chrono::steady_clock::now() + kill_after;
      while (!ends.stop_requested() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(20ms);
      if (!ends.stop_requested()) replicas.kill(which);
    });
  }
  if (!has_psql()) {
    console.print(
        fmt::format("psql is not installed (Debian: postgresql-client). Connect with any PostgreSQL client:\n    host=127.0.0.1 port={} "
                    "user=isobar dbname=isobar\nCtrl-C ends it.\n",
                    port));
    wait_for_the_end();
    return 0;
  }
  ::signal(SIGINT, SIG_IGN);  // it is psql's
  return run_psql(port, o.commands);
}

int demo(Context& context, const DemoOptions& o) {
  const auto kill_after = parse_duration(o.kill_after);
  if (!kill_after.ok()) return context.console().fail(kill_after.error().context("--kill-after"));
  if (o.liar >= 0 && o.liar == o.kill)
    return context.console().fail(invalid("--liar and --kill name the same replica: a dead one does not lie"));
  ::signal(SIGPIPE, SIG_IGN);
  if (!o.folder.empty()) return demo_in(context, o, o.folder, *kill_after);
  std::string made = (fs::temp_directory_path() / "isobar-db-demo-XXXXXX").string();
  if (!::mkdtemp(made.data())) return context.console().fail(errno_error("make a folder"));
  const int code = demo_in(context, o, made, *kill_after);
  std::error_code ignored;
  fs::remove_all(made, ignored);
  return code;
}

}  // namespace

void add_db_demo_command(Commands& commands, CLI::App* group) {
  auto d = std::make_shared<DemoOptions>();
  auto* command = commands.add(group, "demo", "Six replicas and a gateway on this machine, and psql opened on them.",
                               [d](Context& context) { return demo(context, *d); });
  command->add_option("--liar", d->liar, "One of the six lies: 0 to 5.")->check(CLI::Range(0, 5));
  command->add_option("--kill", d->kill, "One of them is killed while you type: 0 to 5.")->check(CLI::Range(0, 5));
  command->add_option("--kill-after", d->kill_after, "When.")->capture_default_str();
  command->add_option("--command,-c", d->commands, "What psql is to run, instead of asking you. May be given several times.");
  command->add_option("--folder", d->folder, "Where the database is made, and stays. Without it: a folder that goes at the end.");
  command->add_option("--port", d->port, "The gateway's; 0: any that is free.")->check(CLI::Range(0, 65535))->capture_default_str();
}

}  // namespace isobar::app
