// information_schema, as the SQL standard has it.

#include "rows.h"

namespace isobar::db {
namespace {

using sql::Kind;

const char* yes_or_no(bool yes) { return yes ? "YES" : "NO"; }

/// What the standard says of a type, besides its name.
void describe(RowFields& row, const sql::Type& type) {
  sql::Type plain = type;
  plain.modifier = -1;
  row("data_type", type.kind == Kind::kArray ? "ARRAY" : sql::format_type(plain))("udt_schema", "pg_catalog")("udt_name",
                                                                                                              sql::catalog_name(type));
  switch (type.kind) {
    case Kind::kVarchar:
    case Kind::kBpchar:
      if (type.modifier >= 4)
        row("character_maximum_length", type.modifier - 4)("character_octet_length", (type.modifier - 4) * std::int64_t{4});
      else row("character_octet_length", std::int64_t{1} << 30);
      return;
    case Kind::kText: row("character_octet_length", std::int64_t{1} << 30); return;
    case Kind::kInt2:
    case Kind::kInt4:
    case Kind::kInt8: row("numeric_precision", sql::size_of(type) * 8)("numeric_precision_radix", 2)("numeric_scale", 0); return;
    case Kind::kFloat4: row("numeric_precision", 24)("numeric_precision_radix", 2); return;
    case Kind::kFloat8: row("numeric_precision", 53)("numeric_precision_radix", 2); return;
    case Kind::kNumeric:
      row("numeric_precision_radix", 10);
      if (type.modifier >= 4) row("numeric_precision", sql::precision_of(type.modifier))("numeric_scale", sql::scale_of(type.modifier));
      return;
    case Kind::kDate: row("datetime_precision", 0); return;
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestamptz: row("datetime_precision", type.modifier >= 0 ? type.modifier : 6); return;
    case Kind::kInterval: row("datetime_precision", 6); return;
    default: return;
  }
}

void add_columns(const CatalogView& view, const Relation& relation, CatalogRows& rows) {
  for (std::size_t place = 0; place < relation.table->columns.size(); ++place) {
    const sql::Column& column = relation.table->columns[place];
    if (column.dropped) continue;
    using Identity = sql::Column::Identity;
    auto row = rows.add();
    row("table_catalog", view.session.database)("table_schema", relation.schema_name)("table_name", relation.name)(
        "column_name", column.name)("ordinal_position", place + 1);
    row("is_nullable", yes_or_no(!column.not_null))("udt_catalog", view.session.database)("dtd_identifier", std::to_string(place + 1))(
        "is_self_referencing", "NO");
    row("is_identity", yes_or_no(column.identity != Identity::kNone))("identity_cycle", "NO")(
        "is_generated", column.generated ? "ALWAYS" : "NEVER")("is_updatable", yes_or_no(relation.kind == 'r'));
    if (column.default_expression && column.identity == Identity::kNone) row("column_default", *column.default_expression);
    if (column.generated) row("generation_expression", *column.generated);
    if (column.identity != Identity::kNone) row("identity_generation", column.identity == Identity::kAlways ? "ALWAYS" : "BY DEFAULT");
    describe(row, column.type);
  }
}

void add_table(const CatalogView& view, const Relation& relation, CatalogRows& rows) {
  rows.add()("table_catalog", view.session.database)("table_schema", relation.schema_name)("table_name", relation.name)(
      "table_type", relation.kind == 'v' ? "VIEW" : "BASE TABLE")("is_insertable_into", yes_or_no(relation.kind == 'r'))("is_typed", "NO");
}

/// Every constraint of a table: its name, its sort, and the columns it is of.
struct ConstraintOf {
  std::string name;
  const char* type;
  const std::vector<std::uint32_t>* columns = nullptr;
  const sql::ForeignKey* key = nullptr;
  const sql::Check* check = nullptr;
};
std::vector<ConstraintOf> constraints_of(const sql::Table& table) {
  std::vector<ConstraintOf> all;
  for (const auto& index : table.indexes)
    if (index.constraint || index.primary) all.push_back({index.name, index.primary ? "PRIMARY KEY" : "UNIQUE", &index.columns});
  for (const auto& key : table.foreign_keys) all.push_back({key.name, "FOREIGN KEY", &key.columns, &key});
  for (const auto& check : table.checks) all.push_back({check.name, "CHECK", nullptr, nullptr, &check});
  return all;
}

RowFields of_constraint(const CatalogView& view, const Relation& relation, const ConstraintOf& constraint, CatalogRows& rows) {
  auto row = rows.add();
  row("constraint_catalog", view.session.database)("constraint_schema", relation.schema_name)("constraint_name", constraint.name);
  return row;
}

void add_table_constraint(const CatalogView& view, const Relation& relation, const ConstraintOf& constraint, CatalogRows& rows) {
  of_constraint(view, relation, constraint, rows)("table_catalog", view.session.database)("table_schema", relation.schema_name)(
      "table_name", relation.name)("constraint_type", constraint.type)("is_deferrable",
                                                                       yes_or_no(constraint.key != nullptr && constraint.key->deferrable))(
      "initially_deferred", yes_or_no(constraint.key != nullptr && constraint.key->initially_deferred))("enforced", "YES");
}

void add_key_columns(const CatalogView& view, const Relation& relation, const ConstraintOf& constraint, CatalogRows& rows) {
  if (constraint.columns == nullptr) return;
  for (std::size_t place = 0; place < constraint.columns->size(); ++place) {
    auto row = of_constraint(view, relation, constraint, rows);
    row("table_catalog", view.session.database)("table_schema", relation.schema_name)("table_name", relation.name)(
        "column_name", relation.table->columns[(*constraint.columns)[place]].name)("ordinal_position", place + 1);
    if (constraint.key == nullptr) continue;
    const sql::Index* parent = index_of_parent(view, *constraint.key);
    if (parent == nullptr) continue;
    for (std::size_t other = 0; other < parent->columns.size(); ++other)
      if (parent->columns[other] == constraint.key->parent_columns[place]) row("position_in_unique_constraint", other + 1);
  }
}

/// The columns a constraint is about: of a foreign key those it points to.
void add_used_columns(const CatalogView& view, const Relation& relation, const ConstraintOf& constraint, CatalogRows& rows) {
  if (constraint.columns == nullptr) return;
  const Relation about = constraint.key != nullptr ? relation_of(view, constraint.key->parent).value_or(relation) : relation;
  for (const auto column : constraint.key != nullptr ? constraint.key->parent_columns : *constraint.columns)
    of_constraint(view, relation, constraint, rows)("table_catalog", view.session.database)("table_schema", about.schema_name)(
        "table_name", about.name)("column_name", about.table->columns[column].name);
}

void add_reference(const CatalogView& view, const Relation& relation, const ConstraintOf& constraint, CatalogRows& rows) {
  if (constraint.key == nullptr) return;
  constexpr const char* kRules[] = {"NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"};
  auto row = of_constraint(view, relation, constraint, rows);
  row("match_option", "NONE")("update_rule", kRules[static_cast<std::size_t>(constraint.key->on_update)])(
      "delete_rule", kRules[static_cast<std::size_t>(constraint.key->on_delete)]);
  const auto parent = relation_of(view, constraint.key->parent);
  const sql::Index* index = index_of_parent(view, *constraint.key);
  if (parent && index != nullptr)
    row("unique_constraint_catalog", view.session.database)("unique_constraint_schema", parent->schema_name)("unique_constraint_name",
                                                                                                             index->name);
}

void add_check(const CatalogView& view, const Relation& relation, const ConstraintOf& constraint, CatalogRows& rows) {
  if (constraint.check != nullptr)
    of_constraint(view, relation, constraint, rows)("check_clause", "((" + constraint.check->expression + "))");
}

void add_view(const CatalogView& view, const Relation& relation, CatalogRows& rows) {
  rows.add()("table_catalog", view.session.database)("table_schema", relation.schema_name)("table_name", relation.name)(
      "view_definition", relation.table->view_query)("check_option", "NONE")("is_updatable", "NO")("is_insertable_into", "NO")(
      "is_trigger_updatable", "NO")("is_trigger_deletable", "NO")("is_trigger_insertable_into", "NO");
}

void add_sequence(const CatalogView& view, const Relation& relation, CatalogRows& rows) {
  const auto& sequence = relation.sequence->sequence;
  if (relation.sequence->internal) return;
  rows.add()("sequence_catalog", view.session.database)("sequence_schema", relation.schema_name)("sequence_name", relation.name)(
      "data_type", sql::format_type(sequence.type))("numeric_precision", sql::size_of(sequence.type) * 8)("numeric_precision_radix", 2)(
      "numeric_scale", 0)("start_value", std::to_string(sequence.start))("minimum_value", std::to_string(sequence.least))(
      "maximum_value", std::to_string(sequence.most))("increment", std::to_string(sequence.increment))("cycle_option",
                                                                                                       yes_or_no(sequence.cycle));
}

void add_schemata(const CatalogView& view, CatalogRows& rows) {
  const auto add = [&](std::string_view name, std::string_view owner) {
    rows.add()("catalog_name", view.session.database)("schema_name", name)("schema_owner", owner);
  };
  add("pg_catalog", role_name(view, kFirstRole)), add("information_schema", role_name(view, kFirstRole));
  for (const auto& [name, schema] : view.schema.schemas) add(name, schema.owner);
}

}  // namespace

bool add_information_schema(const sql::Table& table, const CatalogView& view, CatalogRows& rows) {
  const std::string_view name = table.name;
  if (name == "schemata") return add_schemata(view, rows), true;
  if (name == "information_schema_catalog_name") return rows.add()("catalog_name", view.session.database), true;
  if (name == "character_sets")
    return rows.add()("character_set_name", "UTF8")("character_repertoire", "UCS")("form_of_use", "UTF8")(
               "default_collate_catalog", view.session.database)("default_collate_schema", "pg_catalog")("default_collate_name", "C"),
           true;
  if (name == "enabled_roles") {
    for (const auto& [role, unused] : view.schema.roles) rows.add()("role_name", role);
    return true;
  }
  using AddConstraint = void (*)(const CatalogView&, const Relation&, const ConstraintOf&, CatalogRows&);
  const AddConstraint of_constraints = name == "table_constraints"         ? add_table_constraint
                                       : name == "key_column_usage"        ? add_key_columns
                                       : name == "constraint_column_usage" ? add_used_columns
                                       : name == "referential_constraints" ? add_reference
                                       : name == "check_constraints"       ? add_check
                                                                           : nullptr;
  each_relation(view, [&](const Relation& relation) {
    if (relation.sequence != nullptr && name == "sequences") add_sequence(view, relation, rows);
    if (relation.table == nullptr || relation.index != nullptr) return;
    if (name == "columns") add_columns(view, relation, rows);
    if (name == "tables") add_table(view, relation, rows);
    if (name == "views" && relation.kind == 'v' && relation.object != nullptr) add_view(view, relation, rows);
    if (of_constraints != nullptr && relation.object != nullptr)
      for (const auto& constraint : constraints_of(*relation.table)) of_constraints(view, relation, constraint, rows);
  });
  return true;
}

}  // namespace isobar::db
