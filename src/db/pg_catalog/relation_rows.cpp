// Tables, views, indexes and sequences, with all that belongs to them.

#include <fmt/format.h>

#include "rows.h"

namespace isobar::db {
namespace {

using sql::Kind;

char action_letter(sql::ForeignKey::Action action) {
  constexpr std::string_view kLetters = "arcnd";
  return kLetters[static_cast<std::size_t>(action)];
}

std::vector<std::int64_t> numbers_of(const std::vector<std::uint32_t>& columns) {
  std::vector<std::int64_t> numbers;
  for (const auto column : columns) numbers.push_back(std::int64_t{column} + 1);
  return numbers;
}

std::string owner_of(const Relation& relation) {
  if (relation.object != nullptr) return relation.object->owner;
  return relation.sequence != nullptr ? relation.sequence->owner : "";
}

/// PostgreSQL checks foreign keys by triggers, of both tables.
bool is_in_foreign_key(const CatalogView& view, const sql::Table& table) {
  if (!table.foreign_keys.empty()) return true;
  for (const auto& [id, object] : view.schema.tables)
    for (const auto& key : object.table->foreign_keys)
      if (key.parent == table.id) return true;
  return false;
}

void add_class(const CatalogView& view, const Relation& relation, CatalogRows& rows) {
  const sql::Oid owner = role_id(view, owner_of(relation));
  const bool is_table = relation.kind == 'r', is_index = relation.kind == 'i';
  const std::size_t columns = is_index ? relation.index->columns.size() : relation.table != nullptr ? relation.table->columns.size() : 3;
  auto row = rows.add();
  row("oid", relation.id)("relname", relation.name)("relnamespace", relation.schema)("relowner", owner == 0 ? kFirstRole : owner);
  row("relam", is_index   ? kBtree
               : is_table ? kHeap
                          : 0)("relfilenode", relation.kind == 'v' ? 0 : relation.id)("relkind", std::string_view(&relation.kind, 1));
  row("relpersistence", "p")("relnatts", columns)("relispopulated", true)("relreplident", is_table ? "d" : "n").null("relpartbound");
  row("reltuples", sql::Value(is_table && relation.table != nullptr ? relation.table->rows_estimated : -1.0));
  if (relation.kind == 'v') row("relhasrules", true);
  if (is_index || relation.table == nullptr) return;
  row("relhasindex", !relation.table->indexes.empty())("relchecks", relation.table->checks.size())(
      "relhastriggers", is_in_foreign_key(view, *relation.table));
  if (relation.object != nullptr) row("relacl", acl_array(relation.object->acl));
}

void add_attribute(CatalogRows& rows, sql::Oid relation, std::size_t number, const sql::Column& column) {
  const auto size = sql::size_of(column.type);
  const bool text = sql::category_of(column.type) == 'S';
  auto row = rows.add();
  row("attrelid", relation)("attname", column.dropped ? fmt::format("........pg.dropped.{}........", number) : column.name)(
      "atttypid", column.dropped ? 0 : sql::oid_of(column.type));
  row("attstattarget", -1)("attlen", size)("attnum", number)("attndims", column.type.kind == Kind::kArray ? 1 : 0)("attcacheoff", -1)(
      "atttypmod", column.type.modifier);
  row("attbyval", size > 0 && size <= 8)("attalign", size == 1   ? "c"
                                                     : size == 2 ? "s"
                                                     : size == 8 ? "d"
                                                                 : "i")("attstorage", size > 0 ? "p" : "x")("attnotnull", column.not_null);
  row("atthasdef", column.default_expression.has_value() || column.generated.has_value());
  using Identity = sql::Column::Identity;
  row("attidentity", column.identity == Identity::kAlways      ? "a"
                     : column.identity == Identity::kByDefault ? "d"
                                                               : "")("attgenerated", column.generated ? "s" : "");
  row("attisdropped", column.dropped)("attislocal", true)("attcollation", text ? kDefaultCollation : 0);
}

void add_attributes(const Relation& relation, CatalogRows& rows) {
  if (relation.kind == 'S') {
    const sql::Column columns[] = {
        {"last_value", sql::type_of(Kind::kInt8)}, {"log_cnt", sql::type_of(Kind::kInt8)}, {"is_called", sql::type_of(Kind::kBool)}};
    for (std::size_t place = 0; place < 3; ++place) add_attribute(rows, relation.id, place + 1, columns[place]);
    return;
  }
  if (relation.kind == 'i') {
    for (std::size_t place = 0; place < relation.index->columns.size(); ++place) {
      sql::Column column{relation.table->columns[relation.index->columns[place]].name,
                         relation.table->columns[relation.index->columns[place]].type};
      add_attribute(rows, relation.id, place + 1, column);
    }
    return;
  }
  for (std::size_t place = 0; place < relation.table->columns.size(); ++place)
    add_attribute(rows, relation.id, place + 1, relation.table->columns[place]);
}

void add_index(const Relation& relation, CatalogRows& rows) {
  const sql::Index& index = *relation.index;
  std::vector<std::int64_t> options, classes, collations;
  for (std::size_t place = 0; place < index.columns.size(); ++place) {
    options.push_back(index.descending[place] ? 3 : 0), classes.push_back(0);
    collations.push_back(sql::category_of(relation.table->columns[index.columns[place]].type) == 'S' ? kDefaultCollation : 0);
  }
  auto row = rows.add();
  row("indexrelid", index.id)("indrelid", relation.table->id)("indnatts", index.columns.size())("indnkeyatts", index.columns.size())(
      "indisunique", index.unique)("indisprimary", index.primary);
  row("indimmediate", true)("indisvalid", true)("indisready", true)("indislive", true)(
      "indkey", array_of_integers(Kind::kInt2, numbers_of(index.columns), 0));
  row("indcollation", array_of_integers(Kind::kOid, collations, 0))("indclass", array_of_integers(Kind::kOid, classes, 0))(
      "indoption", array_of_integers(Kind::kInt2, options, 0));
}

RowFields constraint(CatalogRows& rows, const Relation& relation, sql::Oid id, const std::string& name, const char* type) {
  auto row = rows.add();
  row("oid", id)("conname", name)("connamespace", relation.schema)("contype", type)("convalidated", true)("conrelid", relation.id)(
      "conislocal", true)("connoinherit", *type != 'c');
  return row;
}

void add_constraints(const CatalogView& view, const Relation& relation, CatalogRows& rows) {
  const sql::Table& table = *relation.table;
  for (const auto& index : table.indexes)
    if (index.constraint || index.primary)
      constraint(rows, relation, index.id, index.name, index.primary ? "p" : "u")("conindid", index.id)(
          "conkey", array_of_integers(Kind::kInt2, numbers_of(index.columns), 1));
  for (std::size_t which = 0; which < table.checks.size(); ++which)
    constraint(rows, relation, check_id(table.id, which), table.checks[which].name, "c")("conbin", table.checks[which].expression);
  for (const auto& key : table.foreign_keys) {
    const sql::Index* parent = index_of_parent(view, key);
    const char update = action_letter(key.on_update), erase = action_letter(key.on_delete);
    auto row = constraint(rows, relation, key.id, key.name, "f");
    row("condeferrable", key.deferrable)("condeferred", key.initially_deferred)("conindid", parent != nullptr ? parent->id : 0)("confrelid",
                                                                                                                                key.parent);
    row("confupdtype", std::string_view(&update, 1))("confdeltype", std::string_view(&erase, 1))("confmatchtype", "s");
    row("conkey", array_of_integers(Kind::kInt2, numbers_of(key.columns), 1))(
        "confkey", array_of_integers(Kind::kInt2, numbers_of(key.parent_columns), 1));
  }
}

void add_defaults(const Relation& relation, CatalogRows& rows) {
  for (std::size_t place = 0; place < relation.table->columns.size(); ++place) {
    const auto& column = relation.table->columns[place];
    if (!column.default_expression && !column.generated) continue;
    rows.add()("oid", default_id(relation.id, static_cast<std::uint32_t>(place + 1)))("adrelid", relation.id)("adnum", place + 1)(
        "adbin", column.generated ? *column.generated : *column.default_expression);
  }
}

void add_sequence(const Relation& relation, CatalogRows& rows) {
  const auto& sequence = relation.sequence->sequence;
  rows.add()("seqrelid", relation.id)("seqtypid", sql::oid_of(sequence.type))("seqstart", sequence.start)(
      "seqincrement", sequence.increment)("seqmax", sequence.most)("seqmin", sequence.least)("seqcache", 1)("seqcycle", sequence.cycle);
}

void add_comments(const Relation& relation, CatalogRows& rows) {
  const auto add = [&](std::size_t column, const std::string& comment) {
    if (!comment.empty()) rows.add()("objoid", relation.id)("classoid", kClassCatalog)("objsubid", column)("description", comment);
  };
  add(0, relation.object->comment);
  for (const auto& [place, comment] : relation.object->column_comments) add(place + 1, comment);
}

/// A sequence goes with the column that it numbers, a constraint with its table, a view's rule with the view.
void add_dependencies(const Relation& relation, CatalogRows& rows) {
  if (relation.sequence != nullptr && relation.sequence->of_table != 0)
    rows.add()("classid", kClassCatalog)("objid", relation.id)("refclassid", kClassCatalog)("refobjid", relation.sequence->of_table)(
        "refobjsubid", relation.sequence->of_column + 1)("deptype", relation.sequence->internal ? "i" : "a");
  if (relation.index != nullptr && relation.index->constraint)
    rows.add()("classid", kClassCatalog)("objid", relation.id)("refclassid", kConstraintCatalog)("refobjid", relation.id)("deptype", "i");
}

}  // namespace

bool add_relation_rows(const sql::Table& table, const CatalogView& view, CatalogRows& rows) {
  const std::string_view name = table.name;
  const auto each = [&](const auto& wanted, const auto& add) {
    each_relation(view, [&](const Relation& relation) {
      if (wanted(relation)) add(relation);
    });
    return true;
  };
  const auto always = [](const Relation&) { return true; };
  const auto is_own_table = [](const Relation& relation) { return relation.object != nullptr && relation.index == nullptr; };
  if (name == "pg_class") return each(always, [&](const Relation& r) { add_class(view, r, rows); });
  if (name == "pg_attribute") return each(always, [&](const Relation& r) { add_attributes(r, rows); });
  if (name == "pg_index") return each([](const Relation& r) { return r.index != nullptr; }, [&](const Relation& r) { add_index(r, rows); });
  if (name == "pg_constraint") return each(is_own_table, [&](const Relation& r) { add_constraints(view, r, rows); });
  if (name == "pg_attrdef") return each(is_own_table, [&](const Relation& r) { add_defaults(r, rows); });
  if (name == "pg_sequence")
    return each([](const Relation& r) { return r.sequence != nullptr; }, [&](const Relation& r) { add_sequence(r, rows); });
  if (name == "pg_description") return each(is_own_table, [&](const Relation& r) { add_comments(r, rows); });
  if (name == "pg_depend") return each(always, [&](const Relation& r) { add_dependencies(r, rows); });
  if (name == "pg_rewrite")
    return each([](const Relation& r) { return r.kind == 'v' && r.object != nullptr; },
                [&](const Relation& r) {
                  rows.add()("oid", r.id)("rulename", "_RETURN")("ev_class", r.id)("ev_type", "1")("ev_enabled", "O")("is_instead", true);
                });
  return false;
}

}  // namespace isobar::db
