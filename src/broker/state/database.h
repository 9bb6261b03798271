#pragma once

/// The state's SQLite file, as its sources speak to it.

#include <fmt/format.h>
#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>

#include "broker/state_store.h"

namespace isobar::broker {

/// What an extended result code of SQLite asks of the caller.
inline Code code_of_sqlite(int failure) {
  switch (failure & 0xff) {
    case SQLITE_FULL: return Code::kExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Code::kUnavailable;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN: return Code::kPermissionDenied;
    default: return Code::kDataLoss;
  }
}

struct StateStore::Database {
  sqlite3* handle = nullptr;
  fs::path path;

  ~Database() { sqlite3_close(handle); }
  Error failure(std::string_view doing) const {
    return Error(code_of_sqlite(sqlite3_errcode(handle)), fmt::format("{}: {}: {}", doing, path.string(), sqlite3_errmsg(handle)));
  }
  Status run(const std::string& sql) {
    if (sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failure("state");
    return {};
  }
};

/// One prepared statement: values are bound left to right, columns read left to right.
class StateStatement {
 public:
  StateStatement(sqlite3* database, std::string_view sql) {
    sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr);
  }
  ~StateStatement() { sqlite3_finalize(statement_); }
  StateStatement(const StateStatement&) = delete;
  StateStatement& operator=(const StateStatement&) = delete;

  StateStatement& bind(const std::string& value) {
    return sqlite3_bind_text(statement_, ++bound_, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT), *this;
  }
  StateStatement& bind(std::int64_t value) { return sqlite3_bind_int64(statement_, ++bound_, value), *this; }
  StateStatement& bind(int value) { return bind(static_cast<std::int64_t>(value)); }
  StateStatement& bind(bool value) { return bind(static_cast<std::int64_t>(value)); }
  StateStatement& bind(double value) { return sqlite3_bind_double(statement_, ++bound_, value), *this; }
  StateStatement& bind(Instant value) { return bind(value.unix_nanos()); }
  StateStatement& bind_null() { return sqlite3_bind_null(statement_, ++bound_), *this; }

  // A row is there; false at the end and on failure (then `failed`).
  bool next() {
    column_ = 0;
    const int step = sqlite3_step(statement_);
    failed_ = step != SQLITE_ROW && step != SQLITE_DONE;
    return step == SQLITE_ROW;
  }
  bool done() { return !next() && !failed_; }
  bool failed() const { return failed_; }

  std::string text() {
    const auto* raw = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column_));
    const int size = sqlite3_column_bytes(statement_, column_++);
    return raw ? std::string(raw, static_cast<std::size_t>(size)) : "";
  }
  std::int64_t integer() { return sqlite3_column_int64(statement_, column_++); }
  double number() { return sqlite3_column_double(statement_, column_++); }
  Instant instant() { return Instant::from_unix_nanos(integer()); }
  bool null() { return sqlite3_column_type(statement_, column_) == SQLITE_NULL; }
  void skip(int columns = 1) { column_ += columns; }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0, column_ = 0;
  bool failed_ = false;
};

/// Rolls back unless committed, so that an early return never leaves a transaction open.
class StateTransaction {
 public:
  explicit StateTransaction(sqlite3* database) : database_(database) {
    open_ = sqlite3_exec(database, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  ~StateTransaction() {
    if (open_) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  StateTransaction(const StateTransaction&) = delete;
  StateTransaction& operator=(const StateTransaction&) = delete;
  bool open() const { return open_; }
  bool commit() {
    if (sqlite3_exec(database_, "COMMIT", nullptr, nullptr, nullptr) != SQLITE_OK) return false;
    open_ = false;
    return true;
  }

 private:
  sqlite3* database_;
  bool open_ = false;
};

/// Whether every volume that a cluster names is there to be mounted; part of the transaction that records the cluster.
/// Errors   kNotFound, kUnavailable: it is not, with the mend
Status require_volumes(StateStore::Database& database, const ClusterRecord& cluster);

}  // namespace isobar::broker
