#pragma once

/// What the parts of one running plan share.

#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sql/physical.h"
#include "sql/prepared.h"

namespace isobar::sql::execute {

namespace lg = logical;
namespace ph = physical;
using lg::ColumnId;

inline const Value kNullValue{};

inline bool is_integer(Kind kind) { return kind == Kind::kInt2 || kind == Kind::kInt4 || kind == Kind::kInt8; }

/// Where a column of the current row is read: whoever makes the row points it at the value. Nothing is copied on the way up.
using Cell = const Value*;

class Operator {
 public:
  virtual ~Operator() = default;
  /// Begins, or begins anew.
  virtual bool open() = 0;
  /// Makes the cells show the next row. False: there is none, or an error: Context::failed says which.
  virtual bool next() = 0;
  /// Lets go of what is kept; comes after the last row, or instead of it.
  virtual void close() {}
};

enum class Truth : std::uint8_t { kFalse, kTrue, kNull, kError };

/// A compiled expression. Its results are its own: they stay until it is run again.
class Eval {
 public:
  virtual ~Eval() = default;
  /// nullptr: an error, which the context has.
  virtual const Value* run() = 0;
  virtual Truth test() {
    const Value* value = run();
    if (value == nullptr) return Truth::kError;
    return value->is_null() ? Truth::kNull : value->boolean() ? Truth::kTrue : Truth::kFalse;
  }
};
using EvalPtr = std::unique_ptr<Eval>;
using OperatorPtr = std::unique_ptr<Operator>;

/// Memory of a statement, counted where it is kept.
class Budget {
 public:
  void reset(std::size_t most) { used_ = 0, most_ = most; }
  bool take(std::size_t bytes) { return (used_ += bytes) <= most_; }
  void give(std::size_t bytes) { used_ -= std::min(bytes, used_); }
  std::size_t most() const { return most_; }

 private:
  std::size_t used_ = 0, most_ = 0;
};

class RowStore;

/// Rows of a CTE, made when they are first asked for, or, of a recursive one, of its last round.
struct CteRows {
  std::unique_ptr<RowStore> all, working;
  OperatorPtr root, step;
  std::vector<Cell*> root_cells, step_cells;
  bool made = false;
  bool distinct = false;
  std::vector<Type> types;
};

struct Subplan {
  OperatorPtr root;
  std::vector<Cell*> outer;
  std::vector<Type> outer_types;
  bool remembered = false;
};

class Context {
 public:
  Cell* cell(ColumnId id);
  /// The columns of a relation that somebody reads.
  const std::vector<std::pair<std::uint32_t, Cell*>>& columns_of(std::uint32_t relation) { return relations_[relation]; }

  bool fail(SqlError error) {
    if (!error_) error_ = std::move(error);
    return false;
  }
  bool failed() const { return error_.has_value(); }
  const SqlError& error() const { return *error_; }
  void clear_error() { error_.reset(); }
  /// To be asked for each row that is read. False: the statement is to end.
  bool goes_on() {
    if ((++ticks_ & 0xffU) != 0) return true;
    return check_canceled();
  }
  bool check_canceled();
  bool keep(std::size_t bytes);
  /// Tells executions apart: what was computed once holds for one of them.
  std::uint64_t execution() const { return execution_; }
  void new_execution() { ++execution_; }

  Storage* storage = nullptr;
  const SessionValues* session = nullptr;
  const ExecutionLimits* limits = nullptr;
  std::vector<Value> parameters;
  Budget budget;
  std::vector<CteRows> ctes;
  std::map<const lg::Query*, Subplan> subplans;

 private:
  std::optional<SqlError> error_;
  std::uint32_t ticks_ = 0;
  std::uint64_t execution_ = 0;
  std::deque<Cell> cells_;
  std::map<ColumnId, Cell*> by_id_;
  std::unordered_map<std::uint32_t, std::vector<std::pair<std::uint32_t, Cell*>>> relations_;
};

/// About the memory that a value holds beside itself.
std::size_t bytes_beside(const Value& value);
inline std::size_t bytes_of(const Value& value) { return sizeof(Value) + (value.held().index() < 4 ? 0 : bytes_beside(value)); }

}  // namespace isobar::sql::execute
