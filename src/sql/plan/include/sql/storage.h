#pragma once

/// Rows as one transaction sees them, its own writes included. Whoever runs plans supplies it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sql/catalog.h"
#include "sql/value.h"

namespace isobar::sql {

/// Names a row of a table as long as its primary key does not change; a table without one has a hidden key. Opaque.
using RowKey = std::string;

struct StoredRow {
  RowKey key;
  Row values;  ///< one for each of Table::columns, dropped ones included
};

struct Bound {
  Value value;  ///< not null
  bool inclusive = true;
};

/// Rows whose first columns of the index equal `equal`, and whose next one lies between the two bounds, of the column's own order.
/// Nulls equal nothing; a range with bounds has no nulls, one without has them, last.
struct IndexRange {
  std::vector<Value> equal;
  std::optional<Bound> low, high;
};

struct ScanOrder {
  bool backward = false;        ///< against the order of the index
  bool for_update = false;      ///< the rows are going to be written
  std::uint64_t rows_most = 0;  ///< no more are going to be asked for; 0: nobody knows. A hint
};

class RowCursor {
 public:
  virtual ~RowCursor() = default;
  /// None: there are no more. It stays until the next call.
  virtual SqlResult<const StoredRow*> next() = 0;
};

class Storage {
 public:
  virtual ~Storage() = default;
  /// index  none: the table's own order (its primary key's, or as rows were inserted); ranges is then of the primary key's columns, or all.
  /// What is written while a cursor is open may or may not be seen by it: read before you write.
  virtual SqlResult<std::unique_ptr<RowCursor>> scan(const Table& table, const Index* index, const IndexRange& range,
                                                     const ScanOrder& order) = 0;
  virtual SqlResult<std::optional<StoredRow>> find(const Table& table, const RowKey& key) = 0;
  /// The row that a unique index has already for these values (of all columns of the table); none also where one of them is null.
  virtual SqlResult<std::optional<StoredRow>> conflicting(const Table& table, const Index& index, const Row& values) = 0;

  // The values are checked (not null, CHECK, types) by whoever calls. Errors   23505: a unique index has it already; 23503 may also come
  // later, from `end_statement`.
  virtual SqlStatus insert(const Table& table, Row values) = 0;
  virtual SqlStatus update(const Table& table, const StoredRow& old, Row values) = 0;
  virtual SqlStatus erase(const Table& table, const StoredRow& old) = 0;
  /// Foreign keys that are not deferred are looked at, and what cascades is done.
  virtual SqlStatus end_statement() = 0;

  virtual SqlResult<std::int64_t> next_value(const Sequence& sequence) = 0;                       ///< nextval
  virtual SqlResult<std::int64_t> current_value(const Sequence& sequence) = 0;                    ///< currval. 55000: not yet
  virtual SqlStatus set_value(const Sequence& sequence, std::int64_t value, bool is_called) = 0;  ///< setval
  virtual SqlResult<std::int64_t> last_value() = 0;                                               ///< lastval
};

}  // namespace isobar::sql
