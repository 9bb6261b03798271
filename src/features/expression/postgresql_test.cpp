// Thousands of random expressions through PostgreSQL and through us. It takes a PostgreSQL of its own, in a folder of its own, on a socket
// there; and so it belongs to the long run.

#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <fstream>

#include "base/random.h"
#include "base/text.h"
#include "features/csv.h"
#include "features/expression.h"

namespace isobar::features {
namespace {

namespace fs = std::filesystem;

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  CHECK(pipe != nullptr);
  char block[4096];
  while (const std::size_t read = fread(block, 1, sizeof block, pipe)) text.append(block, read);
  pclose(pipe);
  return text;
}

class Postgresql {
 public:
  /// None where there is none, or it does not start.
  static std::unique_ptr<Postgresql> start() {
    const std::string bin(trim(output_of("ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1")));
    if (bin.empty()) return nullptr;
    auto made = std::unique_ptr<Postgresql>(new Postgresql(bin));
    const std::string log = " >>" + made->folder_ + "/log 2>&1";
    // As root it refuses to run; the account that the package makes is there for it.
    if (getuid() == 0) CHECK(system(("chown postgres " + made->folder_).c_str()) == 0);
    const bool up = made->run("initdb -D " + made->folder_ + "/data -U isobar -A trust -N --no-locale -E UTF8" + log) &&
                    made->run("pg_ctl -D " + made->folder_ + "/data -w -l " + made->folder_ + "/server -o \"-k " + made->folder_ +
                              " -c listen_addresses='' -c timezone=UTC -F\" start" + log);
    return up ? std::move(made) : nullptr;
  }
  ~Postgresql() {
    run("pg_ctl -D " + folder_ + "/data -m immediate stop >/dev/null 2>&1");
    fs::remove_all(folder_);
  }
  /// What psql prints of a script.
  std::string ask(const std::string& script) const {
    std::ofstream(folder_ + "/script.sql") << script;
    return output_of(bin_ + "/psql -h " + folder_ + " -U isobar -d postgres -X -q -f " + folder_ + "/script.sql 2>&1");
  }

 private:
  explicit Postgresql(std::string bin) : bin_(std::move(bin)) {
    char name[] = "/tmp/isobar-postgresql-XXXXXX";
    CHECK(mkdtemp(name) != nullptr);
    folder_ = name;
  }
  bool run(const std::string& command) const {
    const std::string as = getuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups " : "";
    return system((as + bin_ + "/" + command).c_str()) == 0;
  }
  std::string bin_, folder_;
};

const std::vector<Column>& columns() {
  static const std::vector<Column> columns{
      {"i", {Kind::kInt32}},      {"l", {Kind::kInt64}},     {"f", {Kind::kFloat32}},  {"d", {Kind::kFloat64}}, {"s", {Kind::kString}},
      {"b", {Kind::kBool}},       {"t", {Kind::kTimestamp}}, {"zero", {Kind::kInt32}}, {"one", {Kind::kInt32}}, {"big", {Kind::kInt64}},
      {"half", {Kind::kFloat64}}, {"ni", {Kind::kInt32}},    {"ns", {Kind::kString}},  {"nb", {Kind::kBool}},   {"nt", {Kind::kTimestamp}}};
  return columns;
}
/// Constants are columns: PostgreSQL computes what is constant beforehand, and then leaves out what a null makes needless, errors included.
constexpr const char* kConstants = ",0,1,3000000000,0.5,,,,\n";
constexpr const char* kRows[] = {
    "7,1099511627776,0.5,2.5,Hello,true,2024-02-29T13:14:15.123456Z",
    "-2147483648,-9223372036854775808,NaN,-Infinity,\"\",false,1969-12-31T23:59:59.999999Z",
    "0,0,-0.0,1e308,\"a,b%_\",false,2021-01-03T00:00:00Z",
    ",,,,,,",
    "2147483647,9223372036854775807,1e38,1e-300,\"\xc3\xa9 z \",true,2000-12-31T12:00:00Z",
    "-3,3,16777216,-7.5,true,true,1970-01-01T00:00:00Z",
};
std::string rows_as_csv() {
  std::string csv;
  for (const char* row : kRows) (csv += row) += kConstants;
  return csv;
}

/// Draws expressions of a wanted sort. PostgreSQL's decimal literals are of a type that is not ours, so ours are cast to float64 for both.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}

  std::string number(int depth) {
    if (depth == 0) return pick({"i", "l", "f", "d", "one", "zero", "-one", "big", "half", "ni", "f", "i"});
    switch (random_.below(14)) {
      case 0: return call("abs", number(depth - 1));
      case 1: return call(pick({"round", "floor", "ceil"}), number(depth - 1) + "::float8");
      case 2: return call("sqrt", number(depth - 1));
      case 3: return "length(" + text(depth - 1) + ")";
      case 4: return call(pick({"greatest", "least", "coalesce"}), number(depth - 1) + ", " + number(depth - 1));
      case 5: return "nullif(" + number(depth - 1) + ", " + number(depth - 1) + ")";
      case 6: return "case when " + condition(depth - 1) + " then " + number(depth - 1) + " else " + number(depth - 1) + " end";
      case 7:
        return "extract(" +
               pick({"year", "month", "day", "hour", "minute", "second", "dow", "isodow", "doy", "week", "isoyear", "quarter", "epoch",
                     "milliseconds", "microseconds"}) +
               " from " + time(depth - 1) + ")::float8";
      case 8: return "(" + number(depth - 1) + ")::" + pick({"int", "bigint", "real", "float8"});
      case 9: return "-(" + number(depth - 1) + ")";
      case 10: return "(" + number(depth - 1) + ")::int % (" + number(depth - 1) + ")::bigint";
      case 11: return "case " + number(depth - 1) + " when " + number(depth - 1) + " then " + number(depth - 1) + " end";
      default: return "(" + number(depth - 1) + " " + pick({"+", "-", "*", "/"}) + " " + number(depth - 1) + ")";
    }
  }
  std::string text(int depth) {
    if (depth == 0) return pick({"s", "s", "'abc'", "'a,b'", "'\xc3\xa9'", "ns", "' x '"});
    switch (random_.below(8)) {
      case 0: return call(pick({"lower", "upper", "btrim", "trim", "ltrim", "rtrim"}), text(depth - 1));
      case 1: return "substr(" + text(depth - 1) + ", " + pick({"-1", "0", "1", "2"}) + ", " + pick({"0", "1", "2", "2147483647"}) + ")";
      case 2: return "split_part(" + text(depth - 1) + ", " + pick({"','", "'b'", "''"}) + ", " + pick({"1", "2", "-1", "-2"}) + ")";
      case 3: return "(" + text(depth - 1) + " || " + pick({text(depth - 1), "i", "b", "l"}) + ")";
      case 4: return call("concat", text(depth - 1) + ", " + pick({"b", "i", "s"}) + ", " + text(depth - 1));
      case 5: return "(" + number(depth - 1) + ")::text";
      case 6: return "btrim(" + text(depth - 1) + ", 'a b')";
      default: return "coalesce(" + text(depth - 1) + ", " + text(depth - 1) + ")";
    }
  }
  std::string time(int depth) {
    if (depth == 0 || random_.chance(0.5)) return pick({"t", "'2020-02-29 12:34:56.789+00'::timestamptz", "nt"});
    return "date_trunc('" + pick({"year", "quarter", "month", "week", "day", "hour", "minute", "second", "milliseconds"}) + "', " +
           time(depth - 1) + ")";
  }
  std::string condition(int depth) {
    if (depth == 0) return pick({"b", "nb", "i = 7", "s = ''", "t > '2000-01-01 00:00:00+00'"});
    switch (random_.below(10)) {
      case 0: return "(" + condition(depth - 1) + " and " + condition(depth - 1) + ")";
      case 1: return "(" + condition(depth - 1) + " or " + condition(depth - 1) + ")";
      case 2: return "not (" + condition(depth - 1) + ")";
      case 3: return "(" + number(depth - 1) + " " + pick({"=", "<>", "<", "<=", ">", ">="}) + " " + number(depth - 1) + ")";
      case 4: return "(" + number(depth - 1) + pick({" is null", " is not null"}) + ")";
      case 5: return "(" + number(depth - 1) + pick({" is distinct from ", " is not distinct from "}) + number(depth - 1) + ")";
      case 6: return "(" + number(depth - 1) + pick({" in (", " not in ("}) + number(depth - 1) + ", " + number(depth - 1) + "))";
      case 7: return "(" + number(depth - 1) + pick({" between ", " not between "}) + number(depth - 1) + " and " + number(depth - 1) + ")";
      case 8: return "(" + text(depth - 1) + pick({" like ", " not like "}) + pick({"'%a%'", "'_'", "''", "'%\\%\\_'", "s"}) + ")";
      default: return "(" + condition(depth - 1) + pick({" is true", " is not false", " is unknown"}) + ")";
    }
  }
  std::string any() {
    const int depth = static_cast<int>(1 + random_.below(3));
    switch (random_.below(4)) {
      case 0: return number(depth);
      case 1: return text(depth);
      case 2: return time(depth);
      default: return condition(depth);
    }
  }

 private:
  std::string pick(std::vector<std::string> choices) { return choices[random_.below(choices.size())]; }
  static std::string call(const std::string& name, const std::string& arguments) { return name + "(" + arguments + ")"; }
  Random random_;
};

/// The value of an expression for a row as PostgreSQL prints it, or "error".
std::string ours(const Expression& expression, const Row& row) {
  const auto value = expression.evaluate(row);
  if (!value) return "error";
  if (value->is_null()) return "null";
  // By the cast to text, which is part of what is tested.
  const Schema schema = *Schema::create({{"v", expression.type()}});
  return Expression::compile("v::text", schema)->evaluate({*value})->as<std::string>();
}

/// Of a float there may be two texts that are as short as can be and read back to it, or one that is shorter where a tie is allowed to go
/// to even; PostgreSQL allows none. That is all that may differ.
bool same(const std::string& a, const std::string& b, bool number) {
  if (a == b) return true;
  char *a_end = nullptr, *b_end = nullptr;
  const bool equal = std::strtod(a.c_str(), &a_end) == std::strtod(b.c_str(), &b_end) && *a_end == 0 && *b_end == 0;
  return equal && (number || (a.find("e+") != std::string::npos && b.find("e+") != std::string::npos));
}

std::string table() {
  std::string sql =
      "create table r(n serial, i int, l bigint, f real, d float8, s text, b bool, t timestamptz, zero int, one int, big bigint, half "
      "float8, ni int, ns text, nb bool, nt timestamptz);\n"
      "create function try(e text, k int) returns text language plpgsql as $$ declare v text; begin "
      "execute 'select (' || e || ')::text from r where n = ' || k into v; return coalesce(v, 'null'); "
      "exception when others then if sqlstate like '22%' then return 'error'; end if; return 'refused: ' || sqlerrm; end $$;\n"
      "\\set QUIET on\n\\pset format unaligned\n\\pset tuples_only on\n\\pset recordsep_zero on\n"
      "copy r(i, l, f, d, s, b, t, zero, one, big, half, ni, ns, nb, nt) from stdin csv;\n";
  return sql + rows_as_csv() + "\\.\n";
}

TEST(ExpressionLong, ThousandsOfExpressionsHaveThePostgresqlsValuesAndErrors) {
  if (std::getenv("ISOBAR_LONG") == nullptr) GTEST_SKIP() << "a PostgreSQL of its own: part of the long run (ISOBAR_LONG=1)";
  const auto server = Postgresql::start();
  if (server == nullptr) GTEST_SKIP() << "no PostgreSQL server is installed here (Debian: postgresql-15), or it did not start";
  const Schema schema = *Schema::create(columns());
  const auto rows = *rows_from_csv("rows", "i,l,f,d,s,b,t,zero,one,big,half,ni,ns,nb,nt\n" + rows_as_csv(), schema);
  std::vector<std::string> expressions;
  Draw draw(20);
  std::string script = table();
  for (int e = 0; e < 6'000; ++e) {
    expressions.push_back(draw.any());
    for (std::size_t k = 1; k <= rows.size(); ++k) script += fmt::format("select try($e${}$e$, {});\n", expressions.back(), k);
  }
  const std::string answer = server->ask(script);
  const auto values = split(answer, '\0');
  ASSERT_GE(values.size(), expressions.size() * rows.size()) << answer.substr(0, 2000);
  std::size_t compared = 0, refused = 0, wrong = 0, errors = 0, nulls = 0;
  for (std::size_t e = 0; e < expressions.size(); ++e) {
    const auto expression = Expression::compile(expressions[e], schema);
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const std::string theirs(values[e * rows.size() + k]);
      if (theirs.starts_with("refused")) {
        ++refused;
        continue;
      }
      // What no row can change is told when it is compiled.
      const std::string mine = expression ? ours(*expression, rows[k]) : "error";
      ++compared;
      errors += theirs == "error" ? 1 : 0;
      nulls += theirs == "null" ? 1 : 0;
      if (!same(mine, theirs, expression && expression->type().is_float()) && ++wrong <= 20)
        ADD_FAILURE() << expressions[e] << "\n  row " << k + 1 << ", PostgreSQL: " << theirs << "\n  ours: " << mine
                      << (expression ? "" : "\n  " + expression.error().message());
    }
  }
  EXPECT_EQ(wrong, 0u);
  std::printf("%zu compared: %zu values, %zu nulls, %zu errors; %zu more are refused by PostgreSQL's types\n", compared,
              compared - nulls - errors, nulls, errors, refused);
  EXPECT_GT(compared - nulls - errors, compared / 3);
  EXPECT_GT(errors, compared / 50);
}

}  // namespace
}  // namespace isobar::features
