#pragma once

// The schema as this gateway knows it. Transactions take it for granted that it is still so; the database refuses those for whom it is not.

#include <mutex>

#include "db/key_database.h"
#include "db/schema.h"
#include "sql/error.h"

namespace isobar::db {

/// Safe from any thread.
class SchemaCache {
 public:
  explicit SchemaCache(KeyDatabase& database) : database_(database) {}
  /// As it was read last. Errors   08006: the database does not answer; XX001
  sql::SqlResult<SchemaPtr> current();
  /// Read again, where it is another one by now.
  sql::SqlResult<SchemaPtr> refreshed();
  /// It has changed.
  void forget();
  /// Writes what a database begins with, where there is nothing yet.
  sql::SqlStatus begin(const std::string& owner);

 private:
  sql::SqlResult<SchemaPtr> read();

  KeyDatabase& database_;
  std::mutex mutex_;
  SchemaPtr known_;  // guarded by mutex_
};

}  // namespace isobar::db
