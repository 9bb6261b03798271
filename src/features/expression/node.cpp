#include "node.h"

namespace isobar::features {

Datum FunctionNode::evaluate(Evaluation& evaluation) const {
  std::array<Datum, kArgumentsMost> arguments;
  bool any_null = false;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    arguments[i] = arguments_[i]->evaluate(evaluation);
    any_null |= arguments[i].null;
  }
  if (any_null) return {};
  evaluation.stand_at(at);
  return function_(evaluation, arguments.data());
}

ComparisonNode::ComparisonNode(std::size_t place, Truth truth, NodePtr left, NodePtr right)
    : Node(kBoolType, place), truth_(truth), compare_(comparison_of(left->type)), left_(std::move(left)), right_(std::move(right)) {}

Datum ComparisonNode::evaluate(Evaluation& evaluation) const {
  const Datum left = left_->evaluate(evaluation), right = right_->evaluate(evaluation);
  if (left.null || right.null) return {};
  const int order = compare_(left, right);
  return Datum::of(order < 0 ? truth_.below : order > 0 ? truth_.above : truth_.equal);
}

}  // namespace isobar::features
