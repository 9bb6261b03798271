// Thousands of texts through PostgreSQL and through this: what each type makes of them, and the SQLSTATE where it makes nothing.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/random.h"
#include "sql/postgresql.h"
#include "sql/time_zone.h"
#include "sql/type.h"
#include "sql/value.h"

namespace isobar::sql {
namespace {

std::string literal_of(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

struct Case {
  std::string type, text;
};

std::string ours(const Case& one) {
  const auto type = type_named(one.type);
  if (!type) return "no type";
  const auto value = from_text(*type, one.text, {});
  if (!value) return "!" + std::string(value.error().sqlstate());
  return to_text(*type, *value, {});
}

void compare_with_postgresql(const std::vector<Case>& cases) {
  auto* server = Postgresql::shared();
  if (server == nullptr) GTEST_SKIP() << "no PostgreSQL to compare with";
  std::vector<std::string> expressions;
  for (const auto& one : cases) expressions.push_back(literal_of(one.text) + "::" + (one.type == "char" ? "\"char\"" : one.type));
  const auto theirs = server->evaluate(expressions);
  std::size_t wrong = 0;
  for (std::size_t place = 0; place < cases.size(); ++place) {
    // A cast to text of a boolean is a word, its output a letter.
    std::string mine = ours(cases[place]);
    if (cases[place].type == "bool" && mine[0] != '!') mine = mine == "t" ? "true" : "false";
    if (mine != theirs[place] && ++wrong <= 25)
      ADD_FAILURE() << expressions[place] << "\n  PostgreSQL: " << theirs[place] << "\n  ours:       " << mine;
  }
  EXPECT_EQ(wrong, 0u) << "of " << cases.size();
}

std::vector<Case> cross(const std::vector<std::string>& types, const std::vector<std::string>& texts) {
  std::vector<Case> cases;
  for (const auto& type : types)
    for (const auto& text : texts) cases.push_back({type, text});
  return cases;
}

TEST(PostgresqlTexts, Scalars) {
  compare_with_postgresql(cross({"bool", "int2", "int4", "int8", "float4", "float8", "numeric", "oid", "uuid", "bytea", "text", "name"},
                                {"",
                                 " ",
                                 "t",
                                 "tr",
                                 "TRUE",
                                 " yes ",
                                 "y",
                                 "o",
                                 "on",
                                 "of",
                                 "off",
                                 "n",
                                 "no",
                                 "0",
                                 "1",
                                 "2",
                                 "-1",
                                 "+1",
                                 "+-1",
                                 "--1",
                                 "1.5",
                                 " 42 ",
                                 "4 2",
                                 "32767",
                                 "32768",
                                 "-32768",
                                 "-32769",
                                 "2147483647",
                                 "2147483648",
                                 "-2147483648",
                                 "-2147483649",
                                 "9223372036854775807",
                                 "9223372036854775808",
                                 "-9223372036854775808",
                                 "-9223372036854775809",
                                 "4294967295",
                                 "4294967296",
                                 "1e5",
                                 "1e-5",
                                 "1E+5",
                                 "1.5e",
                                 ".5",
                                 "5.",
                                 ".",
                                 "-",
                                 "+",
                                 "1e400",
                                 "1e-400",
                                 "1e308",
                                 "-1e39",
                                 "3.4e38",
                                 "1e-45",
                                 "1e-46",
                                 "5e-324",
                                 "2e-324",
                                 "nan",
                                 "NaN",
                                 "-nan",
                                 "Infinity",
                                 "-infinity",
                                 "+inf",
                                 "inf",
                                 "0.1",
                                 "0.30000000000000004",
                                 "1e15",
                                 "1e14",
                                 "123456789012345678",
                                 "1234567",
                                 "0.0001",
                                 "0.00001",
                                 "100000",
                                 "1000000",
                                 "-0",
                                 "-0.0",
                                 "0x10",
                                 "1_000",
                                 "1.0e-3",
                                 "00012.3400",
                                 "1e131071",
                                 "1e131072",
                                 "1e-16383",
                                 "1e-16384",
                                 "99999999999999999999999999.99",
                                 "abc",
                                 "12abc",
                                 "\\x00ff",
                                 "\\xABcd",
                                 "\\x0",
                                 "\\xg0",
                                 "\\x 01 02",
                                 "a\\\\b",
                                 "a\\001b",
                                 "a\\1",
                                 "\\",
                                 "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
                                 "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}",
                                 "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
                                 "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
                                 "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11x",
                                 "a-0eebc999c0b4ef8bb6d6bb9bd380a11",
                                 "\xc3\xa9t\xc3\xa9",
                                 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
                                 "\t7\n"}));
}

TEST(PostgresqlTexts, DatesAndTimes) {
  compare_with_postgresql(cross({"date", "timestamp", "timestamptz"}, {"2024-01-02",
                                                                       "20240102",
                                                                       "240102",
                                                                       "2024-1-2",
                                                                       "2024/01/02",
                                                                       "01/02/2024",
                                                                       "13/01/2024",
                                                                       "1/2/24",
                                                                       "1/2/70",
                                                                       "1-2-2024",
                                                                       "Jan 2, 2024",
                                                                       "January 2 2024",
                                                                       "2 Jan 2024",
                                                                       "2-Jan-2024",
                                                                       "Jan-2-2024",
                                                                       "2024-Jan-02",
                                                                       "2024 Jan 2",
                                                                       "Tue Jan 2 2024",
                                                                       "Jan 2",
                                                                       "2024",
                                                                       "2024-02-30",
                                                                       "2023-02-29",
                                                                       "2024-02-29",
                                                                       "2024-13-01",
                                                                       "2024-00-01",
                                                                       "2024-01-32",
                                                                       "0000-01-01",
                                                                       "0001-01-01",
                                                                       "44-03-15 BC",
                                                                       "0044-03-15 BC",
                                                                       "4714-11-24 BC",
                                                                       "4714-11-23 BC",
                                                                       "4713-01-01 BC",
                                                                       "5874897-12-31",
                                                                       "5874898-01-01",
                                                                       "294276-12-31",
                                                                       "294277-01-01",
                                                                       "10000-01-01",
                                                                       "99999-12-31",
                                                                       "infinity",
                                                                       "-infinity",
                                                                       "epoch",
                                                                       "inf",
                                                                       "J2451187",
                                                                       "2024.032",
                                                                       "2024-032",
                                                                       "2024032",
                                                                       "",
                                                                       " ",
                                                                       "abc",
                                                                       "1",
                                                                       "12",
                                                                       "123",
                                                                       "2024-01-02 03:04:05",
                                                                       "2024-01-02T03:04:05",
                                                                       "2024-01-02t03:04:05Z",
                                                                       "2024-01-02 03:04:05.123456",
                                                                       "2024-01-02 03:04:05.1234567",
                                                                       "2024-01-02 03:04:05.9999999",
                                                                       "2024-01-02 03:04",
                                                                       "2024-01-02 3:4:5",
                                                                       "2024-01-02 24:00:00",
                                                                       "2024-01-02 24:00:01",
                                                                       "2024-01-02 23:59:60",
                                                                       "2024-01-02 23:60:00",
                                                                       "2024-01-02 25:00:00",
                                                                       "2024-01-02 03:04:05+02",
                                                                       "2024-01-02 03:04:05-0330",
                                                                       "2024-01-02 03:04:05+05:30",
                                                                       "2024-01-02 03:04:05+05:30:15",
                                                                       "2024-01-02 03:04:05 +02",
                                                                       "2024-01-02 03:04:05+16",
                                                                       "2024-01-02 03:04:05 UTC",
                                                                       "2024-01-02 03:04:05 GMT",
                                                                       "2024-01-02 03:04:05 EST",
                                                                       "2024-01-02 03:04:05 PST",
                                                                       "2024-01-02 03:04:05 CET",
                                                                       "2024-07-02 03:04:05 Europe/Berlin",
                                                                       "2024-01-02 03:04:05 europe/berlin",
                                                                       "2024-03-10 02:30:00 America/New_York",
                                                                       "2024-11-03 01:30:00 America/New_York",
                                                                       "2024-01-02 03:04:05 Foo/Bar",
                                                                       "2024-01-02 03:04:05 FOO",
                                                                       "2024-01-02 03:04 PM",
                                                                       "2024-01-02 03:04PM",
                                                                       "2024-01-02 12:00 AM",
                                                                       "2024-01-02 12:00 PM",
                                                                       "2024-01-02 13:00 PM",
                                                                       "03:04",
                                                                       "03:04:05",
                                                                       "030405",
                                                                       "03:04:05.678",
                                                                       "03:04:05 PM",
                                                                       "24:00:00",
                                                                       "24:00:01",
                                                                       "03:04:05+02",
                                                                       "0304",
                                                                       "allballs",
                                                                       "20240102T030405",
                                                                       "20240102T0304",
                                                                       "20240102 030405",
                                                                       "2024-01-02 030405",
                                                                       "2024-01-02 0304",
                                                                       "2024-01-02 03",
                                                                       "2024-01-02T03",
                                                                       "Jan 2 2024 03:04:05 2023",
                                                                       "2024-01-02 03:04:05 BC",
                                                                       "2024-01-02 03:04:05 AD",
                                                                       "04:05:06 2024-01-02",
                                                                       "2024-01-02,03:04:05",
                                                                       "2024-01-02 03:04:05:06",
                                                                       "2024-01-02-03",
                                                                       "12/31/1999 23:59:59.999999",
                                                                       "1999-12-31 23:59:59.9999995",
                                                                       "2100-06-01 12:00:00 Europe/Berlin",
                                                                       "1900-06-01 12:00:00 Europe/Berlin",
                                                                       "2024-01-02 03:04:05 Z",
                                                                       "2024-01-02 03:04:05 zulu",
                                                                       "Sept 5 2024",
                                                                       "2024-W01-1",
                                                                       "2.1.2024",
                                                                       "2024.01.02"}));
}

TEST(PostgresqlTexts, TimesOfDay) {
  compare_with_postgresql(cross({"time"}, {"03:04",
                                           "03:04:05",
                                           "030405",
                                           "0304",
                                           "03:04:05.678",
                                           "030405.678",
                                           "03:04:05 PM",
                                           "3:4 am",
                                           "12:00 AM",
                                           "13:00 PM",
                                           "24:00:00",
                                           "24:00:01",
                                           "25:00",
                                           "23:59:60",
                                           "23:60",
                                           "allballs",
                                           "03:04:05+02",
                                           "03:04:05 UTC",
                                           "03:04:05 Europe/Berlin",
                                           "2024-01-02 03:04:05",
                                           "2024-01-02 03:04:05 Europe/Berlin",
                                           "23:59:59.9999999",
                                           "",
                                           "abc",
                                           "1",
                                           "infinity",
                                           "epoch",
                                           "04:05:06.1234565",
                                           "04:05.5"}));
}

TEST(PostgresqlTexts, Intervals) {
  compare_with_postgresql(cross({"interval"}, {"1 day",
                                               "1 day 02:03:04",
                                               "1 year 2 mons",
                                               "1 year 2 mons 3 days 04:05:06.789",
                                               "P1Y2M3DT4H5M6S",
                                               "P1Y2M3.5DT4H",
                                               "P0001-02-03T04:05:06",
                                               "PT1H",
                                               "P1W",
                                               "PT",
                                               "P",

                                               "1-2",
                                               "-1-2",
                                               "1 2:03",
                                               "1 2:03:04",
                                               "-1 2:03:04",
                                               "02:03",
                                               "02:03:04.5",
                                               "2:3.5",
                                               "-02:03:04",
                                               "+02:03",
                                               "1 day ago",
                                               "1 year 2 mons ago",
                                               "@ 1 minute",
                                               "1.5 days",
                                               "1.5 months",
                                               "1.3 years",
                                               "2.5 weeks",
                                               "0.1 month",
                                               "1.5 weeks ago",
                                               "10",
                                               "1.5",
                                               "-10",
                                               "1 year 10",
                                               "1 sec",
                                               "100 ms",
                                               "5 us",
                                               "1.5 ms",
                                               "1 microsecond",
                                               "3 milliseconds",
                                               "1 century",
                                               "1 decade",
                                               "2 millennia",
                                               "1.25 centuries",
                                               "1y2mon3d4h5m6s",
                                               "1d",
                                               "3h",
                                               "1 mon 1 min",
                                               "1 day -2:00",
                                               "-1 day 2 hours",
                                               "-1 days +02:03:00",
                                               "1 day 1 day",
                                               "1 foo",
                                               "foo",
                                               "",
                                               " ",
                                               "1 day 2",
                                               "1 2",
                                               "1 2 days",
                                               "25:00:00",
                                               "100:59:59",
                                               "1:60:00",
                                               "1:00:61",
                                               "2147483647 days",
                                               "2147483648 days",
                                               "178956970 years",
                                               "178956971 years",
                                               "2562047788 hours",
                                               "9223372036854775807 us",
                                               "9223372036854775808 us",
                                               "1 day 00:00:00.0000005",

                                               "1 year -1 mon",
                                               "-1 year 1 day",
                                               "1 mon -1 day 00:00:01",
                                               "0",
                                               "0 days",
                                               "-0.1 sec",
                                               "1e3 sec",
                                               "P-1Y",
                                               "P1Y-2M",
                                               "PT-1.5S",
                                               "1 hour 30 minutes",
                                               "90 minutes",
                                               "36 hours"}));
}

TEST(PostgresqlTexts, ArraysAndJson) {
  std::vector<Case> cases = cross({"int4[]", "text[]", "numeric[]"}, {"{}",
                                                                      "{1,2,3}",
                                                                      "{1,NULL,3}",
                                                                      "{1,null}",
                                                                      "{ 1 , 2 }",
                                                                      " {1} ",
                                                                      "{{1,2},{3,4}}",
                                                                      "{{1,2},{3}}",
                                                                      "{{1},2}",
                                                                      "{1,{2}}",
                                                                      "[2:3]={1,2}",
                                                                      "[0:1][1:1]={{1},{2}}",
                                                                      "[1:3]={1,2}",
                                                                      "{1,2",
                                                                      "1,2}",
                                                                      "{1,,2}",
                                                                      "{1,}",
                                                                      "{,1}",
                                                                      "{}}",
                                                                      "{1}x",
                                                                      "",
                                                                      "{\"a b\",c}",
                                                                      "{\"a\\\"b\",\"c\\\\d\"}",
                                                                      "{a\\,b}",
                                                                      "{\"\"}",
                                                                      "{\"NULL\",NULL}",
                                                                      "{\"1\",2}",
                                                                      "{a b}",
                                                                      "{{}}",
                                                                      "{{},{}}",
                                                                      "{{{1}}}",
                                                                      "{{{{{{{1}}}}}}}",
                                                                      "[3:2]={1}",
                                                                      "[a]={1}",
                                                                      "{'x'}",
                                                                      "{a\"b}"});
  for (auto& one : cross({"json", "jsonb"}, {"{}",
                                             "[]",
                                             "null",
                                             "true",
                                             "false",
                                             "tru",
                                             "1",
                                             "-1.50",
                                             "1e5",
                                             "1E-3",
                                             "01",
                                             "1.",
                                             ".5",
                                             "-",
                                             "\"a\"",
                                             "\"a\\u00e9\"",
                                             "\"\\ud83d\\ude00\"",
                                             "\"\\ud83d\"",
                                             "\"\\u0000\"",
                                             "\"\\x\"",
                                             "\"a",
                                             "\"tab\there\"",
                                             "{\"a\":1,\"b\":[2,3]}",
                                             "{\"b\":1,\"a\":2,\"aa\":3,\"a\":4}",
                                             " { \"a\" : [ ] } ",
                                             "{\"a\"}",
                                             "{\"a\":}",
                                             "{a:1}",
                                             "{\"a\":1,}",
                                             "[1,]",
                                             "[1 2]",
                                             "[1,2",
                                             "{\"a\":1",
                                             "",
                                             " ",
                                             "1 2",
                                             "nul",
                                             "[[[[]]]]",
                                             "{\"\":{}}",
                                             "\"\\/\\b\\f\\n\\r\\t\\\"\\\\\"",
                                             "123456789012345678901234567890.123",
                                             "1e1000",
                                             "[1.10, 1.1]",
                                             "\"\xc3\xa9\"",
                                             "{\"k\":null}",
                                             "NaN"}))
    cases.push_back(one);
  compare_with_postgresql(cases);
}

/// Texts drawn from pieces that dates are made of: most are wrong, and must be wrong in the same way.
TEST(PostgresqlTexts, DrawnTimestampsAndNumbers) {
  Random random(7);
  const auto pick = [&](const std::vector<std::string>& from) { return from[random.below(from.size())]; };
  std::vector<Case> cases;
  for (int n = 0; n < 1500; ++n) {
    const auto year = random.below(3000), month = random.below(14), day = random.below(33);
    std::string date =
        pick({fmt::format("{:04}-{:02}-{:02}", year, month, day), fmt::format("{:02}/{:02}/{:04}", month, day, year),
              fmt::format("{} {} {}", day, pick({"Jan", "feb", "MARCH", "Dec"}), year), fmt::format("{:04}{:02}{:02}", year, month, day)});
    std::string time =
        pick({"", fmt::format(" {}:{:02}", random.below(26), random.below(62)),
              fmt::format(" {:02}:{:02}:{:02}.{}", random.below(25), random.below(60), random.below(61), random.below(10'000'000))});
    if (!time.empty()) time += pick({"", "", "Z", "+01", "-08:30", " Europe/Paris", " America/Sao_Paulo", " PM"});
    cases.push_back({pick({"timestamp", "timestamptz", "date"}), date + time});
  }
  for (int n = 0; n < 1500; ++n) {
    std::string digits = pick({"", "-", "+"});
    for (auto left = random.below(25); left > 0; --left) digits += static_cast<char>('0' + random.below(10));
    if (random.chance(0.6)) digits += '.';
    for (auto left = random.below(12); left > 0; --left) digits += static_cast<char>('0' + random.below(10));
    if (random.chance(0.3)) digits += fmt::format("e{}", static_cast<int>(random.below(60)) - 30);
    cases.push_back({pick({"numeric", "float8", "float4", "int8"}), digits});
  }
  compare_with_postgresql(cases);
}

}  // namespace
}  // namespace isobar::sql
