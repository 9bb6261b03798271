#pragma once

/// The schema of a SQL database as of one moment, and how it is kept among the keys. A snapshot never changes: whoever alters the schema
/// makes another one, beside the keys that say the same.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "db/read_quorum.h"
#include "sql/catalog.h"

namespace isobar::db {

/// One grant: `privileges` as PostgreSQL's letters ("arwdDxt"), of a sequence "rwU", of a schema "UC".
struct AclItem {
  std::string grantee;  ///< empty: PUBLIC
  std::string privileges, grantable;
  std::string grantor;
};

struct TableObject {
  std::shared_ptr<const sql::Table> table;
  std::uint32_t storage = 0;
  std::string owner, comment;
  std::map<std::uint32_t, std::string> column_comments;  ///< by place
  std::vector<AclItem> acl;
};

struct SequenceObject {
  sql::Sequence sequence;
  std::string owner;
  sql::Oid of_table = 0;  ///< it goes with the column that it numbers; 0: with none
  std::uint32_t of_column = 0;
  bool internal = false;  ///< of an identity column
  std::vector<AclItem> acl;
};

struct SchemaObject {
  std::string owner;
  std::vector<AclItem> acl;
  sql::Oid id = 0;
};

struct RoleObject {
  sql::Oid id = 0;
  bool superuser = false, login = false, create_role = false, create_db = false, inherit = true;
  std::string password;  ///< a SCRAM verifier in PostgreSQL's form; empty: none
  std::set<std::string> member_of;
};

struct SchemaSnapshot {
  ReadValue version;  ///< of key::kVersion: what a transaction that uses this takes for granted
  std::uint64_t number = 0;
  sql::Oid next = 0;
  std::map<sql::Oid, TableObject> tables;
  std::map<sql::Oid, SequenceObject> sequences;
  std::map<std::string, SchemaObject> schemas;
  std::map<std::string, RoleObject> roles;
  std::map<std::pair<std::string, std::string>, sql::Oid> names;  ///< of relations, also of indexes, by schema and name

  const TableObject* table_named(const std::string& schema, const std::string& name) const;
  const TableObject* table_of_index(const std::string& schema, const std::string& name) const;
  /// Foreign keys of others that point to it.
  struct Reference {
    std::shared_ptr<const sql::Table> child;
    const sql::ForeignKey* key;
  };
  std::vector<Reference> references_to(sql::Oid table) const;
  /// After tables, sequences or indexes were changed by hand.
  void index_names();
};
using SchemaPtr = std::shared_ptr<const SchemaSnapshot>;

std::string encode_object(const TableObject& object);
std::string encode_object(const SequenceObject& object);
std::string encode_object(const SchemaObject& object);
std::string encode_object(const RoleObject& object);

/// From all keys of [key::kSchema, key::kSchemaEnd). Errors   kDataLoss: which is damaged
Result<SchemaPtr> read_schema(const std::vector<std::pair<std::string, std::string>>& entries, ReadValue version);

/// What a database begins with: the schema public, and the role that made it. As keys and values.
std::vector<std::pair<std::string, std::string>> first_schema(const std::string& owner);

/// Objects that users make are numbered from here.
inline constexpr sql::Oid kFirstOid = 16384;

}  // namespace isobar::db
