#include "postgres_connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <optional>

#include "base/text.h"

namespace isobar::features {

Error PostgresConnection::failed(std::string_view doing) const {
  return unavailable(fmt::format("{}: {}", doing, trim(library_.PQerrorMessage_(connection_))));
}

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(const PostgresLibrary& library, const std::string& url,
                                                                     bool replication) {
  // Texts of times and numbers are then of one form, whatever the server's settings are.
  const std::array<const char*, 6> names{
      "dbname", "options", "fallback_application_name", "connect_timeout", replication ? "replication" : nullptr, nullptr};
  const std::array<const char*, 6> values{
      url.c_str(), "-c datestyle=ISO -c timezone=UTC -c extra_float_digits=3", "isobar", "10", replication ? "database" : nullptr, nullptr};
  std::unique_ptr<PostgresConnection> made(new PostgresConnection(library, library.PQconnectdbParams_(names.data(), values.data(), 1)));
  if (library.PQstatus_(made->connection_) != CONNECTION_OK) return made->failed("connect");
  return made;
}

PostgresConnection::~PostgresConnection() { library_.PQfinish_(connection_); }

Result<PostgresConnection::Rows> PostgresConnection::run(const std::string& sql) const {
  Rows rows(library_.PQexec_(connection_, sql.c_str()), [this](PGresult* result) { library_.PQclear_(result); });
  const auto status = library_.PQresultStatus_(rows.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return failed(sql.substr(0, 60));
  return rows;
}

std::string PostgresConnection::identifier(std::string_view name) const {
  char* quoted = library_.PQescapeIdentifier_(connection_, name.data(), name.size());
  std::string text = quoted != nullptr ? quoted : "";
  library_.PQfreemem_(quoted);
  return text;
}

std::string PostgresConnection::literal(std::string_view text) const {
  char* quoted = library_.PQescapeLiteral_(connection_, text.data(), text.size());
  std::string made = quoted != nullptr ? quoted : "";
  library_.PQfreemem_(quoted);
  return made;
}

Status PostgresConnection::start_stream(const std::string& sql) {
  const Rows rows(library_.PQexec_(connection_, sql.c_str()), [this](PGresult* result) { library_.PQclear_(result); });
  return library_.PQresultStatus_(rows.get()) == PGRES_COPY_BOTH ? Status() : Status(failed("read the table's changes"));
}

Result<std::optional<std::string>> PostgresConnection::message(Duration patience) const {
  for (bool waited = false;; waited = true) {
    char* bytes = nullptr;
    const int length = library_.PQgetCopyData_(connection_, &bytes, 1);
    if (length > 0) {
      std::string text(bytes, static_cast<std::size_t>(length));
      library_.PQfreemem_(bytes);
      return std::optional(std::move(text));
    }
    if (length < 0) return failed("read the table's changes");
    if (waited) return std::optional<std::string>();
    pollfd ready{.fd = library_.PQsocket_(connection_), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count()));
    if (library_.PQconsumeInput_(connection_) == 0) return failed("read the table's changes");
  }
}

Status PostgresConnection::send(std::string_view message) const {
  if (library_.PQputCopyData_(connection_, message.data(), static_cast<int>(message.size())) != 1) return failed("tell what was read");
  return library_.PQflush_(connection_) < 0 ? Status(failed("tell what was read")) : Status();
}

}  // namespace isobar::features
