// What a statement may ask of its session, and of its arguments' types.

#include <fmt/format.h>

#include "built_ins.h"
#include "texts.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

constexpr FunctionOptions kStable{.volatility = Volatility::kStable}, kLax{.strict = false};

std::int64_t nulls(const Call& call, bool wanted) {
  std::int64_t count = 0;
  for (std::size_t place = 0; place < call.size(); ++place) count += call.has(place) == wanted ? 0 : 1;
  return count;
}

SqlResult<std::optional<std::string>> setting(const Call& call) {
  if (!call.session.setting) return SqlError(state::kFeatureNotSupported, "current_setting() is not supported here");
  auto value = call.session.setting(call[0].text());
  if (!value && call.size() > 1 && call[1].boolean()) return std::optional<std::string>();
  if (!value) return value.error();
  return std::optional(*std::move(value));
}

std::optional<std::string> current_schema(const Call& call) {
  if (call.session.search_path.empty()) return std::nullopt;
  return call.session.search_path.front();
}
Value current_schemas(const Call& call, bool with_implicit) {
  std::vector<Value> names;
  if (with_implicit) names.emplace_back(std::string("pg_catalog"));
  for (const auto& name : call.session.search_path) names.emplace_back(std::string(name));
  return array_of_values(Kind::kName, std::move(names));
}

}  // namespace

void add_session_functions(FunctionSet& set) {
  const Evaluate user = wrap<[](const Call& call) { return call.session.user; }>;
  for (const auto* name : {"current_user", "current_role", "user"}) set.add(fmt::format("{}() name", name), user, kStable);
  set.add("session_user() name", wrap<[](const Call& call) { return call.session.session_user; }>, kStable);
  for (const auto* name : {"current_database", "current_catalog"})
    set.add(fmt::format("{}() name", name), wrap<[](const Call& call) { return call.session.database; }>, kStable);
  set.add("current_schema() name", wrap<current_schema>, kStable), set.add("current_schemas(bool) _name", wrap<current_schemas>, kStable);
  set.add("current_setting(text) text", wrap<setting>, kStable), set.add("current_setting(text, bool) text", wrap<setting>, kStable);
  set.add("gen_random_uuid() uuid", wrap<[](const Call& call) -> SqlResult<Uuid> {
            if (!call.session.new_uuid) return SqlError(state::kFeatureNotSupported, "gen_random_uuid() is not supported here");
            return call.session.new_uuid();
          }>,
          {.volatility = Volatility::kVolatile});
  set.add("pg_typeof(any) regtype", wrap<[](const Call& call) { return std::int64_t{oid_of(call.type(0))}; }>,
          {.strict = false, .volatility = Volatility::kStable});
  set.add("num_nulls(variadic any) int4", wrap<[](const Call& call) { return nulls(call, true); }>, kLax),
      set.add("num_nonnulls(variadic any) int4", wrap<[](const Call& call) { return nulls(call, false); }>, kLax);
}

}  // namespace isobar::sql
