#pragma once

/// Rows of catalogs, built field by field.

#include <map>
#include <string>
#include <string_view>

#include "db/pg_catalog.h"

namespace isobar::db {

/// PostgreSQL's numbers of what every database has.
inline constexpr sql::Oid kCatalogSchema = 11, kInformationSchema = 13207, kFirstRole = 10, kHeap = 2, kBtree = 403,
                          kDefaultCollation = 100, kDefaultTablespace = 1663, kTheDatabase = 16383, kClassCatalog = 1259,
                          kTypeCatalog = 1247, kNamespaceCatalog = 2615, kConstraintCatalog = 2606;

/// One row, its fields set by name: row("relname", name)("relkind", "r").
class RowFields {
 public:
  RowFields(const std::map<std::string_view, std::size_t>& places, sql::Row& row) : places_(places), row_(row) {}
  RowFields& operator()(std::string_view name, sql::Value value) { return at(name) = std::move(value), *this; }
  RowFields& operator()(std::string_view name, std::string_view text) { return (*this)(name, sql::Value(std::string(text))); }
  RowFields& operator()(std::string_view name, const std::string& text) { return (*this)(name, std::string_view(text)); }
  RowFields& operator()(std::string_view name, const char* text) { return (*this)(name, std::string_view(text)); }
  RowFields& operator()(std::string_view name, bool value) { return (*this)(name, sql::Value(value)); }
  template <class Integer>
  requires(std::is_integral_v<Integer>) RowFields& operator()(std::string_view name, Integer value) {
    return (*this)(name, sql::Value(static_cast<std::int64_t>(value)));
  }
  RowFields& null(std::string_view name) { return (*this)(name, sql::Value()); }

 private:
  sql::Value& at(std::string_view name);
  const std::map<std::string_view, std::size_t>& places_;
  sql::Row& row_;
};

/// All rows of one table. A field that is not set is null in a view; in a table it is 0, false or empty, where its type has one of these.
class CatalogRows {
 public:
  explicit CatalogRows(const sql::Table& table);
  RowFields add();
  std::vector<sql::Row> take() { return std::move(rows_); }

 private:
  std::map<std::string_view, std::size_t> places_;
  sql::Row blank_;
  std::vector<sql::Row> rows_;
};

/// A vector as the catalogs have them: its first subscript is `low`.
sql::Value array_of_integers(sql::Kind element, const std::vector<std::int64_t>& values, std::int32_t low);
sql::Value array_of_strings(sql::Kind element, const std::vector<std::string>& values);
/// An aclitem[]; null where nothing was ever granted.
sql::Value acl_array(const std::vector<AclItem>& acl);

// What has no number of its own gets one made of its table's.
sql::Oid check_id(sql::Oid table, std::size_t which);
sql::Oid default_id(sql::Oid table, std::uint32_t column);

sql::Oid schema_id(const CatalogView& view, const std::string& name);
sql::Oid role_id(const CatalogView& view, const std::string& name);
std::string role_name(const CatalogView& view, sql::Oid id);

/// Each relation that pg_class lists.
struct Relation {
  sql::Oid id = 0, schema = 0;
  std::string_view schema_name, name;
  char kind = 'r';
  const TableObject* object = nullptr;  ///< of a table or view, and of an index: the table it is of
  const sql::Table* table = nullptr;    ///< also of a catalog
  const sql::Index* index = nullptr;
  const SequenceObject* sequence = nullptr;
};
void each_relation(const CatalogView& view, const std::function<void(const Relation&)>& see);
std::optional<Relation> relation_of(const CatalogView& view, sql::Oid id);
bool is_visible(const CatalogView& view, const Relation& relation);

/// Whether a role may, by its own right, its groups' or everybody's. letters  any of them is enough
bool has_privilege(const CatalogView& view, const std::string& role, const std::string& owner, const std::vector<AclItem>& acl,
                   std::string_view letters);

// Texts of definitions, as PostgreSQL writes them.
std::string quoted(std::string_view name);
/// qualified  the table with its schema
std::string index_definition(const Relation& index, std::size_t column,
                             bool qualified = true);  ///< column  0: all of it; else that column alone
std::string key_definition(const sql::Table& table, const sql::Index& index);
std::string foreign_key_definition(const CatalogView& view, const sql::Table& table, const sql::ForeignKey& key);
/// pretty  without the parentheses that PostgreSQL adds
inline std::string check_definition(const sql::Check& check, bool pretty = false) {
  return (pretty ? "CHECK (" : "CHECK ((") + check.expression + (pretty ? ")" : "))");
}

/// The index of the parent that makes what a foreign key points to unique.
const sql::Index* index_of_parent(const CatalogView& view, const sql::ForeignKey& key);

// The makers of rows, by groups. Each tells whether the table is its.
bool add_relation_rows(const sql::Table& table, const CatalogView& view, CatalogRows& rows);
bool add_constant_rows(const sql::Table& table, const CatalogView& view, CatalogRows& rows);
bool add_system_views(const sql::Table& table, const CatalogView& view, CatalogRows& rows);
bool add_information_schema(const sql::Table& table, const CatalogView& view, CatalogRows& rows);

}  // namespace isobar::db
