#include "db/schema.h"

#include <fmt/format.h>

#include "db/canonical.h"
#include "db/key_layout.h"

namespace isobar::db {

namespace {

// Numbers of any kind go as 64 bits.
template <class Io, class T>
void number(Io& io, T& value) {
  if constexpr (std::is_const_v<T> || std::same_as<Io, Encoder>) {
    io(static_cast<std::uint64_t>(value));
  } else {
    std::uint64_t wide = 0;
    io(wide);
    value = static_cast<T>(wide);
  }
}

template <class Io, class List>
void numbers(Io& io, List& list) {
  std::vector<std::uint64_t> wide(list.begin(), list.end());
  io(wide);
  if constexpr (std::same_as<Io, Decoder>) {
    list.clear();
    for (const auto each : wide) list.push_back(static_cast<typename List::value_type>(each));
  }
}

}  // namespace

}  // namespace isobar::db

namespace isobar::sql {

template <class Io>
void describe(Io& io, db::Like<Type> auto& type) {
  db::number(io, type.kind);
  db::number(io, type.element);
  db::number(io, type.modifier);
}
template <class Io>
void describe(Io& io, db::Like<Column> auto& column) {
  io(column.name)(column.type)(column.not_null)(column.default_expression);
  db::number(io, column.identity);
  io(column.generated)(column.dropped);
}
template <class Io>
void describe(Io& io, db::Like<Index> auto& index) {
  io(index.id)(index.name);
  db::numbers(io, index.columns);
  db::numbers(io, index.descending);
  io(index.unique)(index.primary)(index.constraint);
}
template <class Io>
void describe(Io& io, db::Like<Check> auto& check) {
  io(check.name)(check.expression);
}
template <class Io>
void describe(Io& io, db::Like<ForeignKey> auto& key) {
  io(key.id)(key.name);
  db::numbers(io, key.columns);
  io(key.parent);
  db::numbers(io, key.parent_columns);
  db::number(io, key.on_delete);
  db::number(io, key.on_update);
  io(key.deferrable)(key.initially_deferred);
}
template <class Io>
void describe(Io& io, db::Like<Table> auto& table) {
  db::number(io, table.what);
  io(table.id)(table.schema)(table.name)(table.columns)(table.indexes)(table.checks)(table.foreign_keys)(table.view_query);
}
template <class Io>
void describe(Io& io, db::Like<Sequence> auto& sequence) {
  io(sequence.id)(sequence.schema)(sequence.name)(sequence.type);
  db::number(io, sequence.start);
  db::number(io, sequence.increment);
  db::number(io, sequence.least);
  db::number(io, sequence.most);
  io(sequence.cycle);
}

}  // namespace isobar::sql

namespace isobar::db {

template <class Io>
void describe(Io& io, Like<AclItem> auto& item) {
  io(item.grantee)(item.privileges)(item.grantable)(item.grantor);
}

namespace {

/// One value of `s/o/`. A table's name for a sequence's is told by which of the two is there.
struct Entry {
  std::optional<sql::Table> table;
  std::optional<sql::Sequence> sequence;
  std::uint32_t storage = 0, of_table = 0, of_column = 0;
  bool internal = false;
  std::string owner, comment;
  std::vector<std::string> column_comments;
  std::vector<AclItem> acl;
};
template <class Io>
void describe(Io& io, Like<Entry> auto& e) {
  io(e.table)(e.sequence)(e.storage)(e.of_table)(e.of_column)(e.internal)(e.owner)(e.comment)(e.column_comments)(e.acl);
}

}  // namespace

template <class Io>
void describe(Io& io, Like<SchemaObject> auto& schema) {
  io(schema.owner)(schema.acl)(schema.id);
}
template <class Io>
void describe(Io& io, Like<RoleObject> auto& role) {
  io(role.id)(role.superuser)(role.login)(role.create_role)(role.create_db)(role.inherit)(role.password);
  std::vector<std::string> member_of(role.member_of.begin(), role.member_of.end());
  io(member_of);
  if constexpr (std::same_as<Io, Decoder>) role.member_of = {member_of.begin(), member_of.end()};
}

std::string encode_object(const TableObject& object) {
  Entry entry;
  entry.table = *object.table;
  entry.storage = object.storage;
  entry.owner = object.owner;
  entry.comment = object.comment;
  entry.column_comments.resize(object.table->columns.size());
  for (const auto& [place, text] : object.column_comments) entry.column_comments.at(place) = text;
  entry.acl = object.acl;
  return encode(entry);
}

std::string encode_object(const SequenceObject& object) {
  Entry entry;
  entry.sequence = object.sequence;
  entry.of_table = object.of_table;
  entry.of_column = object.of_column;
  entry.internal = object.internal;
  entry.owner = object.owner;
  entry.acl = object.acl;
  return encode(entry);
}

std::string encode_object(const SchemaObject& object) { return encode(object); }
std::string encode_object(const RoleObject& object) { return encode(object); }

const TableObject* SchemaSnapshot::table_named(const std::string& schema, const std::string& name) const {
  const auto id = names.find({schema, name});
  const auto found = id == names.end() ? tables.end() : tables.find(id->second);
  return found == tables.end() ? nullptr : &found->second;
}

const TableObject* SchemaSnapshot::table_of_index(const std::string& schema, const std::string& name) const {
  for (const auto& [id, object] : tables)
    for (const auto& index : object.table->indexes)
      if (object.table->schema == schema && index.name == name) return &object;
  return nullptr;
}

std::vector<SchemaSnapshot::Reference> SchemaSnapshot::references_to(sql::Oid table) const {
  std::vector<Reference> found;
  for (const auto& [id, object] : tables)
    for (const auto& foreign : object.table->foreign_keys)
      if (foreign.parent == table) found.push_back({object.table, &foreign});
  return found;
}

void SchemaSnapshot::index_names() {
  names.clear();
  for (const auto& [id, object] : tables) {
    names.emplace(std::pair(object.table->schema, object.table->name), id);
    for (const auto& index : object.table->indexes) names.emplace(std::pair(object.table->schema, index.name), index.id);
  }
  for (const auto& [id, object] : sequences) names.emplace(std::pair(object.sequence.schema, object.sequence.name), id);
}

namespace {

Error damaged(std::string_view what) { return {Code::kDataLoss, fmt::format("the schema's entry of {} is damaged", what)}; }

Status take_object(SchemaSnapshot& schema, std::string_view bytes) {
  auto entry = decode<Entry>(bytes);
  if (!entry.ok() || entry->table.has_value() == entry->sequence.has_value()) return damaged("an object");
  if (entry->sequence) {
    const sql::Oid id = entry->sequence->id;
    schema.sequences[id] = {std::move(*entry->sequence), entry->owner, entry->of_table, entry->of_column, entry->internal, entry->acl};
    return {};
  }
  TableObject object{
      std::make_shared<const sql::Table>(std::move(*entry->table)), entry->storage, entry->owner, entry->comment, {}, entry->acl};
  for (std::uint32_t i = 0; i < entry->column_comments.size(); ++i)
    if (!entry->column_comments[i].empty()) object.column_comments[i] = entry->column_comments[i];
  const sql::Oid id = object.table->id;
  schema.tables[id] = std::move(object);
  return {};
}

Result<std::uint64_t> number_in(std::string_view bytes, std::string_view what) {
  const auto number = decode<std::uint64_t>(bytes);
  if (!number.ok()) return damaged(what);
  return *number;
}

}  // namespace

Result<SchemaPtr> read_schema(const std::vector<std::pair<std::string, std::string>>& entries, ReadValue version) {
  auto schema = std::make_shared<SchemaSnapshot>();
  for (const auto& [name, bytes] : entries) {
    const std::string_view key = name;
    if (key == key::kVersion) {
      TRY_ASSIGN(schema->number, number_in(bytes, "its version"));
    } else if (key == key::kNext) {
      TRY_ASSIGN(const auto next, number_in(bytes, "the next number"));
      schema->next = static_cast<sql::Oid>(next);
    } else if (key.starts_with("s/o/")) {
      TRY(take_object(*schema, bytes));
    } else if (key.starts_with("s/n/")) {
      auto object = decode<SchemaObject>(bytes);
      if (!object.ok()) return damaged(key);
      schema->schemas[std::string(key.substr(4))] = std::move(*object);
    } else if (key.starts_with("s/r/")) {
      auto object = decode<RoleObject>(bytes);
      if (!object.ok()) return damaged(key);
      schema->roles[std::string(key.substr(4))] = std::move(*object);
    }
  }
  schema->version = std::move(version);
  schema->index_names();
  return SchemaPtr(std::move(schema));
}

std::vector<std::pair<std::string, std::string>> first_schema(const std::string& owner) {
  RoleObject role;
  role.id = 10;
  role.superuser = role.login = role.create_role = role.create_db = true;
  return {{key::kVersion, encode(std::uint64_t{1})},
          {key::kNext, encode(std::uint64_t{kFirstOid})},
          {key::schema("public"), encode(SchemaObject{owner, {{"", "U", "", owner}}, 2200})},
          {key::role(owner), encode(role)}};
}

}  // namespace isobar::db
