#include <climits>

#include "tree_reader.h"

namespace isobar::sql {

using ast::Expr;
using ast::ExprPtr;

ExprPtr TreeReader::expr(const Node* node) {
  if (node == nullptr || error_) return nullptr;
  int location = -1;
  auto read = expr_node(*node, location);
  return std::make_unique<Expr>(Expr{std::move(read), position(location)});
}

std::vector<ExprPtr> TreeReader::exprs(Nodes nodes) {
  std::vector<ExprPtr> all;
  all.reserve(nodes.size());
  for (const auto* node : nodes) all.push_back(expr(node));
  return all;
}

namespace {
ast::Logic logic_of(PgQuery__BoolExprType type) {
  if (type == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR) return ast::Logic::kAnd;
  return type == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR ? ast::Logic::kOr : ast::Logic::kNot;
}
ast::TruthTest truth_test(PgQuery__BoolTestType type, ExprPtr arg) {
  std::optional<bool> value;
  if (type == PG_QUERY__BOOL_TEST_TYPE__IS_TRUE || type == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE) value = true;
  if (type == PG_QUERY__BOOL_TEST_TYPE__IS_FALSE || type == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE) value = false;
  const bool negated = type == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE || type == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE ||
                       type == PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN;
  return {value, negated, std::move(arg)};
}
}  // namespace

Expr::Node TreeReader::expr_node(const Node& node, int& location) {
#define ISOBAR_LOCATED(field) \
  *node.field;                \
  location = node.field->location
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_A_CONST: {
      const auto& c = ISOBAR_LOCATED(a_const);
      return constant(c);
    }
    case PG_QUERY__NODE__NODE_COLUMN_REF: {
      const auto& c = ISOBAR_LOCATED(column_ref);
      return column_ref(c);
    }
    case PG_QUERY__NODE__NODE_A_EXPR: {
      const auto& e = ISOBAR_LOCATED(a_expr);
      return operation(e);
    }
    case PG_QUERY__NODE__NODE_PARAM_REF: {
      const auto& p = ISOBAR_LOCATED(param_ref);
      return ast::Parameter{p.number};
    }
    case PG_QUERY__NODE__NODE_FUNC_CALL: {
      const auto& c = ISOBAR_LOCATED(func_call);
      return call(c);
    }
    case PG_QUERY__NODE__NODE_TYPE_CAST: {
      const auto& c = ISOBAR_LOCATED(type_cast);
      return cast(c);
    }
    case PG_QUERY__NODE__NODE_BOOL_EXPR: {
      const auto& b = ISOBAR_LOCATED(bool_expr);
      return ast::Logical{logic_of(b.boolop), exprs(ISOBAR_NODES(b, args))};
    }
    case PG_QUERY__NODE__NODE_NULL_TEST: {
      const auto& t = ISOBAR_LOCATED(null_test);
      return ast::NullTest{t.nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL, expr(t.arg)};
    }
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST: {
      const auto& t = ISOBAR_LOCATED(boolean_test);
      return truth_test(t.booltesttype, expr(t.arg));
    }
    case PG_QUERY__NODE__NODE_CASE_EXPR: {
      const auto& c = ISOBAR_LOCATED(case_expr);
      return case_of(c);
    }
    case PG_QUERY__NODE__NODE_COALESCE_EXPR: {
      const auto& c = ISOBAR_LOCATED(coalesce_expr);
      return ast::Coalesce{exprs(ISOBAR_NODES(c, args))};
    }
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: {
      const auto& m = ISOBAR_LOCATED(min_max_expr);
      return ast::Extreme{m.op == PG_QUERY__MIN_MAX_OP__IS_GREATEST, exprs(ISOBAR_NODES(m, args))};
    }
    case PG_QUERY__NODE__NODE_SUB_LINK: {
      const auto& s = ISOBAR_LOCATED(sub_link);
      return sub_link(s);
    }
    case PG_QUERY__NODE__NODE_ROW_EXPR: {
      const auto& r = ISOBAR_LOCATED(row_expr);
      return ast::RowOf{exprs(ISOBAR_NODES(r, args)), r.row_format == PG_QUERY__COERCION_FORM__COERCE_EXPLICIT_CALL};
    }
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: {
      const auto& a = ISOBAR_LOCATED(a_array_expr);
      return ast::ArrayOf{exprs(ISOBAR_NODES(a, elements))};
    }
    case PG_QUERY__NODE__NODE_A_INDIRECTION: return indirection(*node.a_indirection);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: {
      const auto& c = ISOBAR_LOCATED(collate_clause);
      return ast::Collate{expr(c.arg), name(ISOBAR_NODES(c, collname), c.location)};
    }
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION: {
      const auto& f = ISOBAR_LOCATED(sqlvalue_function);
      return value_function(f);
    }
    case PG_QUERY__NODE__NODE_SET_TO_DEFAULT: location = node.set_to_default->location; return ast::Default{};
    case PG_QUERY__NODE__NODE_GROUPING_FUNC: {
      const auto& g = ISOBAR_LOCATED(grouping_func);
      return ast::Grouping{exprs(ISOBAR_NODES(g, args))};
    }
    case PG_QUERY__NODE__NODE_CURRENT_OF_EXPR: refuse("WHERE CURRENT OF"); break;
    case PG_QUERY__NODE__NODE_XML_EXPR:
    case PG_QUERY__NODE__NODE_XML_SERIALIZE: refuse("XML"); break;
    case PG_QUERY__NODE__NODE_NAMED_ARG_EXPR: refuse("naming a function's arguments", node.named_arg_expr->location); break;
    default: refuse_node("an expression", &node);
  }
#undef ISOBAR_LOCATED
  return ast::Constant{};
}

Expr::Node TreeReader::constant(const PgQuery__AConst& c) {
  if (c.isnull) return ast::Constant{};
  switch (c.val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL: return ast::Constant{c.ival->ival};
    case PG_QUERY__A__CONST__VAL_FVAL: return ast::Constant{ast::Number{c.fval->fval}};
    case PG_QUERY__A__CONST__VAL_BOOLVAL: return ast::Constant{c.boolval->boolval != 0};
    case PG_QUERY__A__CONST__VAL_SVAL: return ast::Constant{std::string(c.sval->sval)};
    default: refuse("a bit string", c.location); return ast::Constant{};
  }
}

Expr::Node TreeReader::column_ref(const PgQuery__ColumnRef& c) {
  ast::ColumnRef ref;
  for (const auto* field : ISOBAR_NODES(c, fields)) {
    if (field->node_case == PG_QUERY__NODE__NODE_A_STAR) ref.star = true;
    else ref.names.push_back(text_of(field));
  }
  return ref;
}

std::string TreeReader::operator_name(Nodes nodes, int location) {
  if (nodes.empty()) return "=";
  if (nodes.size() > 1 && text_of(nodes[0]) != "pg_catalog") refuse("an operator of schema \"" + text_of(nodes[0]) + "\"", location);
  return text_of(nodes.back());
}

Expr::Node TreeReader::operation(const PgQuery__AExpr& e) {
  const auto name = operator_name(ISOBAR_NODES(e, name), e.location);
  const auto list = [&]() -> Nodes {
    if (e.rexpr == nullptr || e.rexpr->node_case != PG_QUERY__NODE__NODE_LIST) return {};
    return ISOBAR_NODES(*e.rexpr->list, items);
  };
  const auto between = [&](bool negated, bool symmetric) -> Expr::Node {
    const auto bounds = list();
    if (bounds.size() != 2) return ast::Constant{};
    return ast::Between{negated, symmetric, expr(e.lexpr), expr(bounds[0]), expr(bounds[1])};
  };
  switch (e.kind) {
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP: return ast::Operator{name, expr(e.lexpr), expr(e.rexpr)};
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY: return ast::ArrayTest{name, false, expr(e.lexpr), expr(e.rexpr)};
    case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL: return ast::ArrayTest{name, true, expr(e.lexpr), expr(e.rexpr)};
    case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT: return ast::Distinct{false, expr(e.lexpr), expr(e.rexpr)};
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT: return ast::Distinct{true, expr(e.lexpr), expr(e.rexpr)};
    case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF: return ast::NullIf{expr(e.lexpr), expr(e.rexpr)};
    case PG_QUERY__A__EXPR__KIND__AEXPR_IN: return ast::InList{name == "<>", expr(e.lexpr), exprs(list())};
    case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE: return like(e, ast::Like::kLike, "!~~");
    case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE: return like(e, ast::Like::kIlike, "!~~*");
    case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR: return like(e, ast::Like::kSimilar, "!~");
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN: return between(false, false);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN: return between(true, false);
    case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM: return between(false, true);
    case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM: return between(true, true);
    default: refuse("operator " + name, e.location); return ast::Constant{};
  }
}

/// The grammar writes an escape, and SIMILAR's pattern, as calls of functions; they are taken apart again.
Expr::Node TreeReader::like(const PgQuery__AExpr& e, ast::Like what, std::string_view negated) {
  ast::LikeTest test{what, operator_name(ISOBAR_NODES(e, name), e.location) == negated, expr(e.lexpr), nullptr, nullptr};
  const Node* pattern = e.rexpr;
  if (pattern != nullptr && pattern->node_case == PG_QUERY__NODE__NODE_FUNC_CALL && pattern->func_call->n_funcname == 2) {
    const auto function = text_of(pattern->func_call->funcname[1]);
    const auto& args = *pattern->func_call;
    if ((function == "like_escape" || function == "similar_to_escape") && text_of(args.funcname[0]) == "pg_catalog" && args.n_args > 0) {
      if (args.n_args > 1) test.escape = expr(args.args[1]);
      pattern = args.args[0];
    }
  }
  test.pattern = expr(pattern);
  return test;
}

Expr::Node TreeReader::call(const PgQuery__FuncCall& c) {
  ast::Call call;
  call.name = name(ISOBAR_NODES(c, funcname), c.location);
  call.args = exprs(ISOBAR_NODES(c, args));
  call.star = c.agg_star != 0;
  call.distinct = c.agg_distinct != 0;
  call.variadic = c.func_variadic != 0;
  call.within_group = c.agg_within_group != 0;
  call.as_syntax = c.funcformat == PG_QUERY__COERCION_FORM__COERCE_SQL_SYNTAX;
  call.order = sort_keys(ISOBAR_NODES(c, agg_order));
  call.filter = expr(c.agg_filter);
  if (c.over != nullptr) call.over = std::make_unique<ast::Window>(window(*c.over));
  return call;
}

Expr::Node TreeReader::cast(const PgQuery__TypeCast& c) {
  auto arg = expr(c.arg);
  auto type = type_name(c.type_name);
  // TRUE and FALSE come as casts of what is boolean already.
  const bool to_bool = type.dimensions == 0 && !type.name.parts.empty() && type.name.last() == "bool";
  if (arg != nullptr && to_bool)
    if (auto* constant = std::get_if<ast::Constant>(&arg->node); constant != nullptr && std::holds_alternative<bool>(constant->value))
      return std::move(*constant);
  return ast::Cast{std::move(arg), std::move(type)};
}

Expr::Node TreeReader::case_of(const PgQuery__CaseExpr& c) {
  ast::Case result;
  result.arg = expr(c.arg);
  for (const auto* when : ISOBAR_NODES(c, args))
    if (when->node_case == PG_QUERY__NODE__NODE_CASE_WHEN)
      result.whens.push_back({expr(when->case_when->expr), expr(when->case_when->result)});
  result.otherwise = expr(c.defresult);
  return result;
}

Expr::Node TreeReader::sub_link(const PgQuery__SubLink& s) {
  ast::Subquery subquery;
  using What = ast::Subquery::What;
  switch (s.sub_link_type) {
    case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK: subquery.what = What::kExists; break;
    case PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK: subquery.what = What::kAll; break;
    case PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK: subquery.what = What::kAny; break;
    case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK: subquery.what = What::kScalar; break;
    case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK: subquery.what = What::kArray; break;
    default: refuse("this kind of subquery", s.location);
  }
  subquery.left = expr(s.testexpr);
  subquery.in = s.n_oper_name == 0;
  subquery.op = operator_name(ISOBAR_NODES(s, oper_name), s.location);
  subquery.query = query(s.subselect);
  return subquery;
}

Expr::Node TreeReader::indirection(const PgQuery__AIndirection& i) {
  ast::Indirection result;
  result.arg = expr(i.arg);
  for (const auto* step : ISOBAR_NODES(i, indirection)) {
    if (step->node_case == PG_QUERY__NODE__NODE_A_INDICES)
      result.steps.emplace_back(ast::Subscript{step->a_indices->is_slice != 0, expr(step->a_indices->lidx), expr(step->a_indices->uidx)});
    else if (step->node_case == PG_QUERY__NODE__NODE_A_STAR) result.steps.emplace_back(ast::FieldOf{});
    else result.steps.emplace_back(ast::FieldOf{text_of(step)});
  }
  return result;
}

Expr::Node TreeReader::value_function(const PgQuery__SQLValueFunction& f) {
  static constexpr const char* kNames[] = {
      "",          "current_date", "current_time",    "current_time",   "current_timestamp", "current_timestamp",
      "localtime", "localtime",    "localtimestamp",  "localtimestamp", "current_role",      "current_user",
      "user",      "session_user", "current_catalog", "current_schema"};
  const auto op = static_cast<std::size_t>(f.op);
  if (op == 0 || op >= std::size(kNames)) return refuse("this function", f.location), ast::Constant{};
  // The grammar gives them types that are made by cast, precision and all; 0 is its "not said" where no precision is allowed.
  return ast::ValueFunction{kNames[op], f.op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME_N ||
                                                f.op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N ||
                                                f.op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME_N ||
                                                f.op == PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N
                                            ? f.typmod
                                            : -1};
}

ast::TypeName TreeReader::type_name(const PgQuery__TypeName* t) {
  ast::TypeName type;
  if (t == nullptr) return type;
  if (t->setof) refuse("SETOF", t->location);
  if (t->pct_type) refuse("%TYPE", t->location);
  type.name = name(ISOBAR_NODES(*t, names), t->location);
  type.dimensions = static_cast<int>(t->n_array_bounds);
  type.modifiers = exprs(ISOBAR_NODES(*t, typmods));
  if (!type.name.parts.empty() && type.name.last() == "interval" && !type.modifiers.empty()) {
    const auto* mask = type.modifiers[0] == nullptr ? nullptr : std::get_if<ast::Constant>(&type.modifiers[0]->node);
    if (mask != nullptr && std::holds_alternative<std::int32_t>(mask->value)) type.interval_fields = std::get<std::int32_t>(mask->value);
    type.modifiers.erase(type.modifiers.begin());
  }
  return type;
}

ast::SortKey TreeReader::sort_key(const Node* node) {
  ast::SortKey key;
  if (node->node_case != PG_QUERY__NODE__NODE_SORT_BY) return key;
  const auto& sort = *node->sort_by;
  key.value = expr(sort.node);
  key.descending = sort.sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
  if (sort.sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING) {
    const auto op = operator_name(ISOBAR_NODES(sort, use_op), sort.location);
    if (op != "<" && op != ">") refuse("ORDER BY … USING " + op, sort.location);
    key.descending = op == ">";
  }
  if (sort.sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST) key.nulls_first = true;
  if (sort.sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST) key.nulls_first = false;
  return key;
}

std::vector<ast::SortKey> TreeReader::sort_keys(Nodes nodes) {
  std::vector<ast::SortKey> keys;
  for (const auto* node : nodes) keys.push_back(sort_key(node));
  return keys;
}

namespace {
/// The bits of PostgreSQL's FRAMEOPTION_….
ast::Frame frame_of(int bits) {
  ast::Frame frame;
  using Edge = ast::Frame::Edge;
  frame.said = (bits & 0x1) != 0;
  if (!frame.said) return frame;
  frame.unit = (bits & 0x4) != 0 ? ast::Frame::Unit::kRows : (bits & 0x8) != 0 ? ast::Frame::Unit::kGroups : ast::Frame::Unit::kRange;
  const auto edge = [&](int unbounded_preceding, int unbounded_following, int current, int preceding) {
    if ((bits & unbounded_preceding) != 0) return Edge::kUnboundedPreceding;
    if ((bits & unbounded_following) != 0) return Edge::kUnboundedFollowing;
    if ((bits & current) != 0) return Edge::kCurrentRow;
    return (bits & preceding) != 0 ? Edge::kPreceding : Edge::kFollowing;
  };
  frame.start = edge(0x20, 0x80, 0x200, 0x800);
  frame.end = edge(0x40, 0x100, 0x400, 0x1000);
  if ((bits & 0x8000) != 0) frame.exclude = ast::Frame::Exclude::kCurrentRow;
  if ((bits & 0x10000) != 0) frame.exclude = ast::Frame::Exclude::kGroup;
  if ((bits & 0x20000) != 0) frame.exclude = ast::Frame::Exclude::kTies;
  return frame;
}
}  // namespace

ast::Window TreeReader::window(const PgQuery__WindowDef& w) {
  ast::Window window;
  window.name = w.name;
  window.refers = w.refname;
  window.partition = exprs(ISOBAR_NODES(w, partition_clause));
  window.order = sort_keys(ISOBAR_NODES(w, order_clause));
  window.frame = frame_of(w.frame_options);
  window.frame.start_offset = expr(w.start_offset);
  window.frame.end_offset = expr(w.end_offset);
  window.position = position(w.location);
  return window;
}

}  // namespace isobar::sql
