// The forms that decide themselves which of their operands they evaluate and what a null means.

#include "features/hash.h"
#include "node.h"

namespace isobar::features {

namespace {

class FormNode : public Node {
 public:
  FormNode(std::size_t place, Type gives, std::vector<NodePtr> operands) : Node(gives, place), operands_(std::move(operands)) {}

 protected:
  std::size_t size() const { return operands_.size(); }
  Type type_of(std::size_t operand) const { return operands_[operand]->type; }
  Datum operand(std::size_t which, Evaluation& evaluation) const { return operands_[which]->evaluate(evaluation); }

 private:
  std::vector<NodePtr> operands_;
};

/// AND and OR in three-valued logic, from left to right; what comes after the one that decides is not evaluated.
class JunctionNode final : public FormNode {
 public:
  JunctionNode(std::size_t place, bool decisive, std::vector<NodePtr> operands)
      : FormNode(place, kBoolType, std::move(operands)), decisive_(decisive) {}
  Datum evaluate(Evaluation& evaluation) const override {
    const Datum left = operand(0, evaluation);
    if (evaluation.failed() || (!left.null && (left.integer != 0) == decisive_)) return left;
    const Datum right = operand(1, evaluation);
    if (!right.null && (right.integer != 0) == decisive_) return right;
    return left.null ? left : right;
  }

 private:
  bool decisive_;
};

class TestNode final : public FormNode {
 public:
  TestNode(std::size_t place, Form form, std::vector<NodePtr> operands) : FormNode(place, kBoolType, std::move(operands)), form_(form) {}
  Datum evaluate(Evaluation& evaluation) const override {
    const Datum value = operand(0, evaluation);
    switch (form_) {
      case Form::kNot: return value.null ? value : Datum::of(value.integer == 0);
      case Form::kIsNull: return Datum::of(value.null);
      case Form::kIsTrue: return Datum::of(value.is_true());
      default: return Datum::of(!value.null && value.integer == 0);
    }
  }

 private:
  Form form_;
};

/// Forms whose operands are compared with one another.
class ComparingNode final : public FormNode {
 public:
  ComparingNode(std::size_t place, Form form, Type gives, std::vector<NodePtr> operands)
      : FormNode(place, gives, std::move(operands)), form_(form), compare_(comparison_of(type_of(0))) {}
  Datum evaluate(Evaluation& evaluation) const override {
    switch (form_) {
      case Form::kIsDistinct: return distinct(operand(0, evaluation), operand(1, evaluation));
      case Form::kIn: return in(evaluation);
      case Form::kBetween: return between(evaluation);
      case Form::kNullIf: return null_if(operand(0, evaluation), operand(1, evaluation));
      case Form::kGreatest: return furthest(evaluation, 1);
      case Form::kLeast: return furthest(evaluation, -1);
      default: return simple_case(evaluation);
    }
  }

 private:
  bool equal(const Datum& a, const Datum& b) const { return !a.null && !b.null && compare_(a, b) == 0; }
  Datum distinct(const Datum& a, const Datum& b) const { return Datum::of(a.null != b.null || (!a.null && compare_(a, b) != 0)); }
  Datum null_if(const Datum& a, const Datum& b) const { return equal(a, b) ? Datum() : a; }

  Datum in(Evaluation& evaluation) const {
    const Datum value = operand(0, evaluation);
    bool any_null = value.null;
    for (std::size_t i = 1; i < size() && !evaluation.failed(); ++i) {
      const Datum other = operand(i, evaluation);
      if (equal(value, other)) return Datum::of(true);
      any_null |= other.null;
    }
    return any_null ? Datum() : Datum::of(false);
  }
  /// value >= least AND value <= most, from left to right as an AND is: what is too small is not compared with the most.
  Datum between(Evaluation& evaluation) const {
    const Datum value = operand(0, evaluation), least = operand(1, evaluation);
    if (!value.null && !least.null && compare_(value, least) < 0) return Datum::of(false);
    const Datum most = operand(2, evaluation);
    if (!value.null && !most.null && compare_(value, most) > 0) return Datum::of(false);
    return value.null || least.null || most.null ? Datum() : Datum::of(true);
  }
  Datum furthest(Evaluation& evaluation, int direction) const {
    Datum found;
    for (std::size_t i = 0; i < size(); ++i) {
      const Datum next = operand(i, evaluation);
      if (!next.null && (found.null || compare_(next, found) * direction > 0)) found = next;
    }
    return found;
  }
  Datum simple_case(Evaluation& evaluation) const {
    const Datum value = operand(0, evaluation);
    std::size_t i = 1;
    for (; i + 1 < size() && !evaluation.failed(); i += 2)
      if (equal(value, operand(i, evaluation))) return operand(i + 1, evaluation);
    return i < size() && !evaluation.failed() ? operand(i, evaluation) : Datum();
  }

  Form form_;
  Comparison compare_;
};

class CaseNode final : public FormNode {
 public:
  using FormNode::FormNode;
  Datum evaluate(Evaluation& evaluation) const override {
    std::size_t i = 0;
    for (; i + 1 < size() && !evaluation.failed(); i += 2)
      if (operand(i, evaluation).is_true() && !evaluation.failed()) return operand(i + 1, evaluation);
    return i < size() && !evaluation.failed() ? operand(i, evaluation) : Datum();
  }
};

class CoalesceNode final : public FormNode {
 public:
  using FormNode::FormNode;
  Datum evaluate(Evaluation& evaluation) const override {
    Datum value;
    for (std::size_t i = 0; i < size() && value.null && !evaluation.failed(); ++i) value = operand(i, evaluation);
    return value;
  }
};

class ConcatNode final : public FormNode {
 public:
  using FormNode::FormNode;
  Datum evaluate(Evaluation& evaluation) const override {
    constexpr std::size_t kTextBytesMost = std::size_t{64} << 20;
    std::string text;
    for (std::size_t i = 0; i < size(); ++i) {
      const Datum part = operand(i, evaluation);
      if (part.null) continue;
      evaluation.stand_at(at);
      if (text.size() + part.size > kTextBytesMost) return evaluation.fail("a text of more than 64 MiB");
      text += part.view();
    }
    return evaluation.keep(text);
  }
};

class HashNode final : public FormNode {
 public:
  using FormNode::FormNode;
  Datum evaluate(Evaluation& evaluation) const override {
    std::vector<Value> values;
    values.reserve(size());
    for (std::size_t i = 0; i < size(); ++i) values.push_back(to_value(operand(i, evaluation), type_of(i)));
    return Datum::of(static_cast<std::int64_t>(hash64(values)));
  }
};

std::int64_t elements_of(const Datum& list) {
  return std::visit([](const auto& elements) { return static_cast<std::int64_t>(elements.size()); }, *list.list);
}

Datum borrow_element(std::uint8_t element) { return Datum::of(element != 0); }
Datum borrow_element(std::int32_t element) { return Datum::of(std::int64_t{element}); }
Datum borrow_element(std::int64_t element) { return Datum::of(element); }
Datum borrow_element(float element) { return Datum::of(double{element}); }
Datum borrow_element(double element) { return Datum::of(element); }
Datum borrow_element(const std::string& element) { return Datum::of(std::string_view(element)); }
Datum borrow_element(const Bytes& element) { return Datum::of(std::string_view(element.data)); }
Datum borrow_element(Instant element) { return Datum::of(element.unix_nanos()); }

class ElementNode final : public FormNode {
 public:
  using FormNode::FormNode;
  Datum evaluate(Evaluation& evaluation) const override {
    const Datum list = operand(0, evaluation), place = operand(1, evaluation);
    if (list.null || place.null || place.integer < 1 || place.integer > elements_of(list)) return {};
    return std::visit([&](const auto& elements) { return borrow_element(elements[static_cast<std::size_t>(place.integer - 1)]); },
                      *list.list);
  }
};

class CountNode final : public FormNode {
 public:
  CountNode(std::size_t place, bool none_is_null, std::vector<NodePtr> operands)
      : FormNode(place, kInt32Type, std::move(operands)), none_is_null_(none_is_null) {}
  Datum evaluate(Evaluation& evaluation) const override {
    const Datum list = operand(0, evaluation);
    if (list.null) return {};
    const std::int64_t elements = elements_of(list);
    return elements == 0 && none_is_null_ ? Datum() : Datum::of(elements);
  }

 private:
  bool none_is_null_;
};

}  // namespace

NodePtr make_form(Form form, std::size_t place, Type gives, std::vector<NodePtr> operands) {
  switch (form) {
    case Form::kAnd: return std::make_unique<JunctionNode>(place, false, std::move(operands));
    case Form::kOr: return std::make_unique<JunctionNode>(place, true, std::move(operands));
    case Form::kNot:
    case Form::kIsNull:
    case Form::kIsTrue:
    case Form::kIsFalse: return std::make_unique<TestNode>(place, form, std::move(operands));
    case Form::kIsDistinct:
    case Form::kIn:
    case Form::kBetween:
    case Form::kNullIf:
    case Form::kGreatest:
    case Form::kLeast:
    case Form::kSimpleCase: return std::make_unique<ComparingNode>(place, form, gives, std::move(operands));
    case Form::kCase: return std::make_unique<CaseNode>(place, gives, std::move(operands));
    case Form::kCoalesce: return std::make_unique<CoalesceNode>(place, gives, std::move(operands));
    case Form::kConcat: return std::make_unique<ConcatNode>(place, gives, std::move(operands));
    case Form::kHash64: return std::make_unique<HashNode>(place, gives, std::move(operands));
    case Form::kElement: return std::make_unique<ElementNode>(place, gives, std::move(operands));
    case Form::kCardinality: return std::make_unique<CountNode>(place, false, std::move(operands));
    case Form::kArrayLength: return std::make_unique<CountNode>(place, true, std::move(operands));
  }
  return nullptr;
}

}  // namespace isobar::features
