#pragma once

/// A thin hold on SQLite: statements whose parameters and columns are typed, and errors as values.

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::broker {

Error sqlite_error(sqlite3* db, std::string_view doing);

Status execute(sqlite3* db, const char* sql);

/// One prepared statement. Parameters are bound in order, columns read in order.
class Statement {
 public:
  Statement(sqlite3* db, std::string_view sql) : db_(db) {
    failed_ = sqlite3_prepare_v2(db, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr) != SQLITE_OK;
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(std::int64_t value) { return bound(sqlite3_bind_int64(statement_, ++parameter_, value)); }
  Statement& bind(double value) { return bound(sqlite3_bind_double(statement_, ++parameter_, value)); }
  /// Bytes, which may hold anything; they must outlive the statement.
  Statement& bind(std::string_view bytes) {
    return bound(sqlite3_bind_blob64(statement_, ++parameter_, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC));
  }
  template <class T>
  Statement& bind(const std::optional<T>& value) {
    return value ? bind(static_cast<std::int64_t>(*value)) : bound(sqlite3_bind_null(statement_, ++parameter_));
  }

  /// Whether there is a (further) row.
  Result<bool> next() {
    column_ = 0;
    const int outcome = failed_ ? SQLITE_ERROR : sqlite3_step(statement_);
    if (outcome == SQLITE_ROW) return true;
    if (outcome == SQLITE_DONE) return false;
    return sqlite_error(db_, "job table");
  }
  /// For statements without rows.
  Status run() {
    TRY(next());
    return {};
  }

  std::int64_t integer() { return sqlite3_column_int64(statement_, column_++); }
  double real() { return sqlite3_column_double(statement_, column_++); }
  std::string bytes() {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column_));
    return {data, data ? static_cast<std::size_t>(sqlite3_column_bytes(statement_, column_++)) : (++column_, 0)};
  }
  std::optional<std::int64_t> optional_integer() {
    if (sqlite3_column_type(statement_, column_) != SQLITE_NULL) return integer();
    ++column_;
    return std::nullopt;
  }

 private:
  Statement& bound(int outcome) {
    failed_ = failed_ || outcome != SQLITE_OK;
    return *this;
  }
  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
  int parameter_ = 0, column_ = 0;
  bool failed_ = false;
};

}  // namespace isobar::broker
