// Functions that ask the schema or the server. Each is given the view of the session that its statement runs for.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "rows.h"
#include "sql/session_values.h"

namespace isobar::db {
namespace {

using sql::Call;
using sql::FunctionOptions;
using sql::FunctionSet;
using sql::Kind;
using sql::SqlError;
using sql::SqlResult;
using sql::SqlStatus;
using sql::Value;
using ViewOf = std::function<const CatalogView&()>;
using Text = std::optional<std::string>;

constexpr FunctionOptions kStable{.volatility = sql::Volatility::kStable},
    kStableLax{.strict = false, .volatility = sql::Volatility::kStable};

sql::Oid oid_at(const Call& call, std::size_t place) { return static_cast<sql::Oid>(call[place].integer()); }
void give(Value& result, Text text) {
  if (text) result.set(*std::move(text));
  else result.set_null();
}

/// Adds functions of a view, each with what it makes of a call.
class Adder {
 public:
  Adder(FunctionSet& set, ViewOf view) : set_(set), view_(std::move(view)) {}
  void text(std::string_view signature, Text (*of)(const CatalogView&, const Call&)) {
    set_.add_outside(
        signature, [view = view_, of](const Call& call, Value& result) { return give(result, of(view(), call)), SqlStatus(); }, kStable);
  }
  void truth(std::string_view signature, std::optional<bool> (*of)(const CatalogView&, const Call&)) {
    set_.add_outside(
        signature,
        [view = view_, of](const Call& call, Value& result) {
          const auto answer = of(view(), call);
          if (answer) result.set(*answer);
          else result.set_null();
          return SqlStatus();
        },
        kStable);
  }
  void any(std::string_view signature, SqlStatus (*of)(const CatalogView&, const Call&, Value&), FunctionOptions options = kStable) {
    set_.add_outside(
        signature, [view = view_, of](const Call& call, Value& result) { return of(view(), call, result); }, options);
  }
  /// The same whatever it is asked.
  template <class Made>
  void always(std::string_view signature, Made made, FunctionOptions options = kStable) {
    set_.add_outside(
        signature, [made](const Call&, Value& result) { return result.set(made), SqlStatus(); }, options);
  }
  void refused(std::string_view signature, const std::string& what) {
    set_.add_outside(signature, [what](const Call&, Value&) -> SqlStatus { return SqlError(sql::state::kFeatureNotSupported, what); },
                     {.strict = false, .volatility = sql::Volatility::kVolatile});
  }
  FunctionSet& set() { return set_; }
  const ViewOf& view() const { return view_; }

 private:
  FunctionSet& set_;
  ViewOf view_;
};

// --- definitions ---

Text index_text(const CatalogView& view, const Call& call) {
  const auto relation = relation_of(view, oid_at(call, 0));
  if (!relation || relation->index == nullptr) return std::nullopt;
  const bool pretty = call.size() > 2 && call[2].boolean();
  return index_definition(*relation, call.size() > 1 ? static_cast<std::size_t>(call[1].integer()) : 0,
                          !(pretty && is_visible(view, *relation_of(view, relation->table->id))));
}

Text constraint_text(const CatalogView& view, const Call& call) {
  const sql::Oid id = oid_at(call, 0);
  for (const auto& [table_id, object] : view.schema.tables) {
    for (const auto& index : object.table->indexes)
      if (index.id == id) return key_definition(*object.table, index);
    for (const auto& key : object.table->foreign_keys)
      if (key.id == id) return foreign_key_definition(view, *object.table, key);
    for (std::size_t which = 0; which < object.table->checks.size(); ++which)
      if (check_id(table_id, which) == id) return check_definition(object.table->checks[which], call.size() > 1 && call[1].boolean());
  }
  return std::nullopt;
}

Text view_text(const CatalogView& view, const Call& call) {
  const auto relation = relation_of(view, oid_at(call, 0));
  if (!relation || relation->kind != 'v' || relation->object == nullptr) return std::nullopt;
  return relation->table->view_query + ";";
}
SqlStatus view_text_by_name(const CatalogView& view, const Call& call, Value& result) {
  TRY_ASSIGN(const sql::Oid id, regobject_named(view, Kind::kRegclass, call[0].text()));
  const auto relation = relation_of(view, id);
  give(result, relation && relation->kind == 'v' && relation->object != nullptr ? Text(relation->table->view_query + ";") : std::nullopt);
  return {};
}

SqlStatus serial_sequence(const CatalogView& view, const Call& call, Value& result) {
  TRY_ASSIGN(const sql::Oid id, regobject_named(view, Kind::kRegclass, call[0].text()));
  const auto relation = relation_of(view, id);
  std::size_t place = 0;
  const auto& name = call[1].text();
  if (relation && relation->table != nullptr)
    while (place < relation->table->columns.size() && relation->table->columns[place].name != name) ++place;
  if (!relation || relation->table == nullptr || place == relation->table->columns.size())
    return SqlError(sql::state::kUndefinedColumn, fmt::format("column \"{}\" of relation \"{}\" does not exist", name, call[0].text()));
  for (const auto& [unused, object] : view.schema.sequences)
    if (object.of_table == id && object.of_column == place)
      return result.set(quoted(object.sequence.schema) + "." + quoted(object.sequence.name)), SqlStatus();
  return result.set_null(), SqlStatus();
}

void add_definitions(Adder& add) {
  add.text("pg_get_indexdef(oid) text", index_text), add.text("pg_get_indexdef(oid, int4, bool) text", index_text);
  add.text("pg_get_constraintdef(oid) text", constraint_text), add.text("pg_get_constraintdef(oid, bool) text", constraint_text);
  add.text("pg_get_viewdef(oid) text", view_text), add.text("pg_get_viewdef(oid, bool) text", view_text),
      add.text("pg_get_viewdef(oid, int4) text", view_text), add.any("pg_get_viewdef(text) text", view_text_by_name);
  const auto expression = [](const CatalogView&, const Call& call) { return Text(call[0].text()); };
  add.text("pg_get_expr(text, oid) text", expression), add.text("pg_get_expr(text, oid, bool) text", expression);
  add.any("pg_get_serial_sequence(text, text) text", serial_sequence);
  const auto none = [](const CatalogView&, const Call&) { return Text(); };
  for (const auto* signature :
       {"pg_get_partkeydef(oid) text", "pg_get_triggerdef(oid) text", "pg_get_triggerdef(oid, bool) text", "pg_get_ruledef(oid) text",
        "pg_get_ruledef(oid, bool) text", "pg_get_functiondef(oid) text", "pg_get_function_arguments(oid) text",
        "pg_get_function_identity_arguments(oid) text", "pg_get_function_result(oid) text", "pg_get_function_sqlbody(oid) text",
        "pg_get_statisticsobjdef(oid) text", "pg_get_statisticsobjdef_columns(oid) text", "pg_tablespace_location(oid) text"})
    add.text(signature, none);
}

// --- names, comments, visibility ---

Text type_text(const Call& call) {
  const sql::Oid id = oid_at(call, 0);
  if (id == 0) return "-";
  const auto type = sql::type_of_oid(id, call.has(1) ? static_cast<std::int32_t>(call[1].integer()) : -1);
  return type ? sql::format_type(*type) : "???";
}
Text comment_of(const CatalogView& view, sql::Oid id, std::size_t column) {
  const auto found = view.schema.tables.find(id);
  if (found == view.schema.tables.end()) return std::nullopt;
  if (column == 0) return found->second.comment.empty() ? std::nullopt : Text(found->second.comment);
  const auto comment = found->second.column_comments.find(static_cast<std::uint32_t>(column - 1));
  return comment == found->second.column_comments.end() ? std::nullopt : Text(comment->second);
}
Text object_comment(const CatalogView& view, const Call& call) {
  if (call.size() > 1 && call[1].text() != "pg_class") return std::nullopt;
  return comment_of(view, oid_at(call, 0), 0);
}
std::optional<bool> visible(const CatalogView& view, const Call& call) {
  const auto relation = relation_of(view, oid_at(call, 0));
  return relation ? std::optional(is_visible(view, *relation)) : std::nullopt;
}

void add_names(Adder& add) {
  add.set().add_outside(
      "format_type(oid, int4) text",
      [](const Call& call, Value& result) {
        if (!call.has(0)) return result.set_null(), SqlStatus();
        return give(result, type_text(call)), SqlStatus();
      },
      kStableLax);
  add.text("pg_get_userbyid(oid) name", [](const CatalogView& view, const Call& call) { return Text(role_name(view, oid_at(call, 0))); });
  add.text("obj_description(oid, name) text", object_comment), add.text("obj_description(oid) text", object_comment);
  add.text("col_description(oid, int4) text", [](const CatalogView& view, const Call& call) {
    return comment_of(view, oid_at(call, 0), static_cast<std::size_t>(std::max<std::int64_t>(call[1].integer(), 1)));
  });
  add.text("shobj_description(oid, name) text", [](const CatalogView&, const Call&) { return Text(); });
  add.text("pg_encoding_to_char(int4) name",
           [](const CatalogView&, const Call& call) { return Text(call[0].integer() == 6 ? "UTF8" : ""); });
  add.truth("pg_table_is_visible(oid) bool", visible);
  for (const auto* what : {"type", "function", "operator", "opclass", "opfamily", "collation", "conversion", "statistics_obj", "ts_parser",
                           "ts_dict", "ts_template", "ts_config"})
    add.always(fmt::format("pg_{}_is_visible(oid) bool", what), true);
  for (const auto* name : {"class", "type", "namespace", "role"}) {
    const Kind kind = name[0] == 'c'   ? Kind::kRegclass
                      : name[0] == 't' ? Kind::kRegtype
                      : name[0] == 'n' ? Kind::kRegnamespace
                                       : Kind::kRegrole;
    add.set().add_outside(
        fmt::format("to_reg{0}(text) reg{0}", name),
        [view = add.view(), kind](const Call& call, Value& result) {
          const auto id = regobject_named(view(), kind, call[0].text());
          if (id) result.set(std::int64_t{*id});
          else result.set_null();
          return SqlStatus();
        },
        kStable);
  }
}

void add_reg_casts(Adder& add) {
  for (const Kind kind : {Kind::kRegclass, Kind::kRegtype, Kind::kRegproc, Kind::kRegnamespace, Kind::kRegrole}) {
    const auto from = [view = add.view(), kind](const Call& call, Value& result) -> SqlStatus {
      TRY_ASSIGN(const sql::Oid id, regobject_named(view(), kind, call[0].text()));
      return result.set(std::int64_t{id}), SqlStatus();
    };
    const auto to = [view = add.view(), kind](const Call& call, Value& result) {
      return result.set(regobject_text(view(), kind, oid_at(call, 0))), SqlStatus();
    };
    add.set().add_cast_outside(Kind::kUnknown, kind, sql::CastContext::kImplicit, from, kStable);
    const auto context = kind == Kind::kRegclass ? sql::CastContext::kImplicit : sql::CastContext::kExplicit;
    for (const Kind text : {Kind::kText, Kind::kVarchar, Kind::kName}) {
      add.set().add_cast_outside(text, kind, text == Kind::kName ? sql::CastContext::kExplicit : context, from, kStable);
      if (text != Kind::kName) add.set().add_cast_outside(kind, text, sql::CastContext::kAssignment, to, kStable);
    }
  }
}

// --- privileges ---

/// The role, object and privileges of has_…_privilege, whose first argument may be missing.
struct Question {
  std::string role;
  const Value* object;
  const sql::Type* type;
  std::string privileges;
};
Question question_of(const CatalogView& view, const Call& call) {
  const std::size_t first = call.size() > 2 ? 1 : 0;
  std::string role = view.session.user;
  if (first == 1) role = call.type(0).kind == Kind::kOid ? role_name(view, oid_at(call, 0)) : call[0].text();
  return {std::move(role), &call[first], &call.type(first), call[first + 1].text()};
}
/// The letters of "SELECT, INSERT WITH GRANT OPTION".
SqlResult<std::string> letters_of(std::string_view text, std::string_view names) {
  std::string letters;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    std::string word;
    for (const char c : text.substr(at, comma - at))
      if (c != ' ' || !word.empty()) word += static_cast<char>(c >= 'a' && c <= 'z' ? c & ~32 : c);
    while (word.ends_with(' ')) word.pop_back();
    if (word.ends_with(" WITH GRANT OPTION")) word.resize(word.size() - 18);
    const std::size_t found = names.find("," + word + "=");
    if (word.empty() || found == std::string_view::npos)
      return SqlError(sql::state::kInvalidParameterValue, fmt::format("unrecognized privilege type: \"{}\"", word));
    letters += names[found + word.size() + 2];
    at = comma + 1;
  }
  return letters;
}

SqlStatus relation_privilege(const CatalogView& view, const Call& call, Value& result) {
  const Question question = question_of(view, call);
  TRY_ASSIGN(const std::string letters,
             letters_of(question.privileges, ",SELECT=r,INSERT=a,UPDATE=w,DELETE=d,TRUNCATE=D,REFERENCES=x,TRIGGER=t,USAGE=U,"));
  sql::Oid id = 0;
  if (question.type->kind == Kind::kOid || question.type->kind == Kind::kRegclass) {
    id = static_cast<sql::Oid>(question.object->integer());
  } else {
    TRY_ASSIGN(id, regobject_named(view, Kind::kRegclass, question.object->text()));
  }
  const auto relation = relation_of(view, id);
  if (!relation) return result.set_null(), SqlStatus();
  // Everybody may read the catalogs.
  if (relation->object == nullptr && relation->sequence == nullptr) return result.set(letters.find('r') != std::string::npos), SqlStatus();
  const auto& acl = relation->object != nullptr ? relation->object->acl : relation->sequence->acl;
  return result.set(has_privilege(view, question.role, relation->object != nullptr ? relation->object->owner : relation->sequence->owner,
                                  acl, letters)),
         SqlStatus();
}

SqlStatus schema_privilege(const CatalogView& view, const Call& call, Value& result) {
  const Question question = question_of(view, call);
  TRY_ASSIGN(const std::string letters, letters_of(question.privileges, ",CREATE=C,USAGE=U,"));
  const std::string name = question.type->kind == Kind::kOid || question.type->kind == Kind::kRegnamespace
                               ? regobject_text(view, Kind::kRegnamespace, static_cast<sql::Oid>(question.object->integer()))
                               : question.object->text();
  if (name == "pg_catalog" || name == "information_schema") return result.set(letters.find('U') != std::string::npos), SqlStatus();
  const auto found = view.schema.schemas.find(name);
  if (found == view.schema.schemas.end())
    return SqlError(sql::state::kInvalidSchemaName, fmt::format("schema \"{}\" does not exist", name));
  return result.set(has_privilege(view, question.role, found->second.owner, found->second.acl, letters)), SqlStatus();
}

void add_privileges(Adder& add) {
  for (const auto* object : {"text", "oid"}) {
    for (const auto* who : {"", "name, ", "oid, "}) {
      for (const auto* what : {"table", "sequence"})
        add.any(fmt::format("has_{}_privilege({}{}, text) bool", what, who, object), relation_privilege);
      add.any(fmt::format("has_schema_privilege({}{}, text) bool", who, object), schema_privilege);
      for (const auto* what : {"database", "function", "language", "tablespace", "type"})
        add.always(fmt::format("has_{}_privilege({}{}, text) bool", what, who, object), true);
    }
  }
  const auto is_member = [](const CatalogView& view, const Call& call, Value& result) -> SqlStatus {
    const Question question = question_of(view, call);
    const std::string role =
        question.type->kind == Kind::kOid ? role_name(view, static_cast<sql::Oid>(question.object->integer())) : question.object->text();
    return result.set(has_privilege(view, question.role, role, {}, "")), SqlStatus();
  };
  for (const auto* signature : {"pg_has_role(name, text) bool", "pg_has_role(oid, text) bool", "pg_has_role(name, name, text) bool",
                                "pg_has_role(name, oid, text) bool"})
    add.any(signature, is_member);
}

// --- the server ---

/// 8192 bytes, 16 kB, 3 MB: up to 10,240 of each unit.
SqlStatus size_text(const CatalogView&, const Call& call, Value& result) {
  constexpr std::string_view kUnits[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  const auto whole = call.type(0).kind == Kind::kNumeric ? call[0].numeric().rounded(0).to_int64() : std::optional(call[0].integer());
  if (!whole) return SqlError(sql::state::kNumericValueOutOfRange, "bigint out of range");
  double size = static_cast<double>(*whole);
  std::size_t unit = 0;
  for (; std::fabs(size) >= (unit == 0 ? 10'240 : 10'239.5) && unit + 1 < std::size(kUnits); ++unit) size /= 1024;
  return result.set(fmt::format("{:.0f} {}", std::copysign(std::floor(std::fabs(size) + 0.5), size), kUnits[unit])), SqlStatus();
}

/// Tables have no partitions here.
class NoRows final : public sql::SetRows {
 public:
  SqlResult<bool> next(sql::Row&) override { return false; }
};

SqlStatus set_config(const CatalogView& view, const Call& call, Value& result) {
  if (!view.session.set) return SqlError(sql::state::kFeatureNotSupported, "set_config() is not supported here");
  if (!call.has(0)) return SqlError(sql::state::kNullValueNotAllowed, "SET requires parameter name");
  TRY_ASSIGN(auto value, view.session.set(call[0].text(), call.has(1) ? call[1].text() : "", call.has(2) && call[2].boolean()));
  return result.set(std::move(value)), SqlStatus();
}

/// Slept in short pieces, so that a statement can be ended.
SqlStatus sleep(const CatalogView&, const Call& call, Value& result) {
  constexpr auto kPiece = std::chrono::milliseconds(10);
  const double seconds = call[0].real();
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(std::isfinite(seconds) ? std::clamp(seconds, 0.0, 1e8) : 0.0);
  while (std::chrono::steady_clock::now() < end) {
    if (call.session.canceled && call.session.canceled())
      return SqlError(sql::state::kQueryCanceled, "canceling statement due to user request");
    std::this_thread::sleep_for(std::min<std::chrono::duration<double>>(kPiece, end - std::chrono::steady_clock::now()));
  }
  return result.set(std::string()), SqlStatus();
}

void add_server(Adder& add) {
  constexpr FunctionOptions kVolatileLax{.strict = false, .volatility = sql::Volatility::kVolatile};
  add.always("version() text", std::string("PostgreSQL 15.4 (isobar)"));
  add.any("pg_backend_pid() int4", [](const CatalogView& view, const Call&, Value& result) {
    return result.set(std::int64_t{view.session.backend_pid}), SqlStatus();
  });
  add.any("pg_postmaster_start_time() timestamptz",
          [](const CatalogView& view, const Call&, Value& result) { return result.set(view.session.server_started_at), SqlStatus(); });
  add.any("pg_conf_load_time() timestamptz",
          [](const CatalogView& view, const Call&, Value& result) { return result.set(view.session.server_started_at), SqlStatus(); });
  add.any("set_config(text, text, bool) text", set_config, kVolatileLax);
  add.any("pg_sleep(float8) void", sleep, {.volatility = sql::Volatility::kVolatile});
  for (const auto* signature : {"getdatabaseencoding() name", "pg_client_encoding() name"}) add.always(signature, std::string("UTF8"));
  add.any("pg_char_to_encoding(name) int4", [](const CatalogView&, const Call& call, Value& result) {
    return result.set(std::int64_t{call[0].text() == "UTF8" || call[0].text() == "utf8" ? 6 : -1}), SqlStatus();
  });
  for (const auto* type : {"int8", "numeric"}) add.any(fmt::format("pg_size_pretty({}) text", type), size_text);
  add.set().add_set_outside(
      "pg_partition_ancestors(regclass) regclass", "(relid regclass)",
      [](const sql::SetCall&) { return std::unique_ptr<sql::SetRows>(std::make_unique<NoRows>()); }, kStable);
  add.text("inet_client_addr() text", [](const CatalogView& view, const Call&) {
    return view.session.client_address.empty() ? std::nullopt : Text(view.session.client_address);
  });
  for (const auto* signature : {"pg_is_in_recovery() bool", "pg_relation_is_publishable(regclass) bool",
                                "pg_is_other_temp_schema(oid) bool", "row_security_active(oid) bool"})
    add.always(signature, false);
  // Replicas know what they keep; a client of them does not.
  const auto unknown = [](const CatalogView&, const Call&) { return Text(); };
  for (const auto* signature : {"pg_relation_size(regclass) int8", "pg_table_size(regclass) int8", "pg_indexes_size(regclass) int8",
                                "pg_total_relation_size(regclass) int8", "pg_database_size(name) int8", "pg_database_size(oid) int8",
                                "pg_tablespace_size(oid) int8"})
    add.text(signature, unknown);
  for (const auto* signature :
       {"pg_advisory_lock(int8) void", "pg_advisory_unlock(int8) bool", "pg_try_advisory_lock(int8) bool",
        "pg_advisory_xact_lock(int8) void", "pg_try_advisory_xact_lock(int8) bool", "pg_advisory_lock(int4, int4) void",
        "pg_advisory_unlock(int4, int4) bool", "pg_try_advisory_lock(int4, int4) bool", "pg_advisory_xact_lock(int4, int4) void",
        "pg_advisory_unlock_all() void"})
    add.refused(signature, "advisory locks are not supported");
  for (const auto* signature :
       {"txid_current() int8", "pg_cancel_backend(int4) bool", "pg_terminate_backend(int4) bool", "pg_notify(text, text) void"}) {
    const std::string_view text = signature;
    add.refused(signature, fmt::format("{}() is not supported", text.substr(0, text.find('('))));
  }
}

}  // namespace

void add_catalog_functions(FunctionSet& set, std::function<const CatalogView&()> view) {
  Adder add(set, std::move(view));
  add_definitions(add), add_names(add), add_reg_casts(add), add_privileges(add), add_server(add);
}

}  // namespace isobar::db
