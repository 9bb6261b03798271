// Decimals against PostgreSQL: every operation over values that are awkward, and drawn ones; and the laws that need nobody to compare with.

#include "sql/numeric.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>

#include "base/random.h"
#include "sql/postgresql.h"

namespace isobar::sql {
namespace {

Numeric number(const std::string& text) { return *Numeric::parse(text); }
std::string shown(const SqlResult<Numeric>& result) { return result ? result->to_string() : "!" + std::string(result.error().sqlstate()); }

const std::vector<std::string>& awkward() {
  static const std::vector<std::string> values{"0",
                                               "0.00",
                                               "1",
                                               "1.0",
                                               "-1",
                                               "2",
                                               "3",
                                               "-7",
                                               "10",
                                               "0.1",
                                               "0.5",
                                               "-0.5",
                                               "1.5",
                                               "2.5",
                                               "-2.5",
                                               "1e-10",
                                               "1e10",
                                               "0.9",
                                               "1.1",
                                               "0.99999999",
                                               "1.00000001",
                                               "9999",
                                               "10000",
                                               "99999999",
                                               "100000000.00005",
                                               "123.456",
                                               "-123.456",
                                               "9223372036854775807",
                                               "-9223372036854775808",
                                               "9223372036854775808",
                                               "12345678901234567890.123456789",
                                               "0.000000000000000000001",
                                               "1e30",
                                               "1e-30",
                                               "3.14159265358979323846264338327950288",
                                               "NaN",
                                               "Infinity",
                                               "-Infinity",
                                               "170141183460469231731687303715884105728",
                                               "7.25",
                                               "64",
                                               "1000000",
                                               "0.333333333333333333"};
  return values;
}

void compare_with_postgresql(const std::vector<std::string>& expressions, const std::vector<std::string>& mine) {
  auto* server = Postgresql::shared();
  if (server == nullptr) GTEST_SKIP() << "no PostgreSQL to compare with";
  const auto theirs = server->evaluate(expressions);
  std::size_t wrong = 0;
  for (std::size_t place = 0; place < theirs.size(); ++place)
    if (theirs[place] != mine[place] && ++wrong <= 25)
      ADD_FAILURE() << expressions[place] << "\n  PostgreSQL: " << theirs[place] << "\n  ours:       " << mine[place];
  EXPECT_EQ(wrong, 0u) << "of " << theirs.size();
}

struct Operation {
  std::string form;
  std::function<SqlResult<Numeric>(const Numeric& a, const Numeric& b)> ours;
};

TEST(NumericAgainstPostgresql, OperationsOfTwo) {
  const std::vector<Operation> operations{{"{} + {}", [](const auto& a, const auto& b) { return a.plus(b); }},
                                          {"{} - {}", [](const auto& a, const auto& b) { return a.minus(b); }},
                                          {"{} * {}", [](const auto& a, const auto& b) { return a.times(b); }},
                                          {"{} / {}", [](const auto& a, const auto& b) { return a.divided_by(b); }},
                                          {"{} % {}", [](const auto& a, const auto& b) { return a.remainder(b); }},
                                          {"div({}, {})", [](const auto& a, const auto& b) { return a.quotient(b); }},
                                          {"gcd({}, {})", [](const auto& a, const auto& b) { return a.greatest_divisor(b); }},
                                          {"lcm({}, {})", [](const auto& a, const auto& b) { return a.least_multiple(b); }}};
  std::vector<std::string> expressions, mine;
  for (const auto& operation : operations)
    for (const auto& a : awkward())
      for (const auto& b : awkward()) {
        expressions.push_back(fmt::format(fmt::runtime(operation.form), "'" + a + "'::numeric", "'" + b + "'::numeric"));
        mine.push_back(shown(operation.ours(number(a), number(b))));
      }
  compare_with_postgresql(expressions, mine);
}

TEST(NumericAgainstPostgresql, FunctionsOfOne) {
  const std::vector<Operation> operations{
      {"-{}", [](const auto& a, const auto&) { return a.negated(); }},
      {"abs({})", [](const auto& a, const auto&) { return a.magnitude(); }},
      {"ceil({})", [](const auto& a, const auto&) { return a.ceiling(); }},
      {"floor({})", [](const auto& a, const auto&) { return a.floor(); }},
      {"trim_scale({})", [](const auto& a, const auto&) { return a.trimmed(); }},
      {"sqrt({})", [](const auto& a, const auto&) { return a.square_root(); }},
      {"exp({})", [](const auto& a, const auto&) { return a.exponential(); }},
      {"ln({})", [](const auto& a, const auto&) { return a.logarithm(); }},
      {"round({}, 2)", [](const auto& a, const auto&) { return a.rounded(2); }},
      {"round({}, -2)", [](const auto& a, const auto&) { return a.rounded(-2); }},
      {"trunc({}, 1)", [](const auto& a, const auto&) { return a.truncated(1); }},
      {"trunc({}, -1)", [](const auto& a, const auto&) { return a.truncated(-1); }},
      {"{}::numeric(5,2)", [](const auto& a, const auto&) { return a.with_modifier(numeric_modifier(5, 2)); }},
      {"{}::numeric(3,-2)", [](const auto& a, const auto&) { return a.with_modifier(numeric_modifier(3, -2)); }},
      {"{}::numeric(2,4)", [](const auto& a, const auto&) { return a.with_modifier(numeric_modifier(2, 4)); }},
      {"({}::float8)::numeric", [](const auto& a, const auto&) { return Numeric::from_double(a.to_double()); }}};
  std::vector<std::string> expressions, mine;
  for (const auto& operation : operations)
    for (const auto& a : awkward()) {
      if (operation.form[0] == 'e' && (a == "170141183460469231731687303715884105728" || number(a).leading_exponent() > 8)) continue;
      expressions.push_back(fmt::format(fmt::runtime(operation.form), "'" + a + "'::numeric"));
      mine.push_back(shown(operation.ours(number(a), {})));
    }
  compare_with_postgresql(expressions, mine);
}

TEST(NumericAgainstPostgresql, PowersAndLogarithms) {
  const std::vector<std::string> bases{"0",
                                       "1",
                                       "-1",
                                       "2",
                                       "-2",
                                       "10",
                                       "0.5",
                                       "1.5",
                                       "0.15",
                                       "123.456",
                                       "1.0000001",
                                       "0.99999999",
                                       "12345678901234567890.123456789",
                                       "1e-10",
                                       "NaN",
                                       "Infinity",
                                       "-Infinity",
                                       "2.718281828"};
  const std::vector<std::string> exponents{"0",        "1",         "-1",  "2",    "3",     "-3",       "17",      "0.5",
                                           "-0.5",     "1.5",       "100", "-100", "1000",  "0.001",    "33.3333", "3.0",
                                           "Infinity", "-Infinity", "NaN", "1e20", "-1e20", "12345.678"};
  std::vector<std::string> expressions, mine;
  for (const auto& base : bases)
    for (const auto& exponent : exponents) {
      expressions.push_back(fmt::format("power('{}'::numeric, '{}'::numeric)", base, exponent)),
          mine.push_back(shown(number(base).to_the(number(exponent))));
      expressions.push_back(fmt::format("log('{}'::numeric, '{}'::numeric)", base, exponent)),
          mine.push_back(shown(Numeric::logarithm(number(base), number(exponent))));
    }
  compare_with_postgresql(expressions, mine);
}

TEST(NumericAgainstPostgresql, DrawnValues) {
  Random random(11);
  std::vector<std::string> expressions, mine;
  for (int n = 0; n < 1500; ++n) {
    const auto draw = [&] {
      std::string text = random.chance(0.3) ? "-" : "";
      for (auto left = 1 + random.below(random.chance(0.2) ? 40 : 10); left > 0; --left) text += static_cast<char>('0' + random.below(10));
      if (random.chance(0.7)) text += '.';
      if (text.find('.') != std::string::npos)
        for (auto left = 1 + random.below(12); left > 0; --left) text += static_cast<char>('0' + random.below(10));
      return text;
    };
    const std::string a = draw(), b = draw();
    expressions.push_back(fmt::format("'{}'::numeric / '{}'::numeric", a, b)), mine.push_back(shown(number(a).divided_by(number(b))));
    expressions.push_back(fmt::format("sqrt(abs('{}'::numeric))", a)), mine.push_back(shown(number(a).magnitude().square_root()));
    if (n % 5 == 0)
      expressions.push_back(fmt::format("ln(abs('{}'::numeric) + 0.001)", a)),
          mine.push_back(shown(number(a).magnitude().plus(Numeric(1, 3))->logarithm()));
  }
  compare_with_postgresql(expressions, mine);
}

TEST(Numeric, ItsBinaryFormIsReadBack) {
  for (const auto& text : awkward()) {
    std::string bytes;
    number(text).append_binary(bytes);
    EXPECT_EQ(shown(Numeric::from_binary(bytes)), shown(number(text)));
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(Numeric::from_binary(std::string_view(bytes).substr(0, size)).ok());
  }
}

TEST(Numeric, ZerosAtTheEndAreTrimmedHoweverManyThereAre) {
  for (const std::size_t zeros : {0U, 1U, 2U, 3U, 7U, 100U, 1023U, 16'000U}) {
    const Numeric padded = number("12345678901234567890123.5" + std::string(zeros, '0'));
    EXPECT_EQ(padded.trimmed().to_string(), "12345678901234567890123.5") << zeros;
    EXPECT_EQ(number("-98765432109876543210" + (zeros > 0 ? "." + std::string(zeros, '0') : "")).trimmed().to_string(),
              "-98765432109876543210")
        << zeros;
  }
}

TEST(Numeric, EqualOnesHaveEqualHashesWhateverTheirScales) {
  for (const auto& a : awkward())
    for (const auto& b : awkward()) {
      const Numeric x = number(a), y = number(b);
      if (x.compare(y) == 0) {
        EXPECT_EQ(x.hash(), y.hash()) << a << ' ' << b;
      }
      EXPECT_EQ(x.compare(y) < 0, y.compare(x) > 0) << a << ' ' << b;
    }
  EXPECT_EQ(number("1e30").hash(), number("1e30").plus(number("0.000"))->hash());
}

}  // namespace
}  // namespace isobar::sql
