#include "sql/postgresql.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "base/check.h"
#include "base/random.h"

namespace isobar::sql {
namespace {

namespace fs = std::filesystem;

/// The newest server installed. Empty: there is none
std::string server_folder() {
  std::string newest;
  std::error_code error;
  for (fs::directory_iterator entry("/usr/lib/postgresql", error), end; !error && entry != end; entry.increment(error))
    if (fs::exists(entry->path() / "bin/initdb")) newest = std::max(newest, entry->path().string() + "/bin");
  return newest;
}

/// As root it refuses to run; the account that the package makes is there for it.
bool run(const std::string& command) {
  const std::string as = getuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups " : "";
  return system((as + command).c_str()) == 0;
}

constexpr const char* kTry =
    "create function pg_temp.try_one(e text) returns text language plpgsql as $$ declare v text; begin "
    "execute 'select (' || e || ')::text' into v; return coalesce(v, 'null'); "
    "exception when others then return '!' || sqlstate; end $$";

}  // namespace

struct Postgresql::Connection {
  PGconn* handle = nullptr;
  ~Connection() { PQfinish(handle); }
};

Postgresql::Postgresql() = default;

std::unique_ptr<Postgresql> Postgresql::start() {
  const auto no_server = [](const char* why) {
    std::fprintf(stderr, "no PostgreSQL to compare with: %s\n", why);
    return nullptr;
  };
  auto made = std::unique_ptr<Postgresql>(new Postgresql());
  made->bin_ = server_folder();
  if (made->bin_.empty()) return no_server("none is installed (Debian: postgresql-15)");
  made->folder_ = "/tmp/isobar-pg-" + secure_random_hex(4);
  fs::create_directory(made->folder_);
  if (getuid() == 0) CHECK(system(("chown postgres " + made->folder_).c_str()) == 0);
  const std::string log = " >>" + made->folder_ + "/log 2>&1";
  if (!run(fmt::format("{}/initdb -D {}/data -U isobar -A trust -N --no-locale -E UTF8{}", made->bin_, made->folder_, log)) ||
      !run(fmt::format("{0}/pg_ctl -D {1}/data -w -l {1}/server -o \"-k {1} -c listen_addresses='' -c timezone=UTC -F\" start{2}",
                       made->bin_, made->folder_, log)))
    return no_server("it does not start");
  made->connection_ = std::make_unique<Connection>();
  made->connection_->handle = PQconnectdb(("host=" + made->folder_ + " user=isobar dbname=postgres client_encoding=UTF8").c_str());
  if (PQstatus(made->connection_->handle) != CONNECTION_OK) return no_server(PQerrorMessage(made->connection_->handle));
  PQsetNoticeProcessor(
      made->connection_->handle, [](void*, const char*) {}, nullptr);
  return made;
}

Postgresql* Postgresql::shared() {
  static const std::unique_ptr<Postgresql> server = start();
  return server.get();
}

Postgresql::~Postgresql() {
  connection_.reset();
  if (fs::exists(folder_ + "/data/postmaster.pid"))
    static_cast<void>(run(fmt::format("{}/pg_ctl -D {}/data -m immediate stop >/dev/null 2>&1", bin_, folder_)));
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

Answer Postgresql::ask(const std::string& statement) {
  PGresult* result = PQexec(connection_->handle, statement.c_str());
  Answer answer;
  const auto field = [&](int which) {
    const char* text = PQresultErrorField(result, which);
    return std::string(text != nullptr ? text : "");
  };
  answer.sqlstate = field(PG_DIAG_SQLSTATE), answer.message = field(PG_DIAG_MESSAGE_PRIMARY);
  answer.detail = field(PG_DIAG_MESSAGE_DETAIL), answer.hint = field(PG_DIAG_MESSAGE_HINT);
  answer.tag = PQcmdStatus(result);
  for (int column = 0; column < PQnfields(result); ++column)
    answer.columns.emplace_back(PQfname(result, column)), answer.types.push_back(PQftype(result, column));
  for (int row = 0; row < PQntuples(result); ++row) {
    auto& values = answer.rows.emplace_back();
    for (int column = 0; column < PQnfields(result); ++column)
      values.push_back(PQgetisnull(result, row, column) != 0 ? std::nullopt : std::optional<std::string>(PQgetvalue(result, row, column)));
  }
  PQclear(result);
  return answer;
}

std::vector<std::string> Postgresql::evaluate(std::span<const std::string> expressions) {
  if (!prepared_) CHECK(ask(kTry).sqlstate.empty());
  prepared_ = true;
  constexpr std::size_t kAtOnce = 500;
  std::vector<std::string> values;
  for (std::size_t first = 0; first < expressions.size(); first += kAtOnce) {
    std::string statement;
    for (std::size_t place = first; place < std::min(first + kAtOnce, expressions.size()); ++place)
      statement += fmt::format("{}({}, $e${}$e$)", place == first ? "" : ", ", place, expressions[place]);
    const Answer answer = ask("select pg_temp.try_one(e) from (values " + statement + ") as v(n, e) order by n");
    CHECK(answer.sqlstate.empty(), answer.message);
    for (const auto& row : answer.rows) values.push_back(row[0].value_or("null"));
  }
  return values;
}

}  // namespace isobar::sql
