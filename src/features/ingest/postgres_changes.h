#pragma once

/// The messages of PostgreSQL's logical replication (pgoutput, version 1) for one table, as rows of a source. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "features/source_reader.h"

namespace isobar::features {

/// A value's text, as PostgreSQL writes it, as the column's type.
/// Errors   kInvalidArgument
Result<Value> value_of_postgres(std::string_view text, const Column& column);

/// Takes messages one after another.
class PostgresChanges {
 public:
  explicit PostgresChanges(const Source& source) : source_(source) {}

  /// Rows that came of it, in order, are put into the batch; `refused` and `problem` say what is no row.
  /// Where a transaction ended: the position behind it. Errors   kUnavailable: a message that is none
  Result<std::optional<std::uint64_t>> take(std::string_view message, SourceBatch& batch);

 private:
  struct Cell {
    enum class Kind { kNull, kUnchanged, kText } kind = Kind::kNull;
    std::string_view text;
  };
  Status relation(std::string_view body);
  Result<std::vector<Cell>> tuple(std::string_view& body) const;
  void change(std::string_view body, char kind, SourceBatch& batch);
  Status add(std::vector<Cell> cells, const std::vector<Cell>* before, bool deleted, SourceBatch& batch) const;
  Status one_change(std::string_view body, char kind, SourceBatch& batch);

  const Source& source_;
  std::uint32_t relation_ = 0;
  std::vector<std::string> columns_;  ///< of the table, in the order in which cells come
};

}  // namespace isobar::features
