#include "typing.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "place.h"

namespace isobar::features {

namespace {

struct NamedForm {
  std::string_view name;
  Form form;
  std::size_t arity_least, arity_most;
};
constexpr std::size_t kAny = SIZE_MAX;
/// Those that are written as functions or operators; CASE is a syntax of its own.
constexpr std::array kForms{
    NamedForm{"and", Form::kAnd, 2, 2},
    NamedForm{"or", Form::kOr, 2, 2},
    NamedForm{"not", Form::kNot, 1, 1},
    NamedForm{"is null", Form::kIsNull, 1, 1},
    NamedForm{"is unknown", Form::kIsNull, 1, 1},
    NamedForm{"is true", Form::kIsTrue, 1, 1},
    NamedForm{"is false", Form::kIsFalse, 1, 1},
    NamedForm{"is distinct", Form::kIsDistinct, 2, 2},
    NamedForm{"in", Form::kIn, 2, kAny},
    NamedForm{"between", Form::kBetween, 3, 3},
    NamedForm{"coalesce", Form::kCoalesce, 1, kAny},
    NamedForm{"nullif", Form::kNullIf, 2, 2},
    NamedForm{"greatest", Form::kGreatest, 1, kAny},
    NamedForm{"least", Form::kLeast, 1, kAny},
    NamedForm{"concat", Form::kConcat, 1, kAny},
    NamedForm{"hash64", Form::kHash64, 1, kAny},
    NamedForm{"[]", Form::kElement, 2, 2},
    NamedForm{"cardinality", Form::kCardinality, 1, 1},
    NamedForm{"array_length", Form::kArrayLength, 2, 2},
};

struct NamedComparison {
  std::string_view name;
  ComparisonNode::Truth truth;
};
constexpr std::array kComparisons{
    NamedComparison{"=", {false, true, false}}, NamedComparison{"<>", {true, false, true}}, NamedComparison{"<", {true, false, false}},
    NamedComparison{"<=", {true, true, false}}, NamedComparison{">", {false, false, true}}, NamedComparison{">=", {false, true, true}},
};

std::array<std::span<const Signature>, 3> all_functions() { return {number_functions(), text_functions(), time_functions()}; }

bool is_word(std::string_view name) {
  return !name.empty() && ((name[0] >= 'a' && name[0] <= 'z') || name[0] == '_') && name.find(' ') == std::string_view::npos;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  for (const auto& functions : all_functions())
    for (const Signature& signature : functions)
      if (is_word(signature.name) && signature.name != "neg") names.emplace_back(signature.name);
  for (const NamedForm& form : kForms)
    if (is_word(form.name)) names.emplace_back(form.name);
  return names;
}

class Typer {
 public:
  Typer(std::string_view text, const Schema& schema) : text_(text), schema_(schema) {}

  Result<Typed> run(const Syntax& syntax) {
    TRY_ASSIGN(NodePtr root, type(syntax));
    if (is_untyped(*root)) {
      TRY_ASSIGN(root, coerce(text_, std::move(root), kStringType));
    }
    return Typed{std::move(root), std::move(columns_)};
  }

 private:
  Error wrong(const Syntax& syntax, std::string_view what) const { return error_at(text_, syntax.at, what); }

  Result<NodePtr> type(const Syntax& syntax) {
    switch (syntax.kind) {
      case SyntaxKind::kNull: return constant(syntax, kStringType, Value(), true);
      case SyntaxKind::kText: return constant(syntax, kStringType, Value(syntax.text), true);
      case SyntaxKind::kBool: return constant(syntax, kBoolType, Value(syntax.text == "true"));
      case SyntaxKind::kInteger: return integer(syntax);
      case SyntaxKind::kReal: return real(syntax);
      case SyntaxKind::kColumn: return column(syntax);
      case SyntaxKind::kCast: return cast(syntax);
      case SyntaxKind::kCase: return searched_case(syntax);
      case SyntaxKind::kSimpleCase: return simple_case(syntax);
      case SyntaxKind::kCall: return call(syntax);
    }
    return wrong(syntax, "nothing known");
  }

  static Result<NodePtr> constant(const Syntax& syntax, Type type, Value value, bool untyped = false) {
    return NodePtr(std::make_unique<Constant>(syntax.at, type, std::move(value), untyped));
  }
  Result<NodePtr> integer(const Syntax& syntax) {
    std::int64_t number = 0;
    if (std::from_chars(syntax.text.data(), syntax.text.data() + syntax.text.size(), number).ec != std::errc())
      return wrong(syntax, fmt::format("{} is beyond the range of int64; write {}.0 for a float64", syntax.text, syntax.text));
    if (number >= INT32_MIN && number <= INT32_MAX) return constant(syntax, kInt32Type, Value(static_cast<std::int32_t>(number)));
    return constant(syntax, kInt64Type, Value(number));
  }
  Result<NodePtr> real(const Syntax& syntax) {
    double number = 0;
    if (std::from_chars(syntax.text.data(), syntax.text.data() + syntax.text.size(), number).ec != std::errc())
      return wrong(syntax, fmt::format("{} is beyond the range of float64", syntax.text));
    return constant(syntax, kFloat64Type, Value(number));
  }

  /// A name without quotes is a column that is spelled so, or else the only one that differs in case alone.
  std::optional<std::size_t> find_column(const Syntax& syntax) const {
    if (syntax.spelled.empty()) return schema_.find(syntax.text);
    if (const auto exact = schema_.find(syntax.spelled)) return exact;
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < schema_.columns().size(); ++i) {
      if (to_lower(schema_.columns()[i].name) != syntax.text) continue;
      if (found) return std::nullopt;
      found = i;
    }
    return found;
  }
  Result<NodePtr> column(const Syntax& syntax) {
    const auto found = find_column(syntax);
    if (!found) return wrong(syntax, schema_.require(syntax.spelled.empty() ? syntax.text : syntax.spelled).error().message());
    columns_.insert(*found);
    return NodePtr(std::make_unique<ColumnNode>(syntax.at, schema_.columns()[*found].type, *found));
  }

  Result<NodePtr> cast(const Syntax& syntax) {
    TRY_ASSIGN(NodePtr node, type(*syntax.operands[0]));
    return explicit_cast(text_, syntax.at, std::move(node), syntax.type);
  }

  Result<std::vector<NodePtr>> operands_of(const Syntax& syntax) {
    std::vector<NodePtr> nodes;
    for (const SyntaxPtr& operand : syntax.operands) {
      TRY_ASSIGN(NodePtr node, type(*operand));
      nodes.push_back(std::move(node));
    }
    return nodes;
  }

  /// Those of the nodes from `first` on, `step` apart, made of one type, which is given.
  Result<Type> unify_some(std::vector<NodePtr>& nodes, const std::vector<std::size_t>& which, bool compared) {
    std::vector<NodePtr> some;
    for (const std::size_t i : which) some.push_back(std::move(nodes[i]));
    TRY_ASSIGN(const Type common, compared ? compared_type(text_, some) : common_type(text_, some));
    TRY(coerce_all(text_, some, common));
    for (std::size_t i = 0; i < which.size(); ++i) nodes[which[i]] = std::move(some[i]);
    return common;
  }
  Result<NodePtr> searched_case(const Syntax& syntax) {
    TRY_ASSIGN(std::vector<NodePtr> nodes, operands_of(syntax));
    std::vector<std::size_t> results;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const bool condition = i % 2 == 0 && i + 1 < nodes.size();
      if (!condition) {
        results.push_back(i);
        continue;
      }
      TRY_ASSIGN(nodes[i], coerce(text_, std::move(nodes[i]), kBoolType));
    }
    TRY_ASSIGN(const Type gives, unify_some(nodes, results, false));
    return make_form(Form::kCase, syntax.at, gives, std::move(nodes));
  }
  Result<NodePtr> simple_case(const Syntax& syntax) {
    TRY_ASSIGN(std::vector<NodePtr> nodes, operands_of(syntax));
    std::vector<std::size_t> compared{0}, results;
    for (std::size_t i = 1; i < nodes.size(); ++i) (i % 2 == 1 && i + 1 < nodes.size() ? compared : results).push_back(i);
    TRY(unify_some(nodes, compared, true));
    TRY_ASSIGN(const Type gives, unify_some(nodes, results, false));
    return make_form(Form::kSimpleCase, syntax.at, gives, std::move(nodes));
  }

  Result<NodePtr> call(const Syntax& syntax) {
    TRY_ASSIGN(std::vector<NodePtr> nodes, operands_of(syntax));
    if (syntax.text == "plus") return plus(syntax, std::move(nodes[0]));
    for (const NamedComparison& comparison : kComparisons)
      if (comparison.name == syntax.text) return compare(syntax, comparison.truth, std::move(nodes));
    for (const NamedForm& form : kForms)
      if (form.name == syntax.text) return make(syntax, form, std::move(nodes));
    if (syntax.text == "||") TRY(texts_for_joining(nodes));
    return function(syntax, std::move(nodes));
  }
  Result<NodePtr> plus(const Syntax& syntax, NodePtr node) {
    if (is_untyped(*node)) return coerce(text_, std::move(node), kFloat64Type);
    if (!node->type.is_number()) return wrong(syntax, fmt::format("+ of {}, which is no number", name_of(node->type)));
    return node;
  }
  Result<NodePtr> compare(const Syntax& syntax, ComparisonNode::Truth truth, std::vector<NodePtr> nodes) {
    TRY_ASSIGN(const Type common, compared_type(text_, nodes));
    TRY(coerce_all(text_, nodes, common));
    return NodePtr(std::make_unique<ComparisonNode>(syntax.at, truth, std::move(nodes[0]), std::move(nodes[1])));
  }

  /// || takes whatever has a text beside a text.
  Status texts_for_joining(std::vector<NodePtr>& nodes) {
    const bool any_text = nodes[0]->type.is(Kind::kString) || nodes[1]->type.is(Kind::kString);
    const bool bytes_and_literal =
        (is_untyped(*nodes[0]) && nodes[1]->type.is(Kind::kBytes)) || (is_untyped(*nodes[1]) && nodes[0]->type.is(Kind::kBytes));
    if (!any_text || bytes_and_literal) return {};
    for (NodePtr& node : nodes) {
      const std::size_t at = node->at;
      if (node->type.list) continue;  // for the message of the function that is not there
      TRY_ASSIGN(node, explicit_cast(text_, at, std::move(node), kStringType));
    }
    return {};
  }

  Result<NodePtr> make(const Syntax& syntax, const NamedForm& named, std::vector<NodePtr> nodes) {
    if (nodes.size() < named.arity_least || nodes.size() > named.arity_most)
      return wrong(syntax, fmt::format("{} takes {} argument{}, not {}", named.name, named.arity_least,
                                       named.arity_most == kAny ? " or more"
                                       : named.arity_least == 1 ? ""
                                                                : "s",
                                       nodes.size()));
    TRY_ASSIGN(const Type gives, type_operands(syntax, named.form, nodes));
    if (named.form == Form::kArrayLength) nodes.pop_back();
    return make_form(named.form, syntax.at, gives, std::move(nodes));
  }
  /// Makes the operands what the form needs; what it gives.
  Result<Type> type_operands(const Syntax& syntax, Form form, std::vector<NodePtr>& nodes) {
    switch (form) {
      case Form::kIsNull:
        if (syntax.text == "is null") return kBoolType;
        [[fallthrough]];
      case Form::kAnd:
      case Form::kOr:
      case Form::kNot:
      case Form::kIsTrue:
      case Form::kIsFalse: TRY(coerce_all(text_, nodes, kBoolType)); return kBoolType;
      case Form::kNullIf: return null_if(nodes);
      case Form::kIsDistinct:
      case Form::kIn:
      case Form::kBetween: {
        TRY_ASSIGN(const Type common, compared_type(text_, nodes));
        TRY(coerce_all(text_, nodes, common));
        return kBoolType;
      }
      case Form::kConcat: TRY(texts_for_concat(nodes)); return kStringType;
      case Form::kHash64: return hashed(nodes);
      case Form::kElement:
      case Form::kCardinality:
      case Form::kArrayLength: return of_list(syntax, form, nodes);
      default: {
        TRY_ASSIGN(const Type common, common_type(text_, nodes));
        TRY(coerce_all(text_, nodes, common));
        return common;
      }
    }
  }
  /// The first operand as it was, where it can be compared so: an int32 with an int64, a float32 with any number.
  Result<Type> null_if(std::vector<NodePtr>& nodes) {
    const Type first = nodes[0]->type, second = nodes[1]->type;
    const bool as_it_is = !is_untyped(*nodes[0]) && ((first.is_integer() && second.is_integer()) || first.is_float());
    TRY_ASSIGN(const Type common, compared_type(text_, nodes));
    TRY(coerce_all(text_, nodes, common));
    return as_it_is ? first : common;
  }
  Status texts_for_concat(std::vector<NodePtr>& nodes) {
    for (NodePtr& node : nodes) {
      const std::size_t at = node->at;
      if (node->type.is(Kind::kBool)) {  // in here 't' and 'f', as everywhere where PostgreSQL prints it
        TRY_ASSIGN(node, short_bool(std::move(node)));
        continue;
      }
      TRY_ASSIGN(node, explicit_cast(text_, at, std::move(node), kStringType));
    }
    return {};
  }
  Result<NodePtr> short_bool(NodePtr node) {
    const std::size_t at = node->at;
    const Function letter = [](Evaluation&, const Datum* a) { return Datum::of(std::string_view(a[0].integer != 0 ? "t" : "f")); };
    std::vector<NodePtr> arguments;
    arguments.push_back(std::move(node));
    return NodePtr(std::make_unique<FunctionNode>(at, kStringType, letter, std::move(arguments)));
  }
  Result<Type> hashed(std::vector<NodePtr>& nodes) {
    for (NodePtr& node : nodes)
      if (is_untyped(*node)) {
        TRY_ASSIGN(node, coerce(text_, std::move(node), kStringType));
      }
    return kInt64Type;
  }
  Result<Type> of_list(const Syntax& syntax, Form form, std::vector<NodePtr>& nodes) {
    if (!nodes[0]->type.list) return wrong(syntax, fmt::format("{} is no list", name_of(nodes[0]->type)));
    if (form == Form::kCardinality) return kInt32Type;
    TRY_ASSIGN(nodes[1], coerce(text_, std::move(nodes[1]), kInt64Type));
    if (form == Form::kElement) return nodes[0]->type.element();
    Evaluation evaluation;
    const auto* dimension = dynamic_cast<const Constant*>(nodes[1].get());
    if (dimension == nullptr || dimension->is_null() || dimension->evaluate(evaluation).integer != 1)
      return wrong(syntax, "lists have one dimension; write array_length(list, 1)");
    return kInt32Type;
  }

  Result<NodePtr> function(const Syntax& syntax, std::vector<NodePtr> nodes) {
    const Signature* chosen = nullptr;
    bool known = false, exact = false;
    for (const auto& functions : all_functions())
      for (const Signature& signature : functions) {
        if (signature.name != syntax.text) continue;
        known = true;
        if (!fits(signature, nodes) || exact) continue;
        exact = fits_exactly(signature, nodes);
        if (chosen == nullptr || exact) chosen = &signature;
      }
    if (!known) return unknown_function(syntax);
    if (chosen == nullptr) return no_signature(syntax, nodes);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      TRY_ASSIGN(nodes[i], coerce(text_, std::move(nodes[i]), chosen->takes[i]));
    }
    return NodePtr(std::make_unique<FunctionNode>(syntax.at, chosen->gives, chosen->function, std::move(nodes)));
  }
  static bool fits(const Signature& signature, const std::vector<NodePtr>& nodes) {
    if (signature.arity != nodes.size()) return false;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (!can_coerce(*nodes[i], signature.takes[i])) return false;
    return true;
  }
  /// A literal without type fits what the other operand is.
  static bool fits_exactly(const Signature& signature, const std::vector<NodePtr>& nodes) {
    bool any_typed = false;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (is_untyped(*nodes[i])) continue;
      any_typed = true;
      if (nodes[i]->type != signature.takes[i]) return false;
    }
    return any_typed;
  }
  Error unknown_function(const Syntax& syntax) const {
    const auto near = closest(syntax.text, function_names());
    return wrong(syntax, near ? fmt::format("there is no function '{}'; did you mean {}?", syntax.text, *near)
                              : fmt::format("there is no function '{}'", syntax.text));
  }
  Error no_signature(const Syntax& syntax, const std::vector<NodePtr>& nodes) const {
    std::vector<std::string> given, taken;
    for (const NodePtr& node : nodes) given.push_back(is_untyped(*node) ? "a literal" : name_of(node->type));
    bool times = syntax.text == "-" || syntax.text == "+";
    times = times && std::ranges::any_of(nodes, [](const NodePtr& node) { return node->type.is(Kind::kTimestamp); });
    for (const auto& functions : all_functions())
      for (const Signature& signature : functions) {
        if (signature.name != syntax.text) continue;
        std::vector<std::string> types;
        for (std::size_t i = 0; i < signature.arity; ++i) types.push_back(name_of(signature.takes[i]));
        taken.push_back("(" + join(types, ", ") + ")");
      }
    const std::string name = syntax.text == "neg" ? "-" : syntax.text;
    return wrong(syntax, fmt::format("{} does not take ({}); it takes {}{}", name, join(given, ", "), join(taken, ", "),
                                     times ? "; of times write epoch(a) - epoch(b), or to_timestamp(epoch(a) + 3600)" : ""));
  }

  std::string_view text_;
  const Schema& schema_;
  std::set<std::size_t> columns_;
};

}  // namespace

Result<Typed> type_syntax(std::string_view text, const Schema& schema, const Syntax& syntax) { return Typer(text, schema).run(syntax); }

}  // namespace isobar::features
