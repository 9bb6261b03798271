// Aggregates and functions that give rows, against PostgreSQL; and resolution where PostgreSQL's words matter.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "sql/function_set.h"
#include "sql/postgresql.h"

namespace isobar::sql {
namespace {

const FunctionSet& the_set() {
  static const FunctionSet set = FunctionSet::built_in();
  return set;
}
const SessionValues& nobody() {
  static const SessionValues session;
  return session;
}
std::string text_or_null(const Type& type, const Value& value) {
  if (value.is_null()) return "null";
  if (type.kind == Kind::kBool) return value.boolean() ? "true" : "false";
  return to_text(type, value, {});
}

struct AggregateCase {
  std::string name;
  std::vector<std::string> types;              // of its arguments, direct ones first
  std::vector<std::string> direct;             // texts
  std::vector<std::vector<std::string>> rows;  // texts; "null"
};

Value value_from(const std::string& type, const std::string& text) {
  return text == "null" ? Value() : *from_text(*type_named(type), text, {});
}

std::string ours(const AggregateCase& one) {
  std::vector<Type> types;
  for (const auto& type : one.types) types.push_back(*type_named(type));
  const auto resolved = the_set().resolve(one.name, types);
  if (!resolved) return "!" + std::string(resolved.error().sqlstate());
  const auto& bound = std::get<BoundAggregate>(resolved->what);
  const auto cast = [&](std::size_t place, Value value) {
    if (!resolved->casts[place] || value.is_null()) return value;
    const Value* argument = &value;
    Value made;
    EXPECT_TRUE(call(*resolved->casts[place], nobody(), {&argument, 1}, made).ok());
    return made;
  };
  const auto state = bound.aggregate->start(bound);
  const std::size_t direct = one.direct.size();
  for (const auto& row : one.rows) {
    std::vector<Value> values;
    for (std::size_t place = 0; place < row.size(); ++place)
      values.push_back(cast(direct + place, value_from(one.types[direct + place], row[place])));
    std::vector<const Value*> pointers;
    for (const auto& value : values) pointers.push_back(&value);
    if (const auto status = state->step(nobody(), pointers); !status.ok()) return "!" + std::string(status.error().sqlstate());
  }
  std::vector<Value> given;
  for (std::size_t place = 0; place < direct; ++place) given.push_back(cast(place, value_from(one.types[place], one.direct[place])));
  std::vector<const Value*> pointers;
  for (const auto& value : given) pointers.push_back(&value);
  Value result;
  if (const auto status = state->finish(nobody(), pointers, result); !status.ok()) return "!" + std::string(status.error().sqlstate());
  return text_or_null(bound.result, result);
}

std::string theirs(const AggregateCase& one) {
  const std::size_t direct = one.direct.size();
  std::string rows, columns, given, arguments;
  const auto literal = [](const std::string& type, const std::string& text) {
    return (text == "null" ? text : "'" + text + "'") + "::" + type;
  };
  for (std::size_t n = 0; n < one.rows.size(); ++n) {
    std::string row = std::to_string(n);
    for (std::size_t place = 0; place < one.rows[n].size(); ++place) row += ", " + literal(one.types[direct + place], one.rows[n][place]);
    rows += (rows.empty() ? "(" : ", (") + row + ")";
  }
  for (std::size_t place = direct; place < one.types.size(); ++place)
    columns += fmt::format(", c{}", place), arguments += fmt::format("{}c{}", place > direct ? ", " : "", place);
  for (std::size_t place = 0; place < direct; ++place) given += literal(one.types[place], one.direct[place]);
  const bool ordered = direct > 0 || one.name == "mode";
  const std::string call = ordered ? fmt::format("{}({}) within group (order by {})", one.name, given, arguments)
                                   : fmt::format("{}({} order by n)", one.name, arguments);
  return fmt::format("(select {} from (values {}) v(n{}))", call, rows, columns);
}

std::vector<AggregateCase> aggregate_cases() {
  std::vector<AggregateCase> cases;
  const auto column = [](const std::vector<std::string>& texts) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& text : texts) rows.push_back({text});
    return rows;
  };
  const std::vector<std::vector<std::string>> integers{{"1", "2", "null", "4", "4"}, {"null"}, {"7"}, {"30000", "30001", "-5"}};
  for (const auto& values : integers)
    for (const auto* type : {"int2", "int4", "int8", "numeric", "float4", "float8"})
      for (const auto* name :
           {"count", "sum", "avg", "min", "max", "variance", "stddev", "var_pop", "stddev_pop", "array_agg", "json_agg", "jsonb_agg"})
        cases.push_back({name, {type}, {}, column(values)});
  for (const auto& values : integers)
    for (const auto* type : {"int2", "int4", "int8"})
      for (const auto* name : {"bit_and", "bit_or", "bit_xor"}) cases.push_back({name, {type}, {}, column(values)});
  for (const auto* name : {"sum", "avg", "stddev", "variance", "max", "min"}) {
    cases.push_back({name, {"numeric"}, {}, column({"1.10", "2.225", "-3", "1e20", "0.0001"})});
    cases.push_back({name, {"numeric"}, {}, column({"1", "NaN", "2"})});
    cases.push_back({name, {"float8"}, {}, column({"1.5", "1e300", "-2.25", "NaN"})});
    cases.push_back({name, {"float8"}, {}, column({"1e308", "1e308"})});
    cases.push_back({name, {"float8"}, {}, column({"0.1", "0.2", "0.3", "1e10"})});
  }
  for (const auto* name : {"sum", "avg", "min", "max"}) {
    cases.push_back({name, {"interval"}, {}, column({"1 day", "2 mons 3 days", "-04:05:06", "null", "1 year"})});
    cases.push_back({name, {"int8"}, {}, column({"9223372036854775807", "9223372036854775807", "1"})});
  }
  for (const auto* type : {"text", "date", "timestamp", "time", "bpchar"})
    for (const auto* name : {"min", "max", "count"})
      cases.push_back({name,
                       {type},
                       {},
                       column(std::string(type) == "text" || std::string(type) == "bpchar" ? std::vector<std::string>{"b", "a", "null", "C"}
                              : std::string(type) == "time"                                ? std::vector<std::string>{"03:04", "23:59"}
                                                            : std::vector<std::string>{"2024-01-02", "infinity", "1999-12-31"})});
  for (const auto* name : {"bool_and", "bool_or", "every"})
    cases.push_back({name, {"bool"}, {}, column({"t", "f", "null"})}), cases.push_back({name, {"bool"}, {}, column({"null"})});
  cases.push_back({"string_agg", {"text", "text"}, {}, {{"a", ","}, {"null", ";"}, {"b", ";"}, {"c", "null"}}});
  cases.push_back({"string_agg", {"bytea", "bytea"}, {}, {{"\\x01", "\\xff"}, {"\\x02", "\\xff"}}});
  cases.push_back({"array_agg", {"text"}, {}, column({"a", "null", "b c"})}),
      cases.push_back({"array_agg", {"_int4"}, {}, column({"{1,2}", "{3,4}"})}),
      cases.push_back({"array_agg", {"_int4"}, {}, column({"{1,2}", "{3}"})});
  for (const auto* name : {"json_agg", "jsonb_agg"})
    for (const auto* type : {"text", "timestamp", "_int4", "jsonb", "bool"})
      cases.push_back({name,
                       {type},
                       {},
                       column(std::string(type) == "text"        ? std::vector<std::string>{"a\"b", "null"}
                              : std::string(type) == "timestamp" ? std::vector<std::string>{"2024-01-02 03:04:05"}
                              : std::string(type) == "_int4"     ? std::vector<std::string>{"{1,2}", "{}"}
                              : std::string(type) == "jsonb"     ? std::vector<std::string>{"{\"a\":1}"}
                                                                 : std::vector<std::string>{"t", "f"})});
  for (const auto* name : {"json_object_agg", "jsonb_object_agg"})
    cases.push_back({name, {"text", "int4"}, {}, {{"a", "1"}, {"b", "null"}, {"a", "3"}}}),
        cases.push_back({name, {"text", "int4"}, {}, {{"null", "1"}}});
  for (const auto* name : {"corr", "covar_pop", "covar_samp", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2",
                           "regr_slope", "regr_sxx", "regr_sxy", "regr_syy"}) {
    cases.push_back({name, {"float8", "float8"}, {}, {{"1", "2"}, {"2.5", "3"}, {"null", "4"}, {"4", "7.25"}, {"3", "null"}}});
    cases.push_back({name, {"float8", "float8"}, {}, {{"1", "2"}}});
  }
  for (const auto* fraction : {"0", "0.25", "0.5", "0.9", "1", "1.5", "null"}) {
    cases.push_back({"percentile_cont", {"float8", "float8"}, {fraction}, column({"1", "2", "4", "10"})});
    cases.push_back({"percentile_disc", {"float8", "text"}, {fraction}, column({"a", "b", "c"})});
    cases.push_back({"percentile_cont", {"float8", "interval"}, {fraction}, column({"1 day", "3 days", "10 days"})});
  }
  cases.push_back({"percentile_cont", {"_float8", "float8"}, {"{0.5,0.75,NULL}"}, column({"1", "2", "4", "10"})}),
      cases.push_back({"percentile_disc", {"_float8", "int4"}, {"{0.5,1}"}, column({"1", "2", "4"})});
  cases.push_back({"mode", {"text"}, {}, column({"a", "b", "b", "c", "c"})}), cases.push_back({"mode", {"int4"}, {}, column({"null"})});
  return cases;
}

TEST(AggregatesAgainstPostgresql, GiveTheSame) {
  auto* server = Postgresql::shared();
  if (server == nullptr) GTEST_SKIP() << "no PostgreSQL to compare with";
  const auto cases = aggregate_cases();
  std::vector<std::string> expressions;
  for (const auto& one : cases) expressions.push_back(theirs(one));
  const auto expected = server->evaluate(expressions);
  for (std::size_t place = 0; place < cases.size(); ++place) EXPECT_EQ(ours(cases[place]), expected[place]) << expressions[place];
}

std::string rows_of(const std::string& name, const std::vector<std::pair<std::string, std::string>>& arguments) {
  std::vector<Type> types;
  std::vector<Value> values;
  for (const auto& [type, text] : arguments) types.push_back(*type_named(type)), values.push_back(value_from(type, text));
  const auto resolved = the_set().resolve(name, types);
  if (!resolved) return "!" + std::string(resolved.error().sqlstate());
  const auto& bound = std::get<BoundSet>(resolved->what);
  std::vector<const Value*> pointers;
  for (const auto& value : values) pointers.push_back(&value);
  auto rows = open(bound, nobody(), pointers);
  if (!rows) return "!" + std::string(rows.error().sqlstate());
  std::string out;
  Row row;
  for (int count = 0; count < 1000; ++count) {
    const auto more = (*rows)->next(row);
    if (!more) return "!" + std::string(more.error().sqlstate());
    if (!*more) break;
    for (std::size_t column = 0; column < row.size(); ++column) out += text_or_null(bound.columns[column], row[column]) + "|";
  }
  return out.empty() ? "null" : out;
}

TEST(SetFunctionsAgainstPostgresql, GiveTheSameRows) {
  auto* server = Postgresql::shared();
  if (server == nullptr) GTEST_SKIP() << "no PostgreSQL to compare with";
  const std::vector<std::pair<std::string, std::vector<std::pair<std::string, std::string>>>> calls{
      {"generate_series", {{"int4", "1"}, {"int4", "5"}}},
      {"generate_series", {{"int4", "5"}, {"int4", "1"}}},
      {"generate_series", {{"int4", "5"}, {"int4", "1"}, {"int4", "-2"}}},
      {"generate_series", {{"int4", "1"}, {"int4", "2"}, {"int4", "0"}}},
      {"generate_series", {{"int8", "9223372036854775805"}, {"int8", "9223372036854775807"}}},
      {"generate_series", {{"numeric", "1.1"}, {"numeric", "3"}, {"numeric", "0.55"}}},
      {"generate_series", {{"numeric", "1"}, {"numeric", "NaN"}}},
      {"generate_series", {{"int4", "null"}, {"int4", "5"}}},
      {"generate_series", {{"timestamp", "2024-01-30"}, {"timestamp", "2024-06-01"}, {"interval", "1 mon"}}},
      {"generate_series", {{"timestamptz", "2024-01-02"}, {"timestamptz", "2024-01-01"}, {"interval", "-6 hours"}}},
      {"unnest", {{"_int4", "{1,NULL,3}"}}},
      {"unnest", {{"_text", "{{a,b},{c,d}}"}}},
      {"generate_subscripts", {{"_int4", "[2:4]={1,2,3}"}, {"int4", "1"}}},
      {"generate_subscripts", {{"_int4", "{1,2,3}"}, {"int4", "1"}, {"bool", "t"}}},
      {"string_to_table", {{"text", "a,b,,c"}, {"text", ","}, {"text", ""}}},
      {"string_to_table", {{"text", "abc"}, {"text", "null"}}},
      {"regexp_split_to_table", {{"text", "a1b22c"}, {"text", "\\d+"}}},
      {"regexp_matches", {{"text", "abcabd"}, {"text", "a(b)(.)"}, {"text", "g"}}},
      {"regexp_matches", {{"text", "abc"}, {"text", "x"}}},
      {"json_each", {{"json", "{\"a\":1,\"b\":null}"}}},
      {"jsonb_each_text", {{"jsonb", "{\"b\":\"x\",\"a\":null}"}}},
      {"json_array_elements", {{"json", "[1, {\"a\" : 2}, null]"}}},
      {"jsonb_array_elements_text", {{"jsonb", "[1, \"x\", null]"}}},
      {"jsonb_object_keys", {{"jsonb", "{\"bb\":1,\"a\":2}"}}},
      {"json_array_elements", {{"json", "{}"}}},
      {"jsonb_each", {{"jsonb", "[1]"}}}};
  std::vector<std::string> expressions;
  for (const auto& [name, arguments] : calls) {
    std::string list;
    for (const auto& [type, text] : arguments)
      list += (list.empty() ? "" : ", ") + (text == "null" ? text : "'" + text + "'") + "::" + type;
    const bool pairs = name.find("_each") != std::string::npos;
    const std::string shown = pairs ? "r.key || '|' || coalesce(r.value::text, 'null') || '|'" : "coalesce(r.c::text, 'null') || '|'";
    expressions.push_back(fmt::format("(select string_agg({}, '' order by o) from {}({}) with ordinality as r({}, o))", shown, name, list,
                                      pairs ? "key, value" : "c"));
  }
  const auto expected = server->evaluate(expressions);
  for (std::size_t place = 0; place < calls.size(); ++place)
    EXPECT_EQ(rows_of(calls[place].first, calls[place].second), expected[place]) << expressions[place];
}

TEST(Resolution, ItsErrorsAreWordedAsPostgresqls) {
  const Type two[] = {type_of(Kind::kInt4), type_of(Kind::kText)};
  const auto missing = the_set().resolve_operator("+", two);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message(), "operator does not exist: integer + text");
  EXPECT_EQ(missing.error().hint(), "No operator matches the given name and argument types. You might need to add explicit type casts.");
  const auto none = the_set().resolve("no_such", two);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().message(), "function no_such(integer, text) does not exist");
  const Type mixed[] = {type_of(Kind::kInt4), type_of(Kind::kText)};
  const auto unlike = the_set().common_type(mixed, "CASE");
  ASSERT_FALSE(unlike.ok());
  EXPECT_EQ(unlike.error().message(), "CASE types integer and text cannot be matched");
  EXPECT_EQ(the_set().cast_or_error(type_of(Kind::kDate), type_of(Kind::kInt4), CastContext::kExplicit).error().message(),
            "cannot cast type date to integer");
}

TEST(Resolution, AnArrayMarkedVariadicIsSpreadWhenItIsCalled) {
  const Type given[] = {type_of(Kind::kText), array_of(Kind::kInt4)};
  const auto resolved = the_set().resolve("concat_ws", given, true);
  ASSERT_TRUE(resolved.ok());
  const Value separator(std::string("-")), array = *from_text(array_of(Kind::kInt4), "{1,NULL,3}", {});
  const Value* arguments[] = {&separator, &array};
  Value result;
  ASSERT_TRUE(call(std::get<BoundFunction>(resolved->what), nobody(), arguments, result).ok());
  EXPECT_EQ(result.text(), "1-3");
}

TEST(Resolution, FunctionsFromOutsideTakeThePlaceOfThoseWithTheSameParameters) {
  FunctionSet set = FunctionSet::built_in();
  set.add_outside("version() text", [](const Call&, Value& result) { return result.set(std::string("one")), SqlStatus(); });
  set.add_outside("version() text", [](const Call&, Value& result) { return result.set(std::string("two")), SqlStatus(); });
  const auto resolved = set.resolve("version", {});
  ASSERT_TRUE(resolved.ok());
  Value result;
  ASSERT_TRUE(call(std::get<BoundFunction>(resolved->what), nobody(), {}, result).ok());
  EXPECT_EQ(result.text(), "two");
}

TEST(Regexes, WhatAnAutomatonCannotDoIsRefusedByName) {
  for (const char* pattern : {"(a)\\1", "a(?=b)", "(?<!a)b"}) {
    const Type given[] = {type_of(Kind::kText), type_of(Kind::kText)};
    const auto resolved = the_set().resolve_operator("~", given);
    const Value text(std::string("aa")), second{std::string(pattern)};
    const Value* arguments[] = {&text, &second};
    Value result;
    const auto status = call(std::get<BoundFunction>(resolved->what), nobody(), arguments, result);
    ASSERT_FALSE(status.ok()) << pattern;
    EXPECT_EQ(status.error().sqlstate(), state::kFeatureNotSupported);
  }
}

}  // namespace
}  // namespace isobar::sql
