#pragma once

/// pg_catalog and information_schema: the schema as tables, for psql's \d, for drivers and for whoever maps objects to tables. Their rows
/// are made up when they are asked for. What there is none of here (triggers, policies, extensions …) is an empty table.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/schema.h"
#include "sql/catalog.h"
#include "sql/function_set.h"
#include "sql/value.h"

namespace isobar::db {

/// Who asks.
struct CatalogSession {
  std::string user, database;
  std::int32_t backend_pid = 0;
  std::vector<std::string> search_path;                ///< schemas, "$user" replaced
  std::vector<std::array<std::string, 3>> settings;    ///< name, value, what it is for
  std::int64_t started_at = 0, server_started_at = 0;  ///< as of timestamptz
  std::string application, client_address;
  /// set_config(name, value, local): returns the value as it is now. None: it is not supported
  std::function<sql::SqlResult<std::string>(std::string_view name, std::string value, bool local)> set;
};
/// All of them outlive it.
struct CatalogView {
  const SchemaSnapshot& schema;
  const CatalogSession& session;
  const sql::FunctionSet* functions = nullptr;  ///< of pg_proc; none: it is empty
};

/// Numbers as in PostgreSQL 15: pg_class is 1259. The same pointer each time. None: there is no such table
std::shared_ptr<const sql::Table> find_catalog_table(std::string_view schema, std::string_view name);
/// table  one of the above. Cost: as many steps as there are objects of its kind
sql::SqlResult<std::vector<sql::Row>> catalog_rows(const sql::Table& table, const CatalogView& view);

/// Functions that ask the schema (pg_get_indexdef, pg_table_is_visible, obj_description …) or the server (version, pg_backend_pid …), and
/// the casts of names to regclass, regtype and so on, and back. view  gives that of the session for which a statement runs; it is called in
/// the thread that runs it
void add_catalog_functions(sql::FunctionSet& set, std::function<const CatalogView&()> view);

/// How a regclass, regproc, regtype, regnamespace or regrole is printed: by name, qualified where the search path does not find it. 0 is
/// "-", an unknown number itself.
std::string regobject_text(const CatalogView& view, sql::Kind kind, sql::Oid id);
/// Errors   42P01, 42704, 3F000, 42883: there is none of that name; 42602: it is no name
sql::SqlResult<sql::Oid> regobject_named(const CatalogView& view, sql::Kind kind, std::string_view text);

}  // namespace isobar::db
