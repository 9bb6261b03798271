#include "tree_reader.h"

#include <algorithm>

namespace isobar::sql {

TreeReader::TreeReader(std::string_view text)
    : text_(text), ascii_(std::ranges::all_of(text, [](char c) { return static_cast<signed char>(c) >= 0; })) {}

namespace {
int characters(std::string_view text) {
  return static_cast<int>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}
}  // namespace

/// libpg_query counts bytes from 0.
int TreeReader::position(int location) const {
  if (location < 0) return 0;
  return (ascii_ ? location : characters(text_.substr(0, static_cast<std::size_t>(location)))) + 1;
}

void TreeReader::fail(std::string_view sqlstate, std::string message, int location) {
  if (!error_) error_ = SqlError(sqlstate, std::move(message)).at(position(location));
}
void TreeReader::refuse(const std::string& what, int location) { fail(state::kFeatureNotSupported, what + " is not supported", location); }

/// The field's name in PostgreSQL's sources: "XmlExpr".
void TreeReader::refuse_node(const char* where, const Node* node) {
  if (error_) return;
  const auto* field = node == nullptr
                          ? nullptr
                          : protobuf_c_message_descriptor_get_field(&pg_query__node__descriptor, static_cast<unsigned>(node->node_case));
  refuse(std::string(field == nullptr ? "nothing" : field->name) + " in " + where);
}

std::string TreeReader::text_of(const Node* node) {
  if (node == nullptr) return {};
  switch (node->node_case) {
    case PG_QUERY__NODE__NODE_STRING: return node->string->sval;
    case PG_QUERY__NODE__NODE_INTEGER: return std::to_string(node->integer->ival);
    case PG_QUERY__NODE__NODE_FLOAT: return node->float_->fval;
    case PG_QUERY__NODE__NODE_BOOLEAN: return node->boolean->boolval != 0 ? "true" : "false";
    case PG_QUERY__NODE__NODE_A_STAR: return "*";
    case PG_QUERY__NODE__NODE_TYPE_NAME:
      return node->type_name->n_names == 0 ? "" : text_of(node->type_name->names[node->type_name->n_names - 1]);
    case PG_QUERY__NODE__NODE_ROLE_SPEC: return node->role_spec->rolename;
    case PG_QUERY__NODE__NODE_A_CONST: {
      const auto& c = *node->a_const;
      if (c.val_case == PG_QUERY__A__CONST__VAL_SVAL) return c.sval->sval;
      if (c.val_case == PG_QUERY__A__CONST__VAL_IVAL) return std::to_string(c.ival->ival);
      if (c.val_case == PG_QUERY__A__CONST__VAL_FVAL) return c.fval->fval;
      if (c.val_case == PG_QUERY__A__CONST__VAL_BOOLVAL) return c.boolval->boolval != 0 ? "true" : "false";
      return {};
    }
    default: return {};
  }
}

std::vector<std::string> TreeReader::texts(Nodes nodes) {
  std::vector<std::string> all;
  all.reserve(nodes.size());
  for (const auto* node : nodes) all.push_back(text_of(node));
  return all;
}

ast::Name TreeReader::name(Nodes nodes, int location) { return {texts(nodes), position(location)}; }

/// Of DROP, COMMENT and ALTER: a list of names, a name, a table, a type, or a function's.
ast::Name TreeReader::name_of_object(const Node* node) {
  if (node == nullptr) return {};
  switch (node->node_case) {
    case PG_QUERY__NODE__NODE_LIST: return name(ISOBAR_NODES(*node->list, items));
    case PG_QUERY__NODE__NODE_TYPE_NAME: return name(ISOBAR_NODES(*node->type_name, names), node->type_name->location);
    case PG_QUERY__NODE__NODE_OBJECT_WITH_ARGS: return name(ISOBAR_NODES(*node->object_with_args, objname));
    case PG_QUERY__NODE__NODE_RANGE_VAR: return table(node->range_var).name;
    default: return {{text_of(node)}, 0};
  }
}

ast::Statement TreeReader::statement(const PgQuery__RawStmt& raw) {
  ast::Statement statement;
  const auto from = static_cast<std::size_t>(std::max(raw.stmt_location, 0));
  auto text =
      text_.substr(std::min(from, text_.size()), raw.stmt_len > 0 ? static_cast<std::size_t>(raw.stmt_len) : std::string_view::npos);
  const auto begin = std::min(text.find_first_not_of(" \t\r\n\f\v"), text.size());
  statement.offset = position(static_cast<int>(from + begin)) - 1;
  text.remove_prefix(begin);
  while (!text.empty() && std::string_view(" \t\r\n\f\v;").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  statement.text = text;
  if (raw.stmt != nullptr) statement.node = statement_node(*raw.stmt);
  return statement;
}

ast::StatementPtr TreeReader::inner(const Node* node) {
  auto statement = std::make_unique<ast::Statement>();
  if (node != nullptr) statement->node = statement_node(*node);
  return statement;
}

ast::Statement::Node TreeReader::statement_node(const Node& node) {
  switch (node.node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT: return query(node.select_stmt);
    case PG_QUERY__NODE__NODE_INSERT_STMT: return insert(*node.insert_stmt);
    case PG_QUERY__NODE__NODE_UPDATE_STMT: return update(*node.update_stmt);
    case PG_QUERY__NODE__NODE_DELETE_STMT: return erase(*node.delete_stmt);
    default: return utility(node);
  }
}

}  // namespace isobar::sql
