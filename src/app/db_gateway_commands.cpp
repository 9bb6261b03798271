// db gateway: SQL for PostgreSQL's clients.

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>

#include "command.h"
#include "db/gateway.h"
#include "db/pg_server.h"
#include "db/scram.h"
#include "db/session_database.h"
#include "db_members.h"

namespace isobar::app {

namespace {

int gateway_stopped = -1;  // an eventfd, for the signal's handler alone
void end_gateway(int) {
  const std::uint64_t one = 1;
  (void)!::write(gateway_stopped, &one, sizeof one);
}

struct GatewayCommand : DbMember {
  std::string listen = "127.0.0.1", timeout = "10s", database = "isobar", owner = "isobar", socket_folder, tls_certificate, tls_key;
  int port = 5432;
  bool trust = false;
};

Result<db::PgServerOptions> server_options(const GatewayCommand& o) {
  db::PgServerOptions options;
  options.host = o.listen;
  options.port = static_cast<std::uint16_t>(o.port);
  options.socket_folder = o.socket_folder;
  if (o.tls_certificate.empty() != o.tls_key.empty()) return invalid("--tls-certificate and --tls-key go together");
  if (!o.tls_certificate.empty()) {
    TRY_ASSIGN(options.certificate_pem, read_file(o.tls_certificate).context("--tls-certificate"));
    TRY_ASSIGN(options.key_pem, read_file(o.tls_key).context("--tls-key"));
  }
  const bool local = o.listen == "127.0.0.1" || o.listen == "::1" || o.listen == "localhost";
  if (!local && options.certificate_pem.empty())
    return invalid(
        fmt::format("--listen {}: beyond this machine clients come over TLS alone; give --tls-certificate and --tls-key", o.listen));
  if (!local && o.trust) return invalid("--trust is for this machine alone: whoever can connect may do everything");
  options.tls_required = !local;
  return options;
}

int gateway(Context& context, const GatewayCommand& o) {
  auto& console = context.console();
  const auto patience = parse_duration(o.timeout);
  if (!patience.ok()) return console.fail(patience.error().context("--timeout"));
  auto options = server_options(o);
  if (!options.ok()) return console.fail(options.error());
  auto session = open_session(o);
  if (!session.ok()) return console.fail(session.error());
  if (const Status kept = (*session)->keep_evidence(fs::path(o.folder) / "evidence.log"); !kept.ok()) return console.fail(kept.error());
  auto log = Log::to_file(fs::path(o.folder) / "gateway.log");
  if (!log.ok()) return console.fail(log.error());
  db::SessionDatabase database(**session, *patience);
  auto made = db::Gateway::open(database, {o.database, o.owner, o.trust});
  if (!made.ok()) return console.fail(unavailable(made.error().message()));
  gateway_stopped = ::eventfd(0, EFD_CLOEXEC);
  std::signal(SIGTERM, end_gateway);
  std::signal(SIGINT, end_gateway);
  std::signal(SIGPIPE, SIG_IGN);
  auto server = db::PgServer::start(std::move(*options), **made, *log);
  if (!server.ok()) return console.fail(server.error());
  console.print(fmt::format("the gateway listens on {}:{}\n    psql -h {} -p {} -U {} {}\n", o.listen, (*server)->port(), o.listen,
                            (*server)->port(), o.owner, o.database));
  std::uint64_t signaled = 0;
  while (::read(gateway_stopped, &signaled, sizeof signaled) < 0 && errno == EINTR) {}
  return 0;
}

}  // namespace

void add_db_gateway_commands(Commands& commands, CLI::App* group) {
  auto g = std::make_shared<GatewayCommand>();
  auto* command = commands.add(group, "gateway", "Serve SQL to PostgreSQL's clients, as one client of the database.",
                               [g](Context& context) { return gateway(context, *g); });
  add_db_member_options(*command, *g, "the client");
  command->add_option("--listen", g->listen, "The address to listen on. Beyond loopback clients must use TLS.")->capture_default_str();
  command->add_option("--port", g->port, "0: any that is free.")->check(CLI::Range(0, 65535))->capture_default_str();
  command->add_option("--socket", g->socket_folder, "Also listen on a socket in this folder, as PostgreSQL's clients look for one.");
  command->add_option("--database", g->database, "What clients call it.")->capture_default_str();
  command->add_option("--owner", g->owner, "The first role, of a database that has none yet: it may do everything.")->capture_default_str();
  command->add_flag("--trust", g->trust, "Ask nobody for a password. On this machine alone.");
  command->add_option("--tls-certificate", g->tls_certificate, "PEM: what clients are shown.");
  command->add_option("--tls-key", g->tls_key, "PEM: its key.");
  command->add_option("--timeout", g->timeout, "How long replicas may take for one answer.")->capture_default_str();
}

}  // namespace isobar::app
