#pragma once

/// The expression language of features: the scalar part of SQL, with PostgreSQL's meaning wherever it has one.
///
/// There is one parser and one evaluator, for filters and maps on streams, for backfills over history and for transforms on demand. So a
/// feature that is trained on is computed by the very code that serves it. docs/formats/feature-expression.md is the language's reference;
/// the differences from PostgreSQL are told there, and a test runs thousands of expressions through both.
///
/// An expression is parsed, typed against a schema, and compiled to a tree of nodes, all when the definition is applied; whatever is wrong
/// with it is an error then, with its place. What remains for each row are errors of values: an overflow, a division by zero, a text that
/// is no number. They are errors of the row, and never a wrapped or invented value.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "features/schema.h"

namespace isobar::features {

/// Immutable, and cheap to copy. Safe from any thread.
class Expression {
 public:
  /// text     at most 64 KiB, nested at most 100 deep, of 10,000 parts, 1,000 operators in a row
  /// Errors   kInvalidArgument: the message has what is wrong, the nearest name where one is unknown, and below it the line with a caret
  static Result<Expression> compile(std::string_view text, const Schema& schema);
  /// The same of something that holds or does not: its type is bool, else it is an error.
  static Result<Expression> compile_condition(std::string_view text, const Schema& schema);

  Type type() const;
  const std::string& text() const;
  /// The columns that are read, ascending.
  std::span<const std::size_t> columns() const;

  /// row      as the schema has it
  /// Errors   kInvalidArgument: the row's values have no result; the message has the reason and the place
  /// Cost     a few ns for each node; no allocation where no text is made
  Result<Value> evaluate(const Row& row) const;
  /// One value for each row, put after those in `values`. Stops at the first error, which begins with the row's number from 1.
  Status evaluate(std::span<const Row> rows, std::vector<Value>& values) const;
  /// Of a condition: whether it is true; false and null are not.
  Result<bool> holds(const Row& row) const;

 private:
  struct Compiled;
  explicit Expression(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace isobar::features
