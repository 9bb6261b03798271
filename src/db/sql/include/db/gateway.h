#pragma once

/// SQL over the database's keys, for PostgreSQL's clients: whoever runs it is the database's client, and is believed by those who connect.

#include <memory>
#include <string>

#include "db/key_database.h"
#include "db/sql_session.h"

namespace isobar::db {

struct GatewayOptions {
  std::string database = "isobar";  ///< the one that clients name
  std::string owner = "isobar";     ///< the first role, of a database that has none
  bool trust = false;               ///< nobody is asked for a password
  /// So often a statement, or a transaction whose answers come out the same, is tried again before the client is told of a conflict.
  std::uint32_t tries_most = 20;
};

class Gateway : public SqlServer {
 public:
  /// database outlives it. Errors   08006: it does not answer
  static SqlResult<std::unique_ptr<Gateway>> open(KeyDatabase& database, GatewayOptions options);
  ~Gateway() override;

  SqlResult<Admission> admit(const Startup& startup) override;
  SqlResult<std::unique_ptr<SqlSession>> open(const Startup& startup) override;

  struct Inside;

 private:
  explicit Gateway(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace isobar::db
