#include "features/expression.h"

#include <fmt/format.h>

#include "place.h"
#include "typing.h"

namespace isobar::features {

struct Expression::Compiled {
  std::string text;
  NodePtr root;
  std::vector<std::size_t> columns;
  std::size_t schema_columns;

  Result<Value> evaluate(Evaluation& evaluation, const Row& row) const {
    CHECK(row.size() == schema_columns, row.size(), schema_columns);
    evaluation.start(row);
    const Datum result = root->evaluate(evaluation);
    if (evaluation.failed()) return error_at(text, evaluation.failed_at(), evaluation.what());
    return to_value(result, root->type);
  }
};

Result<Expression> Expression::compile(std::string_view text, const Schema& schema) {
  TRY_ASSIGN(const SyntaxPtr syntax, parse_syntax(text));
  TRY_ASSIGN(Typed typed, type_syntax(text, schema, *syntax));
  auto compiled = std::make_shared<Compiled>();
  compiled->text = text;
  compiled->root = std::move(typed.root);
  compiled->columns.assign(typed.columns.begin(), typed.columns.end());
  compiled->schema_columns = schema.columns().size();
  return Expression(std::move(compiled));
}

Result<Expression> Expression::compile_condition(std::string_view text, const Schema& schema) {
  TRY_ASSIGN(Expression expression, compile(text, schema));
  if (expression.type() != kBoolType)
    return error_at(text, expression.compiled_->root->at,
                    fmt::format("a condition is true or false, and this is {}", name_of(expression.type())));
  return expression;
}

Type Expression::type() const { return compiled_->root->type; }
const std::string& Expression::text() const { return compiled_->text; }
std::span<const std::size_t> Expression::columns() const { return compiled_->columns; }

Result<Value> Expression::evaluate(const Row& row) const {
  Evaluation evaluation;
  return compiled_->evaluate(evaluation, row);
}

Status Expression::evaluate(std::span<const Row> rows, std::vector<Value>& values) const {
  Evaluation evaluation;
  values.reserve(values.size() + rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto value = compiled_->evaluate(evaluation, rows[i]);
    if (!value) return value.error().context(fmt::format("row {}", i + 1));
    values.push_back(std::move(*value));
  }
  return {};
}

Result<bool> Expression::holds(const Row& row) const {
  CHECK(type() == kBoolType, name_of(type()));
  TRY_ASSIGN(const Value value, evaluate(row));
  return !value.is_null() && value.as<bool>();
}

}  // namespace isobar::features
