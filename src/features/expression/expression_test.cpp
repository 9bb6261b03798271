#include "features/expression.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "features/timestamp.h"

namespace isobar::features {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const Schema& trips() {
  static const Schema schema = *Schema::create({{"i", {Kind::kInt32}},
                                                {"l", {Kind::kInt64}},
                                                {"f", {Kind::kFloat32}},
                                                {"d", {Kind::kFloat64}},
                                                {"s", {Kind::kString}},
                                                {"b", {Kind::kBool}},
                                                {"t", {Kind::kTimestamp}},
                                                {"list", {Kind::kFloat32, true}},
                                                {"n", {Kind::kInt64}},
                                                {"Mixed Case", {Kind::kInt64}},
                                                {"x", {Kind::kBytes}}});
  return schema;
}
Row a_row() {
  return {Value(std::int32_t{7}),
          Value(std::int64_t{1} << 40),
          Value(0.5f),
          Value(2.5),
          Value("Hello"),
          Value(true),
          Value(*parse_timestamp("2024-02-29T13:14:15.5Z")),
          Value(List(std::vector<float>{1.5f, 2.5f})),
          Value(),
          Value(std::int64_t{9}),
          Value(Bytes{"\x01\xff"})};
}

/// As text, with its type: what most of these tests compare.
std::string shown(std::string_view text) {
  const auto expression = Expression::compile(text, trips());
  if (!expression) return expression.error().message();
  const auto value = expression->evaluate(a_row());
  if (!value) return value.error().message();
  return describe(*value) + " " + name_of(expression->type());
}

TEST(Expression, NumbersHaveTheTypesOfPostgresql) {
  EXPECT_EQ(shown("i + 1"), "8 int32");
  EXPECT_EQ(shown("i + l"), "1099511627783 int64");
  EXPECT_EQ(shown("i + f"), "7.5 float64");
  EXPECT_EQ(shown("f + f"), "1.0 float32");
  EXPECT_EQ(shown("f * 2.0"), "1.0 float64");
  EXPECT_EQ(shown("7 / 2"), "3 int32");
  EXPECT_EQ(shown("-7 / 2"), "-3 int32");
  EXPECT_EQ(shown("-7 % 3"), "-1 int32");
  EXPECT_EQ(shown("2 ^ 3 ^ 2"), "64.0 float64");
  EXPECT_EQ(shown("-2 ^ 2"), "4.0 float64");
  EXPECT_EQ(shown("1 + 2 * 3 - 4"), "3 int32");
  EXPECT_EQ(shown("coalesce(l, f)"), "1099511600000.0 float32");
  EXPECT_EQ(shown("2147483648"), "2147483648 int64");
  EXPECT_EQ(shown("-9223372036854775808"), "-9223372036854775808 int64");
  EXPECT_EQ(shown("round(2.5) + round(3.5) + round(-0.5)"), "6.0 float64");
}

TEST(Expression, OverflowIsAnErrorAndNeverWraps) {
  EXPECT_THAT(shown("2147483647 + 1"),
              AllOf(HasSubstr("beyond the range of int32"), HasSubstr("at 1:12\n  2147483647 + 1\n             ^")));
  EXPECT_THAT(shown("9223372036854775807 * 2"), HasSubstr("int64; cast an operand to float64"));
  EXPECT_THAT(shown("-9223372036854775808 / -1"), HasSubstr("int64"));
  EXPECT_EQ(shown("-9223372036854775808 % -1"), "0 int64");
  EXPECT_THAT(shown("abs(-2147483648)"), HasSubstr("int32"));
  EXPECT_THAT(shown("-(-9223372036854775808)"), HasSubstr("int64"));
  EXPECT_THAT(shown("1e308 * 10"), HasSubstr("float64"));
  EXPECT_THAT(shown("1e-300 * 1e-300"), HasSubstr("too small"));
  EXPECT_THAT(shown("exp(1000)"), HasSubstr("float64"));
  EXPECT_THAT(shown("9223372036854775808"), HasSubstr("9223372036854775808.0"));
  EXPECT_THAT(shown("3000000000::int32"), HasSubstr("beyond the range of int32"));
}

TEST(Expression, WhatIsNotDefinedIsAnErrorWithItsPlace) {
  EXPECT_THAT(shown("1 +\n l / (i - 7)"), HasSubstr("division by zero, at 2:4\n   l / (i - 7)\n     ^"));
  EXPECT_THAT(shown("d / 0"), HasSubstr("division by zero"));
  EXPECT_THAT(shown("sqrt(-1)"), HasSubstr("square root"));
  EXPECT_THAT(shown("ln(0)"), HasSubstr("logarithm of zero"));
  EXPECT_THAT(shown("power(0, -1)"), HasSubstr("zero to a negative power"));
  EXPECT_THAT(shown("'12a'::int"), HasSubstr("\"12a\" is not an integer"));
  EXPECT_EQ(shown("case when i = 0 then 1 / 0 else 5 end"), "5 int32");
  EXPECT_EQ(shown("b or 1 / (i - 7) = 1"), "true bool");
}

TEST(Expression, LogicHasThreeValues) {
  constexpr const char* kNames[] = {"true", "false", "null"};
  const char* const kAnd[] = {"true", "false", "null", "false", "false", "false", "null", "false", "null"};
  const char* const kOr[] = {"true", "true", "true", "true", "false", "null", "true", "null", "null"};
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b) {
      const std::string both = fmt::format("{} {{}} {}", kNames[a], kNames[b]);
      EXPECT_EQ(shown(fmt::format("{}::bool and {}::bool", kNames[a], kNames[b])), fmt::format("{} bool", kAnd[a * 3 + b]));
      EXPECT_EQ(shown(fmt::format("{}::bool or {}::bool", kNames[a], kNames[b])), fmt::format("{} bool", kOr[a * 3 + b]));
    }
  EXPECT_EQ(shown("not null"), "null bool");
  EXPECT_EQ(shown("null = null"), "null bool");
  EXPECT_EQ(shown("n is not distinct from null"), "true bool");
  EXPECT_EQ(shown("n is distinct from 1"), "true bool");
  EXPECT_EQ(shown("(n = 1) is unknown"), "true bool");
  EXPECT_EQ(shown("(n = 1) is not true"), "true bool");
  EXPECT_EQ(shown("1 in (2, null)"), "null bool");
  EXPECT_EQ(shown("2 in (2, null)"), "true bool");
  EXPECT_EQ(shown("1 not in (2, null)"), "null bool");
  EXPECT_EQ(shown("5 between 6 and null"), "false bool");
  EXPECT_EQ(shown("5 between 4 and null"), "null bool");
  EXPECT_EQ(shown("5 not between 1 and 3"), "true bool");
  EXPECT_EQ(shown("coalesce(n, null, 3)"), "3 int64");
  EXPECT_EQ(shown("nullif(i, 7)"), "null int32");
  EXPECT_EQ(shown("greatest(1, null, 2.5)"), "2.5 float64");
  EXPECT_EQ(shown("case i when 7 then 'seven' when null then 'none' end"), "\"seven\" string");
  EXPECT_EQ(shown("case n when null then 1 end"), "null int32");
}

TEST(Expression, NansAreOrderedAsInPostgresql) {
  EXPECT_EQ(shown("'NaN'::float64 = 'NaN'"), "true bool");
  EXPECT_EQ(shown("'NaN'::float64 > 'Infinity'"), "true bool");
  EXPECT_EQ(shown("-0.0 = 0.0"), "true bool");
  EXPECT_EQ(shown("greatest('NaN'::float64, 1)::text"), "\"NaN\" string");
}

TEST(Expression, TextsCountCodePoints) {
  EXPECT_EQ(shown("length('a\xc3\xa9\xf0\x9f\x98\x80')"), "3 int32");
  EXPECT_EQ(shown("substr('a\xc3\xa9z', 2, 1)"), "\"\xc3\xa9\" string");
  EXPECT_EQ(shown("substr('hello', -1, 3)"), "\"h\" string");
  EXPECT_EQ(shown("substr('hello', 2147483647, 2147483647)"), "\"\" string");
  EXPECT_EQ(shown("lower(s) || '-' || i || b"), "\"hello-7true\" string");
  EXPECT_EQ(shown("concat(s, n, b)"), "\"Hellot\" string");
  EXPECT_EQ(shown("s || null"), "null string");
  EXPECT_EQ(shown("split_part('a,b,c', ',', -1)"), "\"c\" string");
  EXPECT_EQ(shown("trim(both 'x' from 'xxaxx') || trim('  b ') || trim(leading from ' c')"), "\"abc\" string");
  EXPECT_EQ(shown("'a%c' like 'a\\%c' and 'abc' like 'a_c' and not 'abc' like 'A%'"), "true bool");
  EXPECT_EQ(shown("'abcabd' like '%ab_' and '' like '%' and 'x' not like ''"), "true bool");
  EXPECT_EQ(shown("'50%' like '50!%' escape '!'"), "true bool");
  EXPECT_THAT(shown("'a' like 'a\\'"), HasSubstr("ends in its escape"));
  EXPECT_EQ(shown("E'it''s\\n'"), "\"it's\\n\" string");
  EXPECT_EQ(shown("length(x)"), "2 int32");
  EXPECT_EQ(shown("x::text"), "\"\\\\x01ff\" string");
  EXPECT_EQ(shown("starts_with(s, 'He')"), "true bool");
}

TEST(Expression, TimesAreInUtc) {
  EXPECT_EQ(shown("date_trunc('week', t)"), "\"2024-02-26T00:00:00Z\" timestamp");
  EXPECT_EQ(shown("date_trunc('hour', timestamp '1969-12-31 23:59:59')"), "\"1969-12-31T23:00:00Z\" timestamp");
  EXPECT_EQ(shown("extract(doy from t)"), "60.0 float64");
  EXPECT_EQ(shown("date_part('second', t)"), "15.5 float64");
  EXPECT_EQ(shown("extract(week from timestamp '2021-01-03')"), "53.0 float64");
  EXPECT_EQ(shown("to_timestamp(epoch(t)) = t"), "true bool");
  EXPECT_EQ(shown("epoch_ns(timestamp '1970-01-01T00:00:00.000000001Z')"), "1 int64");
  EXPECT_EQ(shown("t > '2024-02-29'"), "true bool");
  EXPECT_EQ(shown("t::text"), "\"2024-02-29 13:14:15.5+00\" string");
  EXPECT_THAT(shown("t - t"), HasSubstr("epoch(a) - epoch(b)"));
  EXPECT_THAT(shown("date_trunc('fortnight', t)"), HasSubstr("there is no 'fortnight'"));
  EXPECT_THAT(shown("to_timestamp('NaN')"), HasSubstr("beyond what a timestamp holds"));
}

TEST(Expression, ListsHaveElementsFromOneAndALength) {
  EXPECT_EQ(shown("list[2]"), "2.5 float32");
  EXPECT_EQ(shown("list[3]"), "null float32");
  EXPECT_EQ(shown("list[0]"), "null float32");
  EXPECT_EQ(shown("cardinality(list) + array_length(list, 1)"), "4 int32");
  EXPECT_EQ(shown("list = list"), "true bool");
  EXPECT_THAT(shown("s[1]"), HasSubstr("string is no list"));
}

TEST(Expression, AHashIsTheSameForeverAndForWiderColumns) {
  EXPECT_EQ(shown("hash64(7)"), shown("hash64(7::int64)"));
  EXPECT_EQ(shown("hash64(0.5::float32)"), shown("hash64(f)"));
  EXPECT_NE(shown("hash64('a', 'bc')"), shown("hash64('ab', 'c')"));
  EXPECT_NE(shown("hash64(null)"), shown("hash64('')"));
  EXPECT_EQ(shown("hash64('isobar', 1)"), "8313281421371292784 int64");
}

TEST(Expression, ErrorsNameThePlaceAndTheNearestName) {
  EXPECT_THAT(shown("1 + mixed"), HasSubstr("at 1:5\n  1 + mixed\n      ^"));
  EXPECT_THAT(shown("lst"), HasSubstr("did you mean 'list'?"));
  EXPECT_THAT(shown("lenght(s)"), HasSubstr("did you mean length?"));
  EXPECT_THAT(shown("i + s"), HasSubstr("+ does not take (int32, string); it takes (int32, int32)"));
  EXPECT_THAT(shown("i = s"), HasSubstr("does not go together"));
  EXPECT_THAT(shown("case when 1 then 2 end"), HasSubstr("int32 where bool is needed, at 1:11"));
  EXPECT_THAT(shown("s::decimal"), HasSubstr("there are no decimals"));
  EXPECT_THAT(shown("b::timestamp"), HasSubstr("no cast from bool to timestamp"));
  EXPECT_THAT(shown("nullif(1)"), HasSubstr("nullif takes 2 arguments, not 1"));
  EXPECT_THAT(shown("1 < 2 < 3"), HasSubstr("put one of them in brackets"));
  EXPECT_THAT(shown("(1"), HasSubstr("the end is where ')' is needed"));
  EXPECT_THAT(shown("1 2"), HasSubstr("where the expression could end"));
  EXPECT_THAT(shown("'abc"), HasSubstr("close it by '"));
  EXPECT_THAT(shown("1 /* x"), HasSubstr("close it by */"));
  EXPECT_THAT(shown("1x"), HasSubstr("runs into a word"));
  EXPECT_THAT(shown(""), HasSubstr("empty"));
  EXPECT_THAT(shown("select"), HasSubstr("written \"select\""));
  EXPECT_THAT(Expression::compile_condition("i", trips()).error().message(), HasSubstr("a condition is true or false, and this is int32"));
  EXPECT_EQ(shown("\"Mixed Case\" + I"), "16 int64");
}

TEST(Expression, ItsSizeAndDepthAreBounded) {
  EXPECT_THAT(shown(std::string(200, '(') + "1" + std::string(200, ')')), HasSubstr("nested more than 100 deep"));
  std::string nots, chain = "i";
  for (int i = 0; i < 200; ++i) nots += "not ";
  EXPECT_THAT(shown(nots + "b"), HasSubstr("nested more than"));
  for (int i = 0; i < 900; ++i) chain += " + 1";
  EXPECT_EQ(shown(chain), "907 int32");
  for (int i = 0; i < 900; ++i) chain += " + 1";
  EXPECT_THAT(shown(chain), HasSubstr("group them by brackets"));
  EXPECT_THAT(shown(std::string(70'000, ' ') + "1"), HasSubstr("64 KiB"));
  std::string list = "i in (1";
  for (int i = 0; i < 11'000; ++i) list += ",1";
  EXPECT_THAT(shown(list + ")"), HasSubstr("more than 10000 parts"));
}

TEST(Expression, ReadsOnlyTheColumnsItNames) {
  const auto expression = Expression::compile("d + i + d", trips());
  EXPECT_THAT(std::vector<std::size_t>(expression->columns().begin(), expression->columns().end()), testing::ElementsAre(0u, 3u));
}

TEST(Expression, ManyRowsAreOneByOne) {
  const auto expression = Expression::compile("10 / i", trips());
  std::vector<Row> rows(3, a_row());
  rows[1][0] = Value();
  std::vector<Value> values;
  ASSERT_TRUE(expression->evaluate(rows, values).ok());
  EXPECT_EQ(values, (std::vector<Value>{Value(std::int32_t{1}), Value(), Value(std::int32_t{1})}));
  rows[2][0] = Value(std::int32_t{0});
  EXPECT_THAT(expression->evaluate(rows, values).error().message(), HasSubstr("row 3: division by zero"));
  const auto condition = Expression::compile_condition("i > 6", trips());
  EXPECT_TRUE(*condition->holds(a_row()));
  EXPECT_FALSE(*condition->holds(rows[1]));
}

/// Sums and differences against 128 bits, comparisons against the obvious.
RC_GTEST_PROP(Expression, IntegersAreExactOrAnError, (std::int64_t a, std::int64_t b)) {
  static const Schema schema = *Schema::create({{"a", {Kind::kInt64}}, {"b", {Kind::kInt64}}});
  if (*rc::gen::arbitrary<bool>()) a = *rc::gen::element<std::int64_t>(INT64_MIN, INT64_MAX, -1, 0, 1);
  const Row row{Value(a), Value(b)};
  const auto check = [&](const char* text, __int128 exact) {
    const auto value = Expression::compile(text, schema)->evaluate(row);
    const bool fits = exact >= INT64_MIN && exact <= INT64_MAX;
    RC_ASSERT(value.ok() == fits);
    if (fits) RC_ASSERT(value->as<std::int64_t>() == static_cast<std::int64_t>(exact));
  };
  check("a + b", static_cast<__int128>(a) + b);
  check("a - b", static_cast<__int128>(a) - b);
  check("a * b", static_cast<__int128>(a) * b);
  if (b != 0) check("a / b", static_cast<__int128>(a) / b);
  if (b != 0) check("a % b", static_cast<__int128>(a) % b);
  RC_ASSERT(Expression::compile("a < b", schema)->evaluate(row)->as<bool>() == (a < b));
}

bool slow_like(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%') return slow_like(text, pattern.substr(1)) || (!text.empty() && slow_like(text.substr(1), pattern));
  return !text.empty() && (pattern[0] == '_' || pattern[0] == text[0]) && slow_like(text.substr(1), pattern.substr(1));
}
RC_GTEST_PROP(Expression, LikeMatchesAsTryingEverythingDoes, ()) {
  static const Schema schema = *Schema::create({{"s", {Kind::kString}}, {"p", {Kind::kString}}});
  static const Expression like = *Expression::compile("s like p", schema);
  const auto text = *rc::gen::container<std::string>(rc::gen::element('a', 'b')),
             pattern = *rc::gen::container<std::string>(rc::gen::element('a', 'b', '%', '_'));
  if (text.size() > 12 || pattern.size() > 12) return;
  RC_ASSERT(like.evaluate({Value(text), Value(pattern)})->as<bool>() == slow_like(text, pattern));
}

RC_GTEST_PROP(Expression, AnyFloatGoesThroughItsText, (double number)) {
  static const Schema schema = *Schema::create({{"d", {Kind::kFloat64}}, {"f", {Kind::kFloat32}}});
  const Row row{Value(number), Value(static_cast<float>(number))};
  RC_ASSERT(Expression::compile("d::text::float64 = d", schema)->evaluate(row)->as<bool>());
  RC_ASSERT(Expression::compile("f::text::float32 = f", schema)->evaluate(row)->as<bool>());
}

}  // namespace
}  // namespace isobar::features
