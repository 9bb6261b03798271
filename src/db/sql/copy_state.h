#pragma once

// COPY: rows as lines of text, as CSV, or as PostgreSQL's binary form.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/sql_session.h"
#include "sql/ast.h"
#include "sql/prepared.h"

namespace isobar::db {

struct CopyOptions {
  enum class Form : std::uint8_t { kText, kCsv, kBinary } form = Form::kText;
  char delimiter = '\t', quote = '"', escape = '"';
  std::string null = "\\N";
  bool header = false;
  std::vector<std::string> force_quote, force_null, force_not_null;
};

SqlResult<CopyOptions> copy_options(const std::vector<sql::ast::Option>& options);

/// One row of text or CSV; none: null.
using CopyFields = std::vector<std::optional<std::string>>;
void append_copy_row(std::string& out, const CopyOptions& options, const CopyFields& fields);

/// Cuts what comes into rows. Errors   22P04: with the line
class CopyReader {
 public:
  explicit CopyReader(CopyOptions options) : options_(std::move(options)) {}
  void add(std::string_view bytes) { rest_.append(bytes); }
  /// The next row that is there in full; at_end: nothing more comes. None: more is needed, or all is read
  SqlResult<std::optional<CopyFields>> next(bool at_end);
  std::uint64_t line() const { return line_; }

 private:
  SqlResult<std::optional<CopyFields>> next_text(bool at_end);
  SqlResult<std::optional<CopyFields>> next_csv(bool at_end);
  SqlResult<std::optional<CopyFields>> next_binary(bool at_end);
  CopyOptions options_;
  std::string rest_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 0;
  bool began_ = false, ended_ = false;
};

struct CopyState {
  CopyOptions options;
  CopyReader reader{CopyOptions{}};
  std::shared_ptr<sql::Prepared> insert;  ///< INSERT INTO table (columns) VALUES ($1, …)
  std::vector<sql::Type> types;
  std::string table;
  std::vector<std::string> columns;
  bool skip_header = false;
  std::uint64_t rows = 0;
};

}  // namespace isobar::db
