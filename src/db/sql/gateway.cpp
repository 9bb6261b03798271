#include <fmt/format.h>

#include "db/scram.h"
#include "gateway_session.h"

namespace isobar::db {

Gateway::Gateway(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Gateway::~Gateway() = default;

SqlResult<std::unique_ptr<Gateway>> Gateway::open(KeyDatabase& database, GatewayOptions options) {
  auto inside = std::make_unique<Inside>(database, std::move(options));
  TRY(inside->schema.begin(inside->options.owner));
  TRY(inside->schema.current());
  inside->functions = sql::FunctionSet::built_in();
  inside->find_virtual = find_catalog_table;
  add_catalog_functions(inside->functions, []() -> const CatalogView& { return GatewaySession::current()->catalog_view(); });
  return std::unique_ptr<Gateway>(new Gateway(std::move(inside)));
}

SqlResult<Admission> Gateway::admit(const Startup& startup) {
  if (startup.database != inside_->options.database)
    return SqlError(sql::state::kInvalidCatalogName, fmt::format("database \"{}\" does not exist", startup.database))
        .with_hint(fmt::format("There is one database, \"{}\".", inside_->options.database));
  TRY_ASSIGN(const SchemaPtr schema, inside_->schema.refreshed());
  const auto role = schema->roles.find(startup.user);
  if (inside_->options.trust) {
    if (role != schema->roles.end() && role->second.login) return Admission{};
    return SqlError(sql::state::kInvalidAuthorizationSpecification, fmt::format("role \"{}\" does not exist", startup.user));
  }
  // Who is not there, may not log in or has no password fails like one whose password is wrong.
  if (role != schema->roles.end() && role->second.login)
    if (auto verifier = parse_scram(role->second.password)) return Admission{std::move(*verifier)};
  return Admission{made_up_verifier(startup.user)};
}

SqlResult<std::unique_ptr<SqlSession>> Gateway::open(const Startup& startup) {
  auto session = std::make_unique<GatewaySession>(*inside_, startup);
  TRY(session->begin(startup));
  return std::unique_ptr<SqlSession>(std::move(session));
}

}  // namespace isobar::db
