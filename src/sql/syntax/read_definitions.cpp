// CREATE TABLE and what goes with it.

#include <pg_query.h>

#include "tree_reader.h"

namespace isobar::sql {
namespace {

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return text;
}

}  // namespace

/// The text of a query, written by the library's own deparser: the tree does not say where its source ends.
std::string TreeReader::deparse(PgQuery__SelectStmt* select, int location) {
  PgQuery__Node node = PG_QUERY__NODE__INIT;
  node.node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
  node.select_stmt = select;
  PgQuery__RawStmt raw = PG_QUERY__RAW_STMT__INIT;
  raw.stmt = &node;
  PgQuery__RawStmt* statements[] = {&raw};
  PgQuery__ParseResult tree = PG_QUERY__PARSE_RESULT__INIT;
  tree.n_stmts = 1;
  tree.stmts = statements;
  std::string packed(protobuf_c_message_get_packed_size(&tree.base), '\0');
  protobuf_c_message_pack(&tree.base, reinterpret_cast<std::uint8_t*>(packed.data()));
  const PgQueryDeparseResult written = pg_query_deparse_protobuf({packed.size(), packed.data()});
  std::string text = written.query == nullptr ? "" : written.query;
  if (written.error != nullptr)
    fail(state::kInternalError, std::string("a definition's text cannot be written: ") + written.error->message, location);
  pg_query_free_deparse_result(written);
  return text;
}

ast::Definition TreeReader::definition(Node* node) {
  if (node == nullptr || error_) return {};
  ast::Definition definition{expr(node), ""};
  PgQuery__ResTarget target = PG_QUERY__RES_TARGET__INIT;
  target.val = node;
  PgQuery__Node target_node = PG_QUERY__NODE__INIT;
  target_node.node_case = PG_QUERY__NODE__NODE_RES_TARGET;
  target_node.res_target = &target;
  PgQuery__Node* targets[] = {&target_node};
  PgQuery__SelectStmt select = PG_QUERY__SELECT_STMT__INIT;
  select.n_target_list = 1;
  select.target_list = targets;
  select.op = PG_QUERY__SET_OPERATION__SETOP_NONE;
  select.limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_DEFAULT;
  const auto text = deparse(&select, -1);
  definition.text = text.starts_with("SELECT ") ? text.substr(7) : text;
  return definition;
}

ast::Statement::Node TreeReader::create_table(const PgQuery__CreateStmt& s) {
  ast::CreateTable create;
  create.table = table(s.relation);
  create.if_not_exists = s.if_not_exists != 0;
  const std::string_view persistence = s.relation == nullptr ? "p" : s.relation->relpersistence;
  if (persistence == "t") refuse("CREATE TEMPORARY TABLE");
  create.unlogged = persistence == "u";
  if (s.n_inh_relations > 0) refuse(s.partbound != nullptr ? "PARTITION OF" : "INHERITS");
  if (s.partspec != nullptr) refuse("PARTITION BY");
  if (s.of_typename != nullptr) refuse("CREATE TABLE OF");
  if (*s.tablespacename != 0) refuse("TABLESPACE");
  if (*s.access_method != 0) refuse("USING an access method");
  if (s.oncommit > PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_NOOP) refuse("ON COMMIT");
  create.options = options(ISOBAR_NODES(s, options));
  for (Node* const& node : ISOBAR_NODES(s, table_elts)) {
    if (node->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) create.columns.push_back(column(*node->column_def));
    else if (node->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE) create.likes.push_back(like_table(*node->table_like_clause));
    else constraints(Nodes(&node, 1), create.constraints);
  }
  constraints(ISOBAR_NODES(s, constraints), create.constraints);
  return create;
}

ast::Statement::Node TreeReader::create_table_as(const PgQuery__CreateTableAsStmt& s) {
  ast::CreateTableAs create;
  if (s.is_select_into) refuse("SELECT INTO");
  if (s.objtype == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW) return ast::Unsupported{"CREATE MATERIALIZED VIEW"};
  create.if_not_exists = s.if_not_exists != 0;
  if (s.into != nullptr) {
    create.table = table(s.into->rel);
    if (s.into->rel != nullptr && std::string_view(s.into->rel->relpersistence) == "t") refuse("CREATE TEMPORARY TABLE");
    create.columns = texts(ISOBAR_NODES(*s.into, col_names));
    create.with_data = s.into->skip_data == 0;
  }
  create.query = query(s.query);
  return create;
}

ast::ColumnDefinition TreeReader::column(const PgQuery__ColumnDef& c) {
  ast::ColumnDefinition column;
  column.name = c.colname;
  column.type = type_name(c.type_name);
  column.position = position(c.location);
  if (c.coll_clause != nullptr) column.collation = name(ISOBAR_NODES(*c.coll_clause, collname), c.coll_clause->location);
  if (c.is_not_null) column.constraints.emplace_back().what = ast::Constraint::What::kNotNull;
  constraints(ISOBAR_NODES(c, constraints), column.constraints);
  return column;
}

/// DEFERRABLE and its like come as constraints of their own, behind the one that they are about.
void TreeReader::constraints(Nodes nodes, std::vector<ast::Constraint>& into) {
  for (const auto* node : nodes) {
    if (error_) return;
    if (node->node_case != PG_QUERY__NODE__NODE_CONSTRAINT) return refuse_node("a list of constraints", node);
    const auto& c = *node->constraint;
    const bool attribute = c.contype >= PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE;
    if (!attribute) into.push_back(constraint(c));
    else if (into.empty()) fail(state::kSyntaxError, "misplaced DEFERRABLE clause", c.location);
    else if (c.contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE) into.back().deferrable = true;
    else if (c.contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED) into.back().deferrable = into.back().initially_deferred = true;
  }
}

ast::Constraint TreeReader::constraint(const PgQuery__Constraint& c) {
  ast::Constraint constraint;
  using What = ast::Constraint::What;
  switch (c.contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_NULL: constraint.what = What::kNull; break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL: constraint.what = What::kNotNull; break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT: constraint.what = What::kDefault; break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY: constraint.what = What::kIdentity; break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED: constraint.what = What::kGenerated; break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK: constraint.what = What::kCheck; break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY: constraint.what = What::kPrimaryKey; break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE: constraint.what = What::kUnique; break;
    case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN: constraint.what = What::kForeignKey; break;
    default: refuse("EXCLUDE", c.location);
  }
  constraint.name = c.conname;
  constraint.position = position(c.location);
  constraint.definition = definition(c.raw_expr);
  constraint.always = *c.generated_when == 'a';
  if (constraint.what == What::kIdentity) constraint.sequence = options(ISOBAR_NODES(c, options));
  constraint.columns = texts(constraint.what == What::kForeignKey ? Nodes(ISOBAR_NODES(c, fk_attrs)) : Nodes(ISOBAR_NODES(c, keys)));
  constraint.parent = table(c.pktable);
  constraint.parent_columns = texts(ISOBAR_NODES(c, pk_attrs));
  if (constraint.what == What::kForeignKey) {
    constraint.match = *c.fk_matchtype;
    constraint.on_update = *c.fk_upd_action;
    constraint.on_delete = *c.fk_del_action;
    if (constraint.match == 'p') fail(state::kFeatureNotSupported, "MATCH PARTIAL not yet implemented", c.location);
  }
  constraint.delete_columns = texts(ISOBAR_NODES(c, fk_del_set_cols));
  constraint.deferrable = c.deferrable != 0;
  constraint.initially_deferred = c.initdeferred != 0;
  constraint.not_valid = c.skip_validation != 0;
  constraint.nulls_not_distinct = c.nulls_not_distinct != 0;
  constraint.using_index = c.indexname;
  if (c.n_including > 0) refuse("INCLUDE in a constraint", c.location);
  return constraint;
}

ast::LikeTable TreeReader::like_table(const PgQuery__TableLikeClause& l) {
  const auto has = [&](int bit) { return (l.options & (1U << bit)) != 0; };
  return {table(l.relation), has(2), has(3), has(4), has(5), has(6), has(0)};
}

ast::Statement::Node TreeReader::create_index(const PgQuery__IndexStmt& s) {
  ast::CreateIndex create;
  create.name = s.idxname;
  create.table = table(s.relation);
  create.method = s.access_method;
  create.unique = s.unique != 0;
  create.if_not_exists = s.if_not_exists != 0;
  create.concurrently = s.concurrent != 0;
  create.nulls_not_distinct = s.nulls_not_distinct != 0;
  create.where = definition(s.where_clause);
  for (const auto* node : ISOBAR_NODES(s, index_params)) {
    if (node->node_case != PG_QUERY__NODE__NODE_INDEX_ELEM) continue;
    const auto& e = *node->index_elem;
    ast::IndexKey key;
    key.column = e.name;
    key.expression = definition(e.expr);
    key.descending = e.ordering == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
    if (e.nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST) key.nulls_first = true;
    if (e.nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST) key.nulls_first = false;
    if (e.n_collation > 0) key.collation = name(ISOBAR_NODES(e, collation));
    if (e.n_opclass > 0) key.operator_class = name(ISOBAR_NODES(e, opclass));
    create.keys.push_back(std::move(key));
  }
  for (const auto* node : ISOBAR_NODES(s, index_including_params))
    if (node->node_case == PG_QUERY__NODE__NODE_INDEX_ELEM) create.including.emplace_back(node->index_elem->name);
  return create;
}

ast::Statement::Node TreeReader::create_view(const PgQuery__ViewStmt& s) {
  ast::CreateView create;
  create.view = table(s.view);
  if (s.view != nullptr && std::string_view(s.view->relpersistence) == "t") refuse("CREATE TEMPORARY VIEW");
  create.columns = texts(ISOBAR_NODES(s, aliases));
  create.query = query(s.query);
  create.replace = s.replace != 0;
  create.options = options(ISOBAR_NODES(s, options));
  if (s.with_check_option > PG_QUERY__VIEW_CHECK_OPTION__NO_CHECK_OPTION) refuse("WITH CHECK OPTION");
  if (s.query != nullptr && s.query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT && !error_)
    create.text = deparse(s.query->select_stmt, -1);
  return create;
}

ast::Statement::Node TreeReader::create_schema(const PgQuery__CreateSchemaStmt& s) {
  if (s.n_schema_elts > 0) refuse("CREATE SCHEMA with objects in it");
  return ast::CreateSchema{s.schemaname, role(s.authrole), s.if_not_exists != 0};
}

std::string TreeReader::role(const PgQuery__RoleSpec* r) {
  if (r == nullptr) return {};
  switch (r->roletype) {
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC: return "public";
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_ROLE:
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CURRENT_USER: return "current_user";
    case PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_SESSION_USER: return "session_user";
    default: return r->rolename;
  }
}

/// A DefElem's value may be a word, a number, a name of several parts, or a list of these.
ast::Option TreeReader::option(const Node* node) {
  ast::Option option;
  if (node->node_case != PG_QUERY__NODE__NODE_DEF_ELEM) return refuse_node("a list of options", node), option;
  const auto& d = *node->def_elem;
  option.name = lower(d.defname);
  option.position = position(d.location);
  if (d.arg == nullptr) return option;
  const auto add = [&](const Node* item) {
    if (item->node_case == PG_QUERY__NODE__NODE_DEF_ELEM) option.list.emplace_back(item->def_elem->defname);
    else if (item->node_case == PG_QUERY__NODE__NODE_ROLE_SPEC) option.list.push_back(role(item->role_spec));
    else option.list.push_back(text_of(item));
  };
  if (d.arg->node_case == PG_QUERY__NODE__NODE_LIST) {
    for (const auto* item : ISOBAR_NODES(*d.arg->list, items)) add(item);
    return option;
  }
  if (d.arg->node_case == PG_QUERY__NODE__NODE_TYPE_NAME) option.list = texts(ISOBAR_NODES(*d.arg->type_name, names));
  option.value = text_of(d.arg);
  if (d.arg->node_case == PG_QUERY__NODE__NODE_INTEGER) option.number = d.arg->integer->ival;
  if (d.arg->node_case == PG_QUERY__NODE__NODE_BOOLEAN) option.said = d.arg->boolean->boolval != 0;
  if (d.arg->node_case == PG_QUERY__NODE__NODE_FLOAT) {
    char* end = nullptr;
    errno = 0;
    const long long whole = std::strtoll(d.arg->float_->fval, &end, 10);
    if (errno == 0 && end != nullptr && *end == 0) option.number = whole;
  }
  return option;
}

std::vector<ast::Option> TreeReader::options(Nodes nodes) {
  std::vector<ast::Option> all;
  for (const auto* node : nodes) all.push_back(option(node));
  return all;
}

}  // namespace isobar::sql
