#include <fmt/format.h>

#include "place.h"
#include "typing.h"

namespace isobar::features {

namespace {

/// From narrow to wide; a number goes to any that is wider.
int width(Type type) {
  switch (type.kind) {
    case Kind::kInt32: return 1;
    case Kind::kInt64: return 2;
    case Kind::kFloat32: return 3;
    default: return 4;
  }
}
bool widens(Type from, Type to) { return from.is_number() && to.is_number() && width(from) <= width(to); }
/// Their data are the same: no node is needed to go from one to the other.
bool same_datum(Type from, Type to) { return (from.is_integer() && to.is_integer()) || (from.is_float() && to.is_float()); }

Result<NodePtr> call_cast(std::string_view text, std::size_t at, NodePtr node, Type type, Function function) {
  const bool constant = dynamic_cast<const Constant*>(node.get()) != nullptr;
  std::vector<NodePtr> arguments;
  arguments.push_back(std::move(node));
  auto call = std::make_unique<FunctionNode>(at, type, function, std::move(arguments));
  if (!constant) return NodePtr(std::move(call));
  Evaluation evaluation;
  const Value value = to_value(call->evaluate(evaluation), type);
  if (evaluation.failed()) return error_at(text, at, evaluation.what());
  return NodePtr(std::make_unique<Constant>(at, type, value));
}

/// NULL and 'text' as what is asked for.
Result<NodePtr> literal_as(std::string_view text, NodePtr node, Type type) {
  const std::size_t at = node->at;
  const auto& literal = static_cast<const Constant&>(*node);
  if (literal.is_null()) return NodePtr(std::make_unique<Constant>(at, type, Value()));
  if (type.is(Kind::kString)) {
    Evaluation evaluation;
    return NodePtr(std::make_unique<Constant>(at, type, to_value(literal.evaluate(evaluation), type)));
  }
  const auto function = cast_function(kStringType, type);
  if (!function) return error_at(text, at, fmt::format("a text cannot be {}", name_of(type)));
  return call_cast(text, at, std::move(node), type, *function);
}

Error no_common(std::string_view text, const Node& node, Type other) {
  return error_at(text, node.at, fmt::format("{} does not go together with {}; cast one of them", name_of(node.type), name_of(other)));
}

}  // namespace

bool is_untyped(const Node& node) {
  const auto* literal = dynamic_cast<const Constant*>(&node);
  return literal != nullptr && literal->is_untyped();
}

bool can_coerce(const Node& node, Type type) {
  if (node.type == type) return true;
  if (!is_untyped(node)) return widens(node.type, type);
  return static_cast<const Constant&>(node).is_null() || cast_function(kStringType, type).has_value();
}

Result<NodePtr> coerce(std::string_view text, NodePtr node, Type type) {
  if (is_untyped(*node)) return literal_as(text, std::move(node), type);
  if (node->type == type) return node;
  if (!widens(node->type, type)) return error_at(text, node->at, fmt::format("{} where {} is needed", name_of(node->type), name_of(type)));
  if (same_datum(node->type, type)) return node->type = type, std::move(node);
  const std::size_t at = node->at;
  const auto function = cast_function(node->type, type);
  return call_cast(text, at, std::move(node), type, *function);
}

Result<NodePtr> explicit_cast(std::string_view text, std::size_t at, NodePtr node, Type type) {
  if (is_untyped(*node)) return literal_as(text, std::move(node), type);
  if (node->type == type) return node;
  const auto function = cast_function(node->type, type);
  if (!function) return error_at(text, at, fmt::format("there is no cast from {} to {}", name_of(node->type), name_of(type)));
  return call_cast(text, at, std::move(node), type, *function);
}

Result<Type> common_type(std::string_view text, const std::vector<NodePtr>& nodes) {
  std::optional<Type> common;
  for (const NodePtr& node : nodes) {
    if (is_untyped(*node)) continue;
    if (!common || widens(*common, node->type)) common = node->type;
    else if (*common != node->type && !widens(node->type, *common)) return no_common(text, *node, *common);
  }
  return common.value_or(kStringType);
}

Result<Type> compared_type(std::string_view text, const std::vector<NodePtr>& nodes) {
  TRY_ASSIGN(const Type common, common_type(text, nodes));
  for (const NodePtr& node : nodes)
    if (common.is(Kind::kFloat32) && !is_untyped(*node) && node->type.is_integer()) return kFloat64Type;
  return common;
}

Status coerce_all(std::string_view text, std::vector<NodePtr>& nodes, Type type) {
  for (NodePtr& node : nodes) {
    TRY_ASSIGN(node, coerce(text, std::move(node), type));
  }
  return {};
}

}  // namespace isobar::features
