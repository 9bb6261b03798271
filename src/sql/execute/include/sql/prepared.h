#pragma once

/// A statement that can be run again and again: the face of everything between a parsed statement and its rows.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sql/ast.h"
#include "sql/catalog.h"
#include "sql/function_set.h"
#include "sql/logical.h"
#include "sql/session_values.h"
#include "sql/storage.h"

namespace isobar::sql {

struct ExecutionLimits {
  std::size_t memory_bytes = std::size_t{256} << 20;  ///< of what sorts, hashes, windows and CTEs keep, a statement
  std::string memory_setting = "work_mem";            ///< as the error names it
};

/// The rows of one execution. They are made as they are asked for, but for what writes: that is done, all of it, before the first row.
class RowStream {
 public:
  virtual ~RowStream() = default;
  /// None: there are no more. It stays until the next call. Errors   as PostgreSQL's; 57014 when the session says so; 53200
  virtual SqlResult<const Row*> next() = 0;
  /// CommandComplete's, once `next` has given none: "SELECT 3", "INSERT 0 1".
  virtual std::string tag() const = 0;
};

/// Threads: one at a time. An execution's stream may be open while another one begins.
class Prepared {
 public:
  virtual ~Prepared() = default;
  virtual const std::vector<Type>& parameters() const = 0;
  /// Of the rows that come back; none of a statement that only writes.
  virtual const std::vector<logical::OutputColumn>& columns() const = 0;
  virtual bool returns_rows() const = 0;
  /// It writes no rows, gives out no numbers of sequences, and locks nothing.
  virtual bool reads_only() const = 0;
  /// The tag's first word: "SELECT", "INSERT", "UPDATE", "DELETE".
  virtual std::string_view command() const = 0;
  virtual const std::vector<logical::Privilege>& privileges() const = 0;
  /// All tables and views it was planned with, as they were. When one of them is another one now, prepare again.
  virtual const std::vector<std::shared_ptr<const Table>>& tables() const = 0;
  /// EXPLAIN's lines.
  virtual std::vector<std::string> explain(bool costs) const = 0;
  /// values   one for each parameter, of its type
  /// storage, session  outlive the stream, as this does
  /// Cost     of SELECT … WHERE key = $1: some microseconds in all
  virtual SqlResult<std::unique_ptr<RowStream>> execute(std::vector<Value> values, Storage& storage, const SessionValues& session,
                                                        const ExecutionLimits& limits) = 0;
};

/// parameters  the types that are known; kUnknown, or missing: to be found out
/// statement   a query, INSERT, UPDATE or DELETE, or one with a query in it: CREATE TABLE AS, COPY (query); it is not needed afterwards
/// functions   outlives what is made
SqlResult<std::unique_ptr<Prepared>> prepare(const ast::Statement& statement, Catalog& catalog, const FunctionSet& functions,
                                             const SessionValues& session, std::span<const Type> parameters);

/// One value of a bound expression that names no columns, or those of one row, as relation 0: defaults and checks of DDL.
SqlResult<Value> evaluate(const logical::ExprPtr& expr, const Row* row, Storage& storage, const SessionValues& session);

}  // namespace isobar::sql
