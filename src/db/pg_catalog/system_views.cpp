// The views of pg_catalog that people look at: pg_tables, pg_indexes, pg_settings and so on.

#include "rows.h"

namespace isobar::db {
namespace {

void add_settings(const CatalogView& view, CatalogRows& rows) {
  for (const auto& [name, value, about] : view.session.settings)
    rows.add()("name", name)("setting", value)("category", "Session")("short_desc", about)("context", "user")("vartype", "string")(
        "source", "session")("reset_val", value)("boot_val", value)("pending_restart", false);
}

void add_activity(const CatalogView& view, CatalogRows& rows) {
  const auto& session = view.session;
  rows.add()("datid", kTheDatabase)("datname", session.database)("pid", session.backend_pid)("usesysid", role_id(view, session.user))(
      "usename", session.user)("application_name", session.application)("client_addr", session.client_address)(
      "backend_start", session.started_at)("state", "active")("backend_type", "client backend");
}

void add_users(const CatalogView& view, CatalogRows& rows) {
  for (const auto& [name, role] : view.schema.roles)
    if (role.login)
      rows.add()("usename", name)("usesysid", role.id)("usecreatedb", role.create_db)("usesuper", role.superuser)("userepl", false)(
          "usebypassrls", false)("passwd", "********");
}

std::string_view shown_owner(const Relation& relation) {
  return relation.object != nullptr     ? std::string_view(relation.object->owner)
         : relation.sequence != nullptr ? std::string_view(relation.sequence->owner)
                                        : "";
}

void add_relation(const std::string_view name, const Relation& relation, CatalogRows& rows) {
  if (name == "pg_tables" && relation.kind == 'r')
    rows.add()("schemaname", relation.schema_name)("tablename", relation.name)("tableowner", shown_owner(relation))(
        "hasindexes", !relation.table->indexes.empty())("hasrules", false)("hastriggers", !relation.table->foreign_keys.empty())(
        "rowsecurity", false);
  if (name == "pg_views" && relation.kind == 'v' && relation.object != nullptr)
    rows.add()("schemaname", relation.schema_name)("viewname", relation.name)("viewowner", shown_owner(relation))(
        "definition", relation.table->view_query);
  if (name == "pg_indexes" && relation.kind == 'i')
    rows.add()("schemaname", relation.schema_name)("tablename", relation.table->name)("indexname", relation.name)(
        "indexdef", index_definition(relation, 0));
  if (name == "pg_sequences" && relation.kind == 'S') {
    const auto& sequence = relation.sequence->sequence;
    rows.add()("schemaname", relation.schema_name)("sequencename", relation.name)("sequenceowner", shown_owner(relation))(
            "data_type", sql::oid_of(sequence.type))("start_value", sequence.start)("min_value", sequence.least)(
            "max_value", sequence.most)("increment_by", sequence.increment)("cycle", sequence.cycle)("cache_size", 1)
        .null("last_value");
  }
  if (name == "pg_stat_user_tables" && relation.kind == 'r' && relation.object != nullptr)
    rows.add()("relid", relation.id)("schemaname", relation.schema_name)("relname", relation.name)(
        "n_live_tup", static_cast<std::int64_t>(relation.table->rows_estimated));
}

}  // namespace

bool add_system_views(const sql::Table& table, const CatalogView& view, CatalogRows& rows) {
  const std::string_view name = table.name;
  if (name == "pg_settings") return add_settings(view, rows), true;
  if (name == "pg_stat_activity") return add_activity(view, rows), true;
  if (name == "pg_user") return add_users(view, rows), true;
  each_relation(view, [&](const Relation& relation) { add_relation(name, relation, rows); });
  return true;
}

}  // namespace isobar::db
