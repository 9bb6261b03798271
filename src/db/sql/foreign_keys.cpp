// Foreign keys: a child points to a row that is there when the statement ends, or the transaction, if it is deferred. Both sides are reads
// of the transaction, so that of a child that comes and a parent that goes at once one is refused.

#include <fmt/format.h>

#include <algorithm>

#include "row_storage.h"
#include "sql/key_encoding.h"
#include "sql/row_encoding.h"

namespace isobar::db {

namespace {

using Action = sql::ForeignKey::Action;

bool differs(const TableForm& form, const std::vector<std::uint32_t>& columns, const sql::Row& a, const sql::Row& b) {
  for (const auto column : columns) {
    if (a[column].is_null() != b[column].is_null()) return true;
    if (!a[column].is_null() && sql::compare(form.types[column], a[column], b[column]) != 0) return true;
  }
  return false;
}

bool has_null(const std::vector<std::uint32_t>& columns, const sql::Row& row) {
  for (const auto column : columns)
    if (row[column].is_null()) return true;
  return false;
}

std::string names_of(const sql::Table& table, const std::vector<std::uint32_t>& columns) {
  std::string names;
  for (const auto column : columns) names += (names.empty() ? "" : ", ") + table.columns[column].name;
  return names;
}

std::string values_of(const sql::Table& table, const std::vector<std::uint32_t>& columns, const sql::Row& row) {
  std::string values;
  for (const auto column : columns) values += (values.empty() ? "" : ", ") + sql::to_text(table.columns[column].type, row[column], {});
  return values;
}

const sql::Index* unique_index_on(const sql::Table& table, const std::vector<std::uint32_t>& columns) {
  for (const auto& index : table.indexes)
    if (index.unique && std::vector<std::uint32_t>(index.columns) == columns) return &index;
  for (const auto& index : table.indexes)
    if (index.unique && std::is_permutation(index.columns.begin(), index.columns.end(), columns.begin(), columns.end())) return &index;
  return nullptr;
}

}  // namespace

/// old  what the row was; none: it is new
void RowStorage::note_children(const TableForm& kept, const std::string& row, const sql::Row& values, const sql::Row* old) {
  for (const auto& key : kept.table->foreign_keys) {
    if (has_null(key.columns, values) || (old && !differs(kept, key.columns, values, *old))) continue;
    auto& list = key.deferrable && key.initially_deferred ? deferred_ : children_;
    list.push_back({kept.table, &key, values, row});
  }
}

void RowStorage::note_parent(const TableForm& kept, const sql::Row& old, const sql::Row* now) {
  for (const auto& reference : tx_.schema().references_to(kept.table->id)) {
    if (has_null(reference.key->parent_columns, old)) continue;
    if (now && !differs(kept, reference.key->parent_columns, old, *now)) continue;
    parents_.push_back({kept.table, old, now ? *now : sql::Row()});
    return;
  }
}

sql::SqlStatus RowStorage::check_child(const sql::Table& table, const sql::ForeignKey& key, const sql::Row& values) {
  if (has_null(key.columns, values)) return {};
  return check_children({{form(table).table, &key, values, {}}});
}

/// Whether the row is there and points where it did: it may have gone since, or been taken back with a savepoint.
sql::SqlResult<bool> RowStorage::still_points(const Child& child) {
  const auto* written = tx_.written(child.row);
  if (!written || !*written) return false;
  const TableForm& kept = form(*child.table);
  TRY_ASSIGN(const auto now, sql::decode_row(kept.types, **written));
  return !differs(kept, child.key->columns, now, child.values);
}

sql::SqlStatus RowStorage::check_deferred() {
  std::vector<Child> children;
  for (auto& child : std::exchange(deferred_, {})) {
    TRY_ASSIGN(const bool points, still_points(child));
    if (points) children.push_back(std::move(child));
  }
  return check_children(std::move(children));
}

sql::SqlStatus RowStorage::check_children(std::vector<Child> children) {
  std::vector<std::string> keys;
  for (const auto& child : children) {
    const TableForm& parent = form(*tx_.schema().tables.at(child.key->parent).table);
    const sql::Index* index = unique_index_on(*parent.table, child.key->parent_columns);
    sql::Row pointed(parent.types.size());
    for (std::size_t i = 0; i < child.key->columns.size(); ++i) {
      const auto column = child.key->parent_columns[i];
      pointed[column] = child.values[child.key->columns[i]];
    }
    bool nulls = false;
    keys.push_back(parent.entries(*index) + parent.values_key(*index, pointed, nulls));
  }
  TRY_ASSIGN(const auto found, tx_.read(keys));
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (found[i]) continue;
    const Child& child = children[i];
    const sql::Table& parent = *tx_.schema().tables.at(child.key->parent).table;
    return sql::SqlError(
               sql::state::kForeignKeyViolation,
               fmt::format("insert or update on table \"{}\" violates foreign key constraint \"{}\"", child.table->name, child.key->name))
        .with_detail(fmt::format("Key ({})=({}) is not present in table \"{}\".", names_of(*child.table, child.key->columns),
                                 values_of(*child.table, child.key->columns, child.values), parent.name))
        .about(child.table->schema, child.table->name, "", child.key->name);
  }
  return {};
}

sql::SqlStatus RowStorage::follow_parents() {
  while (!parents_.empty()) {
    const std::vector<Parent> parents = std::exchange(parents_, {});
    for (const auto& parent : parents)
      for (const auto& reference : tx_.schema().references_to(parent.table->id)) TRY(follow(parent, reference));
  }
  return {};
}

sql::SqlStatus RowStorage::follow(const Parent& parent, const SchemaSnapshot::Reference& reference) {
  const TableForm& kept = form(*parent.table);
  const auto& columns = reference.key->parent_columns;
  if (has_null(columns, parent.values)) return {};
  if (!parent.now.empty() && !differs(kept, columns, parent.values, parent.now)) return {};
  // Another row may have the same key by now.
  TRY_ASSIGN(const auto still, conflicting(*parent.table, *unique_index_on(*parent.table, columns), parent.values));
  if (still) return {};
  return act(parent, reference, parent.now.empty() ? reference.key->on_delete : reference.key->on_update);
}

sql::SqlResult<std::vector<sql::StoredRow>> RowStorage::children_of(const Parent& parent, const SchemaSnapshot::Reference& reference) {
  const TableForm& kept = form(*reference.child);
  const auto& columns = reference.key->columns;
  sql::Row pointing(kept.types.size());
  for (std::size_t i = 0; i < columns.size(); ++i) pointing[columns[i]] = parent.values[reference.key->parent_columns[i]];
  const sql::Index* index = nullptr;
  sql::IndexRange range;
  for (const auto& candidate : kept.table->indexes) {
    const std::size_t most = std::min(candidate.columns.size(), columns.size());
    if (!std::is_permutation(candidate.columns.begin(), candidate.columns.begin() + static_cast<std::ptrdiff_t>(most), columns.begin(),
                             columns.end()))
      continue;
    index = &candidate;
    for (std::size_t i = 0; i < most; ++i) range.equal.push_back(pointing[candidate.columns[i]]);
    break;
  }
  TRY_ASSIGN(auto cursor, scan(*kept.table, index, range, {}));
  std::vector<sql::StoredRow> children;
  for (;;) {
    TRY_ASSIGN(const sql::StoredRow* row, cursor->next());
    if (!row) return children;
    if (!has_null(columns, row->values) && !differs(kept, columns, row->values, pointing)) children.push_back(*row);
  }
}

sql::SqlStatus RowStorage::act(const Parent& parent, const SchemaSnapshot::Reference& reference, Action action) {
  TRY_ASSIGN(const auto children, children_of(parent, reference));
  if (children.empty()) return {};
  const sql::Table& child = *reference.child;
  if (action == Action::kNoAction || action == Action::kRestrict)
    return sql::SqlError(sql::state::kForeignKeyViolation,
                         fmt::format("update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \"{}\"",
                                     parent.table->name, reference.key->name, child.name))
        .with_detail(fmt::format("Key ({})=({}) is still referenced from table \"{}\".",
                                 names_of(*parent.table, reference.key->parent_columns),
                                 values_of(*parent.table, reference.key->parent_columns, parent.values), child.name))
        .about(child.schema, child.name, "", reference.key->name);
  for (const auto& row : children) {
    if (action == Action::kCascade && parent.now.empty()) {
      TRY(erase(child, row));
      continue;
    }
    sql::Row values = row.values;
    for (std::size_t i = 0; i < reference.key->columns.size(); ++i) {
      const auto column = reference.key->columns[i];
      if (action == Action::kCascade) values[column] = parent.now[reference.key->parent_columns[i]];
      else values[column] = sql::Value();
      if (!values[column].is_null() || !child.columns[column].not_null) continue;
      return sql::SqlError(sql::state::kNotNullViolation,
                           fmt::format("null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                                       child.columns[column].name, child.name))
          .about(child.schema, child.name, child.columns[column].name, "");
    }
    TRY(update(child, row, std::move(values)));
  }
  return {};
}

}  // namespace isobar::db
