#pragma once

/// The tree of a compiled expression. Every node knows its type; what can be told from types alone was told when it was built.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "function.h"

namespace isobar::features {

class Node {
 public:
  explicit Node(Type gives, std::size_t place) : type(gives), at(place) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;
  virtual Datum evaluate(Evaluation& evaluation) const = 0;

  Type type;       ///< may be widened where the datum stays the same: int32 to int64, float32 to float64
  std::size_t at;  ///< where in the text errors of it are
};
using NodePtr = std::unique_ptr<Node>;

/// A literal. Those without a type of their own, NULL and 'text', take the one that is asked of them.
class Constant final : public Node {
 public:
  Constant(std::size_t place, Type gives, Value literal, bool untyped = false)
      : Node(gives, place), untyped_(untyped), value_(std::move(literal)), datum_(borrow(value_)) {}
  Datum evaluate(Evaluation&) const override { return datum_; }
  bool is_untyped() const { return untyped_; }
  bool is_null() const { return datum_.null; }

 private:
  bool untyped_;
  Value value_;
  Datum datum_;
};

class ColumnNode final : public Node {
 public:
  ColumnNode(std::size_t place, Type gives, std::size_t column) : Node(gives, place), column_(column) {}
  Datum evaluate(Evaluation& evaluation) const override { return borrow(evaluation.row()[column_]); }

 private:
  std::size_t column_;
};

/// A strict function: null if any argument is. All arguments are evaluated.
class FunctionNode final : public Node {
 public:
  FunctionNode(std::size_t place, Type gives, Function function, std::vector<NodePtr> arguments)
      : Node(gives, place), function_(function), arguments_(std::move(arguments)) {}
  Datum evaluate(Evaluation& evaluation) const override;

 private:
  Function function_;
  std::vector<NodePtr> arguments_;
};

/// = <> < <= > >= of operands of one type, by which of below, equal and above make it true.
class ComparisonNode final : public Node {
 public:
  struct Truth {
    bool below, equal, above;
  };
  ComparisonNode(std::size_t place, Truth truth, NodePtr left, NodePtr right);
  Datum evaluate(Evaluation& evaluation) const override;

 private:
  Truth truth_;
  Comparison compare_;
  NodePtr left_, right_;
};

/// What is not strict, each with its own rule for nulls. Their operands are of the types that the typing gave them.
enum class Form {
  kAnd,
  kOr,
  kNot,
  kIsNull,
  kIsTrue,
  kIsFalse,
  kIsDistinct,
  kIn,        ///< the operand, then the list, all of one type
  kBetween,   ///< operand, least, most, of one type
  kCoalesce,  ///< of one type
  kNullIf,
  kGreatest,
  kLeast,
  kCase,        ///< when, then, …, and perhaps else
  kSimpleCase,  ///< the operand, and then as kCase; the operand and the whens are of one type
  kConcat,      ///< texts; nulls are empty
  kHash64,
  kElement,      ///< a list, and a place from 1; null where there is none
  kCardinality,  ///< of a list: how many elements
  kArrayLength,  ///< the same in the one dimension that a list has; null if there are none
};
NodePtr make_form(Form form, std::size_t place, Type gives, std::vector<NodePtr> operands);

}  // namespace isobar::features
