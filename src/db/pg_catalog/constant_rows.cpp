// Types, schemas, roles, the database, and what every PostgreSQL has.

#include "rows.h"

namespace isobar::db {
namespace {

using sql::Kind;

void add_type(const sql::Type& type, CatalogRows& rows) {
  const sql::Oid id = sql::oid_of(type);
  if (id == 0) return;
  const bool array = type.kind == Kind::kArray && type.element != Kind::kUnknown;
  const bool pseudo =
      type.kind == Kind::kRecord || type.kind == Kind::kVoid || type.kind == Kind::kUnknown || (type.kind == Kind::kArray && !array);
  const auto size = sql::size_of(type);
  const sql::Oid of_array = array || (pseudo && type.kind != Kind::kRecord) ? 0 : sql::oid_of(sql::array_of(type.kind));
  const char category = pseudo ? (type.kind == Kind::kUnknown ? 'X' : 'P') : sql::category_of(type);
  auto row = rows.add();
  row("oid", id)("typname", sql::catalog_name(type))("typnamespace", kCatalogSchema)("typowner", kFirstRole)("typlen", size)(
      "typbyval", size > 0 && size <= 8)("typtype", pseudo ? "p" : "b");
  row("typcategory", std::string_view(&category, 1))("typispreferred", !array && sql::is_preferred(type))("typisdefined", true)(
      "typdelim", ",")("typelem", array ? sql::oid_of(sql::type_of(type.element)) : 0);
  row("typarray", of_array)("typalign", size == 1   ? "c"
                                        : size == 2 ? "s"
                                        : size == 8 ? "d"
                                                    : "i")("typstorage", size > 0 ? "p" : "x")("typtypmod", -1)(
      "typcollation", category == 'S' ? kDefaultCollation : 0);
}

void add_types(CatalogRows& rows) {
  for (int kind = 0; kind <= static_cast<int>(Kind::kVoid); ++kind) {
    const auto each = static_cast<Kind>(kind);
    add_type(sql::type_of(each), rows);
    if (each != Kind::kArray && each != Kind::kUnknown && each != Kind::kVoid) add_type(sql::array_of(each), rows);
  }
}

void add_schemas(const CatalogView& view, CatalogRows& rows) {
  rows.add()("oid", kCatalogSchema)("nspname", "pg_catalog")("nspowner", kFirstRole);
  rows.add()("oid", kInformationSchema)("nspname", "information_schema")("nspowner", kFirstRole);
  for (const auto& [name, schema] : view.schema.schemas)
    rows.add()("oid", schema.id)("nspname", name)("nspowner", role_id(view, schema.owner))("nspacl", acl_array(schema.acl));
}

void add_roles(const CatalogView& view, CatalogRows& rows) {
  for (const auto& [name, role] : view.schema.roles)
    rows.add()("oid", role.id)("rolname", name)("rolsuper", role.superuser)("rolinherit", role.inherit)("rolcreaterole", role.create_role)(
        "rolcreatedb", role.create_db)("rolcanlogin", role.login)("rolconnlimit", -1)("rolreplication", role.id == kFirstRole)(
        "rolbypassrls", role.id == kFirstRole)("rolpassword", role.password.empty() ? sql::Value() : sql::Value(std::string("********")));
}

void add_members(const CatalogView& view, CatalogRows& rows) {
  for (const auto& [name, role] : view.schema.roles)
    for (const auto& group : role.member_of) rows.add()("roleid", role_id(view, group))("member", role.id)("grantor", kFirstRole);
}

void add_database(const CatalogView& view, CatalogRows& rows) {
  rows.add()("oid", kTheDatabase)("datname", view.session.database)("datdba", kFirstRole)("encoding", 6)("datlocprovider", "c")(
      "datallowconn", true)("datconnlimit", -1)("dattablespace", kDefaultTablespace)("datcollate", "C")("datctype", "C");
}

void add_functions(const CatalogView& view, CatalogRows& rows) {
  if (view.functions == nullptr) return;
  sql::Oid id = 0x20000000;
  const auto type_of = [](const sql::Parameter& parameter) -> sql::Oid {
    switch (parameter.what) {
      case sql::Parameter::What::kType: return sql::oid_of(parameter.type);
      case sql::Parameter::What::kAny: return 2276;
      case sql::Parameter::What::kAnyElement: return 2283;
      case sql::Parameter::What::kAnyNonArray: return 2776;
      case sql::Parameter::What::kAnyArray: return 2277;
      case sql::Parameter::What::kAnyCompatible: return 5077;
      case sql::Parameter::What::kAnyCompatibleArray: return 5078;
    }
    return 0;
  };
  view.functions->each([&](const sql::Function& function, bool is_operator) {
    if (is_operator) return;
    std::vector<std::int64_t> arguments;
    for (const auto& parameter : function.parameters) arguments.push_back(type_of(parameter));
    const char volatility = function.volatility == sql::Volatility::kImmutable ? 'i'
                            : function.volatility == sql::Volatility::kStable  ? 's'
                                                                               : 'v';
    rows.add()("oid", ++id)("proname", function.name)("pronamespace", kCatalogSchema)("proowner", kFirstRole)("prolang", 12)(
        "procost", sql::Value(1.0))("prokind", "f")("proisstrict", function.strict)("provolatile", std::string_view(&volatility, 1))(
        "proparallel", "s")("pronargs", arguments.size())("pronargdefaults", function.defaults)("prorettype", type_of(function.result))(
        "proargtypes", array_of_integers(Kind::kOid, arguments, 0))("prosrc", function.name);
  });
}

}  // namespace

bool add_constant_rows(const sql::Table& table, const CatalogView& view, CatalogRows& rows) {
  const std::string_view name = table.name;
  if (name == "pg_type") return add_types(rows), true;
  if (name == "pg_namespace") return add_schemas(view, rows), true;
  if (name == "pg_roles" || name == "pg_authid") return add_roles(view, rows), true;
  if (name == "pg_auth_members") return add_members(view, rows), true;
  if (name == "pg_database") return add_database(view, rows), true;
  if (name == "pg_proc") return add_functions(view, rows), true;
  if (name == "pg_am") {
    rows.add()("oid", kHeap)("amname", "heap")("amtype", "t");
    rows.add()("oid", kBtree)("amname", "btree")("amtype", "i");
    return true;
  }
  if (name == "pg_collation") {
    rows.add()("oid", kDefaultCollation)("collname", "default")("collnamespace", kCatalogSchema)("collowner", kFirstRole)(
        "collprovider", "d")("collisdeterministic", true)("collencoding", -1);
    rows.add()("oid", 950)("collname", "C")("collnamespace", kCatalogSchema)("collowner", kFirstRole)("collprovider", "c")(
        "collisdeterministic", true)("collencoding", -1)("collcollate", "C")("collctype", "C");
    return true;
  }
  if (name == "pg_tablespace") return rows.add()("oid", kDefaultTablespace)("spcname", "pg_default")("spcowner", kFirstRole), true;
  if (name == "pg_language") {
    rows.add()("oid", 12)("lanname", "internal")("lanowner", kFirstRole);
    rows.add()("oid", 14)("lanname", "sql")("lanowner", kFirstRole)("lanpltrusted", true);
    return true;
  }
  return false;
}

}  // namespace isobar::db
