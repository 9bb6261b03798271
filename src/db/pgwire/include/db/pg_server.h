#pragma once

/// Listens for PostgreSQL's clients, and serves each on a thread of its own.

#include <cstdint>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/log.h"
#include "db/pg_connection.h"

namespace isobar::db {

struct PgServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 5432;             ///< 0: any
  fs::path socket_folder;                ///< also listens on .s.PGSQL.PORT in it; empty: not
  std::string certificate_pem, key_pem;  ///< TLS is offered; empty: it is not
  bool tls_required = false;             ///< who comes from elsewhere must use it
  std::size_t connections_most = 200;
  ConnectionLimits limits;
};

class PgServer {
 public:
  /// server and log outlive it. Errors   kInvalidArgument: the address, the certificate; kAlreadyExists: the port is taken
  static Result<std::unique_ptr<PgServer>> start(PgServerOptions options, SqlServer& server, Log& log);
  /// All connections are ended.
  ~PgServer();
  std::uint16_t port() const;

 private:
  struct Inside;
  explicit PgServer(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace isobar::db
