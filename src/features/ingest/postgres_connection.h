#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "postgres_library.h"

namespace isobar::features {

/// One session. Passwords come from where libpq looks for them: PGPASSWORD, ~/.pgpass.
class PostgresConnection {
 public:
  /// replication   for the commands of logical replication
  /// Errors        kUnavailable
  static Result<std::unique_ptr<PostgresConnection>> open(const PostgresLibrary& library, const std::string& url, bool replication);
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  using Rows = std::unique_ptr<PGresult, std::function<void(PGresult*)>>;
  /// Errors   kUnavailable, with what the server says
  Result<Rows> run(const std::string& sql) const;
  std::string identifier(std::string_view name) const;
  std::string literal(std::string_view text) const;

  /// Begins a stream of messages.
  Status start_stream(const std::string& sql);
  /// The next message, waiting for it so long. None: nothing came. Errors   kUnavailable: the stream ended
  Result<std::optional<std::string>> message(Duration patience) const;
  Status send(std::string_view message) const;

 private:
  PostgresConnection(const PostgresLibrary& library, PGconn* connection) : library_(library), connection_(connection) {}
  Error failed(std::string_view doing) const;
  const PostgresLibrary& library_;
  PGconn* connection_;
};

}  // namespace isobar::features
