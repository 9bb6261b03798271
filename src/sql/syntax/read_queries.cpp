#include "tree_reader.h"

namespace isobar::sql {

ast::QueryPtr TreeReader::query(const Node* node) {
  if (node == nullptr || error_) return nullptr;
  if (node->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) return refuse_node("a query", node), nullptr;
  return query(node->select_stmt);
}

ast::QueryPtr TreeReader::query(const PgQuery__SelectStmt* s) {
  if (s == nullptr || error_) return nullptr;
  auto query = std::make_unique<ast::Query>();
  query->with = with(s->with_clause);
  if (s->into_clause != nullptr) refuse("SELECT INTO");
  if (s->op != PG_QUERY__SET_OPERATION__SETOP_NONE) {
    ast::SetOperation set;
    set.op = s->op == PG_QUERY__SET_OPERATION__SETOP_UNION       ? ast::SetOp::kUnion
             : s->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT ? ast::SetOp::kIntersect
                                                                 : ast::SetOp::kExcept;
    set.all = s->all != 0;
    set.left = this->query(s->larg);
    set.right = this->query(s->rarg);
    query->body = std::move(set);
  } else if (s->n_values_lists > 0) {
    ast::Values values;
    values.rows.reserve(s->n_values_lists);
    for (const auto* row : ISOBAR_NODES(*s, values_lists))
      if (row->node_case == PG_QUERY__NODE__NODE_LIST) values.rows.push_back(exprs(ISOBAR_NODES(*row->list, items)));
    query->body = std::move(values);
  } else {
    query->body = select_core(*s);
  }
  query->order = sort_keys(ISOBAR_NODES(*s, sort_clause));
  query->limit = expr(s->limit_count);
  query->offset = expr(s->limit_offset);
  query->with_ties = s->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES;
  for (const auto* node : ISOBAR_NODES(*s, locking_clause)) query->locking.push_back(locking(node));
  return query;
}

ast::SelectCore TreeReader::select_core(const PgQuery__SelectStmt& s) {
  ast::SelectCore core;
  core.distinct = s.n_distinct_clause > 0;
  // A plain DISTINCT is a list of one empty node.
  if (core.distinct && s.distinct_clause[0] != nullptr && s.distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET)
    core.distinct_on = exprs(ISOBAR_NODES(s, distinct_clause));
  core.targets = targets(ISOBAR_NODES(s, target_list));
  core.from = from(ISOBAR_NODES(s, from_clause));
  core.where = expr(s.where_clause);
  core.having = expr(s.having_clause);
  for (const auto* node : ISOBAR_NODES(s, group_clause)) core.groups.push_back(group(node));
  core.group_distinct = s.group_distinct != 0;
  for (const auto* node : ISOBAR_NODES(s, window_clause))
    if (node->node_case == PG_QUERY__NODE__NODE_WINDOW_DEF) core.windows.push_back(window(*node->window_def));
  return core;
}

ast::With TreeReader::with(const PgQuery__WithClause* w) {
  ast::With with;
  if (w == nullptr) return with;
  with.recursive = w->recursive != 0;
  for (const auto* node : ISOBAR_NODES(*w, ctes))
    if (node->node_case == PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR) with.ctes.push_back(cte(*node->common_table_expr));
  return with;
}

ast::Cte TreeReader::cte(const PgQuery__CommonTableExpr& c) {
  ast::Cte cte;
  cte.name = c.ctename;
  cte.columns = texts(ISOBAR_NODES(c, aliascolnames));
  cte.position = position(c.location);
  if (c.ctematerialized == PG_QUERY__CTEMATERIALIZE__CTEMaterializeAlways) cte.materialized = true;
  if (c.ctematerialized == PG_QUERY__CTEMATERIALIZE__CTEMaterializeNever) cte.materialized = false;
  if (c.search_clause != nullptr) refuse("SEARCH", c.location);
  if (c.cycle_clause != nullptr) refuse("CYCLE", c.location);
  if (c.ctequery == nullptr) return cte;
  switch (c.ctequery->node_case) {
    case PG_QUERY__NODE__NODE_INSERT_STMT: cte.statement = std::make_unique<ast::Insert>(insert(*c.ctequery->insert_stmt)); break;
    case PG_QUERY__NODE__NODE_UPDATE_STMT: cte.statement = std::make_unique<ast::Update>(update(*c.ctequery->update_stmt)); break;
    case PG_QUERY__NODE__NODE_DELETE_STMT: cte.statement = std::make_unique<ast::Delete>(erase(*c.ctequery->delete_stmt)); break;
    default: cte.statement = query(c.ctequery);
  }
  return cte;
}

ast::Target TreeReader::target(const Node* node) {
  ast::Target target;
  if (node->node_case != PG_QUERY__NODE__NODE_RES_TARGET) return refuse_node("a list of targets", node), std::move(target);
  const auto& t = *node->res_target;
  target.name = t.name;
  target.position = position(t.location);
  if (t.n_indirection > 0) refuse("assigning to a part of a column", t.location);
  target.value = expr(t.val);
  return target;
}

std::vector<ast::Target> TreeReader::targets(Nodes nodes) {
  std::vector<ast::Target> all;
  all.reserve(nodes.size());
  for (const auto* node : nodes) all.push_back(target(node));
  return all;
}

ast::Alias TreeReader::alias(const PgQuery__Alias* a) {
  if (a == nullptr) return {};
  return {a->aliasname, texts(ISOBAR_NODES(*a, colnames))};
}

ast::TableRef TreeReader::table(const PgQuery__RangeVar* r) {
  ast::TableRef table;
  if (r == nullptr) return table;
  if (*r->catalogname != 0) refuse("naming the database of a table", r->location);
  if (*r->schemaname != 0) table.name.parts.emplace_back(r->schemaname);
  table.name.parts.emplace_back(r->relname);
  table.name.position = position(r->location);
  table.alias = alias(r->alias);
  table.only = r->inh == 0;
  return table;
}

std::vector<ast::FromItem> TreeReader::from(Nodes nodes) {
  std::vector<ast::FromItem> all;
  all.reserve(nodes.size());
  for (const auto* node : nodes) all.push_back(from_item(node));
  return all;
}

ast::FromItem TreeReader::from_item(const Node* node) {
  ast::FromItem item;
  if (node == nullptr || error_) return item;
  switch (node->node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR:
      item.item = table(node->range_var);
      item.position = position(node->range_var->location);
      break;
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
      item.item = ast::DerivedTable{query(node->range_subselect->subquery), alias(node->range_subselect->alias),
                                    node->range_subselect->lateral != 0};
      break;
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION: item.item = function_table(*node->range_function); break;
    case PG_QUERY__NODE__NODE_JOIN_EXPR: item.item = join(*node->join_expr); break;
    case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE: refuse("TABLESAMPLE", node->range_table_sample->location); break;
    default: refuse_node("FROM", node);
  }
  return item;
}

ast::Join TreeReader::join(const PgQuery__JoinExpr& j) {
  ast::Join join;
  join.kind = j.jointype == PG_QUERY__JOIN_TYPE__JOIN_LEFT    ? ast::JoinKind::kLeft
              : j.jointype == PG_QUERY__JOIN_TYPE__JOIN_RIGHT ? ast::JoinKind::kRight
              : j.jointype == PG_QUERY__JOIN_TYPE__JOIN_FULL  ? ast::JoinKind::kFull
                                                              : ast::JoinKind::kInner;
  join.natural = j.is_natural != 0;
  join.left = std::make_unique<ast::FromItem>(from_item(j.larg));
  join.right = std::make_unique<ast::FromItem>(from_item(j.rarg));
  join.using_columns = texts(ISOBAR_NODES(j, using_clause));
  if (j.join_using_alias != nullptr) join.using_alias = j.join_using_alias->aliasname;
  join.on = expr(j.quals);
  join.alias = alias(j.alias);
  return join;
}

ast::FunctionTable TreeReader::function_table(const PgQuery__RangeFunction& f) {
  ast::FunctionTable table;
  table.lateral = f.lateral != 0;
  table.ordinality = f.ordinality != 0;
  table.alias = alias(f.alias);
  const auto columns = [&](Nodes nodes) {
    for (const auto* node : nodes)
      if (node->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
        table.columns.push_back({node->column_def->colname, type_name(node->column_def->type_name)});
  };
  // Each is a list: the function, and its own column definitions or nothing.
  for (const auto* node : ISOBAR_NODES(f, functions)) {
    if (node->node_case != PG_QUERY__NODE__NODE_LIST || node->list->n_items == 0) continue;
    table.functions.push_back(expr(node->list->items[0]));
    if (node->list->n_items > 1 && node->list->items[1]->node_case == PG_QUERY__NODE__NODE_LIST)
      columns(ISOBAR_NODES(*node->list->items[1]->list, items));
  }
  columns(ISOBAR_NODES(f, coldeflist));
  return table;
}

ast::GroupItem TreeReader::group(const Node* node) {
  ast::GroupItem item;
  if (node->node_case != PG_QUERY__NODE__NODE_GROUPING_SET) {
    item.value = expr(node);
    if (item.value != nullptr) item.position = item.value->position;
    return item;
  }
  const auto& set = *node->grouping_set;
  item.position = position(set.location);
  using What = ast::GroupItem::What;
  item.what = set.kind == PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_EMPTY    ? What::kEmpty
              : set.kind == PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_ROLLUP ? What::kRollup
              : set.kind == PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_CUBE   ? What::kCube
                                                                             : What::kSets;
  for (const auto* inner : ISOBAR_NODES(set, content)) item.items.push_back(group(inner));
  return item;
}

ast::Locking TreeReader::locking(const Node* node) {
  ast::Locking locking;
  if (node->node_case != PG_QUERY__NODE__NODE_LOCKING_CLAUSE) return locking;
  const auto& l = *node->locking_clause;
  using Strength = ast::Locking::Strength;
  locking.strength = l.strength == PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE      ? Strength::kKeyShare
                     : l.strength == PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORSHARE       ? Strength::kShare
                     : l.strength == PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORNOKEYUPDATE ? Strength::kNoKeyUpdate
                                                                                        : Strength::kUpdate;
  locking.skip_locked = l.wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitSkip;
  locking.no_wait = l.wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitError;
  for (const auto* table : ISOBAR_NODES(l, locked_rels))
    if (table->node_case == PG_QUERY__NODE__NODE_RANGE_VAR) locking.tables.emplace_back(table->range_var->relname);
  return locking;
}

ast::Insert TreeReader::insert(const PgQuery__InsertStmt& s) {
  ast::Insert insert;
  insert.with = with(s.with_clause);
  insert.table = table(s.relation);
  insert.columns = targets(ISOBAR_NODES(s, cols));
  insert.source = query(s.select_stmt);
  using Overriding = ast::Insert::Overriding;
  if (s.override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_USER_VALUE) insert.overriding = Overriding::kUser;
  if (s.override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_SYSTEM_VALUE) insert.overriding = Overriding::kSystem;
  if (s.on_conflict_clause != nullptr) insert.on_conflict = on_conflict(*s.on_conflict_clause);
  insert.returning = targets(ISOBAR_NODES(s, returning_list));
  return insert;
}

ast::OnConflict TreeReader::on_conflict(const PgQuery__OnConflictClause& c) {
  ast::OnConflict conflict;
  conflict.update = c.action == PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE;
  conflict.position = position(c.location);
  if (c.infer != nullptr) {
    conflict.constraint = c.infer->conname;
    conflict.other_target = c.infer->where_clause != nullptr;
    for (const auto* node : ISOBAR_NODES(*c.infer, index_elems)) {
      if (node->node_case != PG_QUERY__NODE__NODE_INDEX_ELEM) continue;
      if (node->index_elem->expr != nullptr) conflict.other_target = true;
      else conflict.columns.emplace_back(node->index_elem->name);
    }
  }
  if (conflict.other_target) refuse("ON CONFLICT with an expression or a WHERE in its target", c.location);
  for (auto& assignment : assignments(ISOBAR_NODES(c, target_list))) {
    if (assignment.columns.size() != 1) {
      refuse("assigning several columns at once in ON CONFLICT", c.location);
      break;
    }
    assignment.columns[0].value = std::move(assignment.value);
    conflict.set.push_back(std::move(assignment.columns[0]));
  }
  conflict.where = expr(c.where_clause);
  return conflict;
}

/// SET (a, b) = source comes as two targets, each with the source again.
std::vector<ast::Assignment> TreeReader::assignments(Nodes nodes) {
  std::vector<ast::Assignment> all;
  for (std::size_t i = 0; i < nodes.size() && !error_; ++i) {
    if (nodes[i]->node_case != PG_QUERY__NODE__NODE_RES_TARGET) continue;
    const auto& t = *nodes[i]->res_target;
    const Node* value = t.val;
    const auto* several = value != nullptr && value->node_case == PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF ? value->multi_assign_ref : nullptr;
    ast::Target column{t.name, nullptr, position(t.location)};
    if (t.n_indirection > 0) refuse("assigning to a part of a column", t.location);
    if (several != nullptr && several->colno > 1 && !all.empty()) {
      all.back().columns.push_back(std::move(column));
      continue;
    }
    all.emplace_back();
    all.back().columns.push_back(std::move(column));
    all.back().value = expr(several != nullptr ? several->source : value);
  }
  return all;
}

ast::Update TreeReader::update(const PgQuery__UpdateStmt& s) {
  ast::Update update;
  update.with = with(s.with_clause);
  update.table = table(s.relation);
  update.set = assignments(ISOBAR_NODES(s, target_list));
  update.from = from(ISOBAR_NODES(s, from_clause));
  update.where = expr(s.where_clause);
  update.returning = targets(ISOBAR_NODES(s, returning_list));
  return update;
}

ast::Delete TreeReader::erase(const PgQuery__DeleteStmt& s) {
  ast::Delete erase;
  erase.with = with(s.with_clause);
  erase.table = table(s.relation);
  erase.from = from(ISOBAR_NODES(s, using_clause));
  erase.where = expr(s.where_clause);
  erase.returning = targets(ISOBAR_NODES(s, returning_list));
  return erase;
}

}  // namespace isobar::sql
