// Every function and operator of the set, called with awkward values here and in PostgreSQL; every operator resolved between every two
// types.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <set>

#include "base/random.h"
#include "sql/function_set.h"
#include "sql/postgresql.h"

namespace isobar::sql {
namespace {

const FunctionSet& built_in() {
  static const FunctionSet set = FunctionSet::built_in();
  return set;
}

std::string literal_of(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

/// Texts of values, by pg_type's name.
const std::map<std::string, std::vector<std::string>, std::less<>>& samples() {
  static const std::map<std::string, std::vector<std::string>, std::less<>> all{
      {"bool", {"t", "f"}},
      {"int2", {"0", "1", "-1", "7", "32767", "-32768"}},
      {"int4", {"0", "1", "-1", "2", "3", "5", "10", "-7", "2147483647", "-2147483648"}},
      {"int8", {"0", "1", "-1", "3", "65", "9223372036854775807", "-9223372036854775808"}},
      {"float4", {"0", "1.5", "-2.25", "1e30", "NaN", "Infinity"}},
      {"float8", {"0", "0.5", "-1", "1.5", "2.5", "-7.25", "1e-300", "1e300", "NaN", "Infinity", "-Infinity"}},
      {"numeric", {"0", "0.5", "-1", "1.50", "2.5", "100", "-7.25", "12345678901234567890.123", "0.001", "NaN", "Infinity"}},
      {"text",
       {"", "abc", "a b c", "Hello, World", "  x  ", "\xc3\xa9t\xc3\xa9", "a,b,,c", "100%", "a_b", "abcabc", "ABC", "x'y\"z\\", "(a)",
        "12"}},
      {"bpchar", {"", "ab", "ab  ", "b"}},
      {"name", {"abc", "Ab c", ""}},
      {"char", {"a", "b"}},
      {"bytea", {"", "\\x00", "\\x616263", "\\xff00ff", "\\x2020"}},
      {"date", {"2024-02-29", "2000-01-01", "1999-12-31", "infinity", "-infinity", "0044-03-15 BC", "2023-03-31"}},
      {"time", {"00:00:00", "12:34:56.789", "24:00:00", "03:04:05"}},
      {"timestamp",
       {"2024-02-29 12:34:56.789", "2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "infinity", "-infinity", "2023-03-31 01:02:03",
        "0044-03-15 10:00:00 BC"}},
      {"timestamptz",
       {"2024-02-29 12:34:56.789+00", "2000-01-01 00:00:00+00", "1999-12-31 23:59:59.999999+00", "infinity", "2023-03-31 01:02:03+00"}},
      {"interval",
       {"0", "1 mon", "1 day", "01:02:03.5", "-1 year 2 days", "1 year 2 mons 3 days 04:05:06", "-25:00:00", "40 days",
        "-1 mon 40 days -30:00:00"}},
      {"uuid", {"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}},
      {"json", {"{\"a\":1,\"b\":[2,null]}", "[1, 2.50, \"x\"]", "null", "3", "\"s\"", "{\"a\" : {\"b\":\"c\"}}", "[]", "{}"}},
      {"jsonb",
       {"{\"a\":1,\"b\":[2,null]}", "[1, 2.50, \"x\", \"a\"]", "null", "3", "\"a\"", "{\"a\":{\"b\":\"c\"}}", "[]", "{}", "[\"a\",[1]]"}},
      {"oid", {"0", "1", "4294967295"}},
      {"xid", {"0", "7"}},
      {"_int4", {"{}", "{1,2,3}", "{3,NULL,1}", "{{1,2},{3,4}}", "[2:3]={5,6}", "{2}"}},
      {"_text", {"{}", "{a,b}", "{a,NULL}", "{\"a b\",c}", "{b}", "{a}", "{0}"}},
      {"_float8", {"{0.5,1}", "{}"}}};
  return all;
}

/// Their patterns and units are of few forms, which drawn texts never hit.
std::vector<std::string> texts_for(const std::string& name, std::size_t place) {
  static const std::vector<std::string> kUnits{
      "year",    "month",      "day", "hour",   "minute", "second",  "milliseconds", "microseconds", "week",     "quarter", "decade",
      "century", "millennium", "dow", "isodow", "doy",    "isoyear", "julian",       "epoch",        "timezone", "foo",     "DAY"};
  static const std::vector<std::string> kPatterns{"a", "b+", "^a.c$", "[a-c]+",       "(a)(b)?", "x|b",     "\\d+",
                                                  "",  "(",  "a{2}",  "[[:alpha:]]+", ".*?b",    "\\w+\\s", "B"};
  static const std::vector<std::string> kFlags{"", "i", "g", "gi", "z", "n"};
  if ((name == "extract" || name == "date_part" || name == "date_trunc") && place == 0) return kUnits;
  if (name == "date_trunc" || name == "timezone" || (name.starts_with("make_timestamptz")))
    return {"UTC", "Europe/Berlin", "EST", "+02", "Foo/Bar"};
  if (name.starts_with("regexp_")) {
    if (place == 1) return kPatterns;
    if (name == "regexp_replace" && place == 2) return {"X", "[\\1]", "\\&\\&", ""};
    if (place >= 2) return kFlags;
  }
  if ((name == "~" || name == "!~" || name == "~*" || name == "!~*") && place == 1) return kPatterns;
  if (name.find("~~") != std::string::npos && place == 1) return {"%", "_", "a%", "%b%", "abc", "a\\_b", "%\\", "A%c", "__", "%%", ""};
  if (name == "similar_to_escape") return {"a%", "(a|b)_", "a\\%", "[a-c]*"};
  if (name == "encode" || name == "decode") {
    if (place == 1) return {"hex", "base64", "escape", "foo"};
  }
  if (name == "decode") return {"YWJj", "616263", "abc", "YQ==", "zz", "a\\001"};
  if (name == "format" && place == 0) return {"%s", "%s %s", "%I.%L", "%%", "%10s|", "%-10s|", "%2$s %1$s", "%", "%x"};
  if (name == "to_date" || name == "to_timestamp")
    return place == 0 ? std::vector<std::string>{"2024-02-29", "2024-02-30", "29 Feb 2024", "2024-02-29 12:34:56", "2024-02", "99999-01-01"}
                      : std::vector<std::string>{"YYYY-MM-DD", "YYYY-MM-DD HH24:MI:SS"};
  if (name == "to_number")
    return place == 0 ? std::vector<std::string>{"1,234.56", "-12", "12.5", "7"} : std::vector<std::string>{"9,999.99", "9,999,999.99"};
  if (name == "convert_from" || name == "convert_to") return {"UTF8", "utf-8"};
  return samples().at("text");
}
std::vector<std::string> time_patterns() {
  return {"YYYY-MM-DD HH24:MI:SS",
          "Mon DD, YYYY",
          "FMMonth FMDD, YYYY",
          "Day DY D",
          "HH12:MI AM",
          "MS US",
          "DDD WW IW Q",
          "YY Y",
          "\"year\" YYYY",
          "DDth",
          "J CC",
          "IYYY-IW-ID",
          "HH24 SSSS",
          "Month|MON|mon",
          "BC",
          "W",
          "RM"};
}
std::vector<std::string> number_patterns() {
  return {"9999", "0000", "999.99", "FM999.99", "9,999", "S999", "999S",   "999MI", "999PR",      "FM9990.00",
          "00.0", "L99",  "99th",   "RN",       "SG99",  "9 9",  "FM0009", "0.99",  "999,999.000"};
}

/// A PostgreSQL type for each polymorphic parameter, the same choice for all of one call.
std::string type_for(const Parameter& parameter, bool texts) {
  switch (parameter.what) {
    case Parameter::What::kType: return std::string(catalog_name(parameter.type));
    case Parameter::What::kAnyArray:
    case Parameter::What::kAnyCompatibleArray: return texts ? "_text" : "_int4";
    default: return texts ? "text" : "int4";
  }
}

struct Argument {
  std::string type, text;
  bool null = false;
};
std::string sql_of(const Argument& argument) {
  const std::string type = argument.type == "char" ? "\"char\"" : argument.type;
  return (argument.null ? "null" : literal_of(argument.text)) + "::" + type;
}

SessionValues session() {
  SessionValues values;
  values.user = values.session_user = "isobar", values.database = "postgres";
  return values;
}

/// The text of a call's result, as the test's PostgreSQL tells it.
std::string ours(const SqlResult<ResolvedCall>& resolved, const std::vector<Argument>& arguments) {
  if (!resolved) return "!" + std::string(resolved.error().sqlstate());
  const auto* bound = std::get_if<BoundFunction>(&resolved->what);
  if (bound == nullptr) return "not a function";
  std::vector<Value> values;
  for (std::size_t place = 0; place < arguments.size(); ++place) {
    values.push_back(arguments[place].null ? Value() : *from_text(*type_named(arguments[place].type), arguments[place].text, {}));
    if (!resolved->casts[place]) continue;
    const Value* argument = &values.back();
    Value cast;
    if (const auto status = call(*resolved->casts[place], session(), {&argument, 1}, cast); !status.ok())
      return "!" + std::string(status.error().sqlstate());
    values.back() = std::move(cast);
  }
  std::vector<const Value*> pointers;
  for (const auto& value : values) pointers.push_back(&value);
  Value result, text;
  if (const auto status = call(*bound, session(), pointers, result); !status.ok()) return "!" + std::string(status.error().sqlstate());
  if (result.is_null()) return "null";
  const auto to_text_cast = built_in().find_cast(bound->result, type_of(Kind::kText), CastContext::kExplicit);
  if (!to_text_cast || !*to_text_cast) return result.text();
  const Value* argument = &result;
  if (const auto status = call(**to_text_cast, session(), {&argument, 1}, text); !status.ok())
    return "!" + std::string(status.error().sqlstate());
  return text.text();
}

std::string shortened(const std::string& text) { return text.size() > 300 ? text.substr(0, 300) + "…" : text; }

void compare(const std::vector<std::string>& expressions, const std::vector<std::string>& mine, std::size_t wrong_most = 0) {
  auto* server = Postgresql::shared();
  if (server == nullptr) GTEST_SKIP() << "no PostgreSQL to compare with";
  const auto theirs = server->evaluate(expressions);
  std::size_t wrong = 0, values = 0;
  for (std::size_t place = 0; place < theirs.size(); ++place) {
    if (theirs[place][0] != '!') ++values;
    if (theirs[place] != mine[place] && ++wrong <= 400)
      ADD_FAILURE() << expressions[place] << "\n  PostgreSQL: " << shortened(theirs[place]) << "\n  ours:       " << shortened(mine[place]);
  }
  std::printf("%zu compared, %zu of them values\n", theirs.size(), values);
  EXPECT_LE(wrong, wrong_most) << "of " << theirs.size();
  EXPECT_GT(values, theirs.size() / 20);
}

/// Its result depends on the session, the time or chance; or PostgreSQL has it as a keyword.
bool is_left_out(const Function& function) {
  static const std::set<std::string> kNames{"random",
                                            "gen_random_uuid",
                                            "now",
                                            "transaction_timestamp",
                                            "statement_timestamp",
                                            "clock_timestamp",
                                            "current_timestamp",
                                            "current_date",
                                            "localtimestamp",
                                            "localtime",
                                            "current_setting",
                                            "current_user",
                                            "current_role",
                                            "user",
                                            "session_user",
                                            "current_database",
                                            "current_catalog",
                                            "current_schema",
                                            "current_schemas",
                                            "pg_typeof",
                                            "textcat"};
  if (kNames.contains(function.name) || (function.name == "age" && function.parameters.size() == 1)) return true;
  for (const auto& parameter : function.parameters)
    if (parameter.what == Parameter::What::kType &&
        (parameter.type.kind == Kind::kRecord || !samples().contains(std::string(catalog_name(parameter.type)))))
      return true;
  return false;
}

struct Corpus {
  std::vector<std::string> expressions, mine;
};

void draw_calls(const Function& function, bool is_operator, Random& random, Corpus& corpus) {
  const std::size_t times = function.parameters.empty() ? 1 : function.parameters.size() == 1 ? 14 : 24;
  std::set<std::string> seen;
  for (std::size_t n = 0; n < times; ++n) {
    std::vector<Argument> arguments;
    std::vector<Type> types;
    std::string list;
    const std::size_t extra = function.variadic ? random.below(3) : 0;
    for (std::size_t place = 0; place < function.parameters.size() + extra; ++place) {
      const auto& parameter = function.parameters[std::min(place, function.parameters.size() - 1)];
      const bool texts = n % 2 == 1;
      Argument argument{type_for(parameter, parameter.what == Parameter::What::kAny ? random.chance(0.5) : texts), "", random.chance(0.04)};
      auto choices = argument.type == "text" || argument.type == "name" ? texts_for(function.name, place) : samples().at(argument.type);
      if (function.name == "to_char" && place == 1)
        choices = function.parameters[0].type.kind == Kind::kInterval
                      ? std::vector<std::string>{"HH24:MI:SS", "DD MM YYYY", "HH12 MI AM", "MS US"}
                  : function.parameters[0].type.kind >= Kind::kDate ? time_patterns()
                                                                    : number_patterns();
      argument.text = choices[random.below(choices.size())];
      if ((function.name == "lpad" || function.name == "rpad" || function.name == "repeat" || function.name == "array_fill") &&
          argument.type == "int4")
        argument.text = std::to_string(random.below(9));
      if (function.name == "make_interval" && argument.type != "float8")
        argument.text = std::to_string(static_cast<int>(random.below(90)) - 30);
      // PostgreSQL makes something of these that nobody can want: the age of the end of time, its wrapped-around intervals, numbers of
      // ####.
      if ((function.name == "age" || function.name == "to_char") && argument.text.find("nfinity") != std::string::npos)
        argument.null = true;
      if ((function.name == "to_char" && (argument.text == "NaN" || argument.text == "1e300")) ||
          (function.name == "make_interval" && argument.text.find('e') != std::string::npos))
        argument.null = true;
      types.push_back(*type_named(argument.type));
      list += (list.empty() ? "" : ", ") + sql_of(argument);
      arguments.push_back(argument);
    }
    std::string expression = function.name + "(" + list + ")";
    if (is_operator)
      expression =
          arguments.size() == 1 ? function.name + " " + list : sql_of(arguments[0]) + " " + function.name + " " + sql_of(arguments[1]);
    if (function.name == "overlaps" || function.name == "position" || function.name == "extract")
      expression = "pg_catalog.\"" + function.name + "\"(" + list + ")";
    if (!seen.insert(expression).second) continue;
    corpus.mine.push_back(
        ours(is_operator ? built_in().resolve_operator(function.name, types) : built_in().resolve(function.name, types), arguments));
    corpus.expressions.push_back(std::move(expression));
  }
}

TEST(FunctionsAgainstPostgresql, EveryFunctionOverAwkwardValues) {
  if (Postgresql::shared() == nullptr) GTEST_SKIP() << "no PostgreSQL to compare with";
  Random random(17);
  Corpus corpus;
  built_in().each([&](const Function& function, bool is_operator) {
    if (!is_left_out(function)) draw_calls(function, is_operator, random, corpus);
  });
  compare(corpus.expressions, corpus.mine);
}

TEST(FunctionsAgainstPostgresql, EveryCastOfEveryValue) {
  Corpus corpus;
  for (const auto& [from, texts] : samples())
    for (const auto& [to, unused] : samples())
      for (const auto& text : texts) {
        // What C's strtoul makes of no number, and a sign that intervals pass over.
        if (to == "xid" || (to == "interval" && text == "100%")) continue;
        const auto cast = built_in().find_cast(*type_named(from), *type_named(to), CastContext::kExplicit);
        std::string mine = "!42846";
        const Value value = *from_text(*type_named(from), text, {});
        if (cast) {
          Value made = value;
          const Value* argument = &value;
          SqlStatus status;
          if (*cast) status = call(**cast, session(), {&argument, 1}, made);
          mine = !status.ok() ? "!" + std::string(status.error().sqlstate()) : made.is_null() ? "null" : to_text(*type_named(to), made, {});
          if (to == "bool" && status.ok()) mine = mine == "t" ? "true" : "false";
          if (to == "bpchar" && status.ok())
            while (mine.ends_with(' ')) mine.pop_back();
        }
        corpus.expressions.push_back(
            fmt::format("{}::{}::{}", literal_of(text), from == "char" ? "\"char\"" : from, to == "char" ? "\"char\"" : to));
        corpus.mine.push_back(std::move(mine));
      }
  compare(corpus.expressions, corpus.mine);
}

/// PostgreSQL has more types than we: where a literal could be of one of those, it finds operators ambiguous, or takes another.
TEST(FunctionsAgainstPostgresql, EveryOperatorBetweenEveryTwoTypes) {
  std::set<std::string> signs;
  built_in().each([&](const Function& function, bool is_operator) {
    if (is_operator && function.parameters.size() == 2) signs.insert(function.name);
  });
  std::vector<std::string> types{"bool",   "int4", "int8",  "float4", "float8",    "numeric",     "text",
                                 "bpchar", "name", "bytea", "date",   "timestamp", "timestamptz", "interval",
                                 "uuid",   "json", "jsonb", "oid",    "_int4",     "_text",       "unknown"};
  Corpus corpus;
  for (const auto& sign : signs)
    for (const auto& left : types)
      for (const auto& right : types) {
        if (left == "unknown" && right == "unknown") continue;
        if ((sign == "<@" || sign == "@>") && (left == "unknown" || right == "unknown")) continue;
        const Type given[] = {*type_named(left), *type_named(right)};
        const auto resolved = built_in().resolve_operator(sign, given);
        const auto null_of = [](const std::string& type) { return type == "unknown" ? std::string("null") : "null::" + type; };
        corpus.expressions.push_back(fmt::format("pg_typeof({} {} {})", null_of(left), sign, null_of(right)));
        corpus.mine.push_back(resolved ? format_type(std::get<BoundFunction>(resolved->what).result)
                                       : "!" + std::string(resolved.error().sqlstate()));
      }
  compare(corpus.expressions, corpus.mine);
}

}  // namespace
}  // namespace isobar::sql
