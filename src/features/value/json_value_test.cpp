#include "features/json_value.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <boost/json.hpp>

#include "features/json_text.h"
#include "value_gen.h"

namespace isobar::features {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string json_of(const Value& value) {
  std::string text;
  append_json(text, value);
  return text;
}
Result<Value> read(std::string_view text, Type type) { return value_from_json(*parse_json(text), {"c", type}); }
std::string error_of(std::string_view text, Type type) {
  const auto value = read(text, type);
  return value.ok() ? "no error: " + describe(*value) : value.error().message();
}

// feast #1480 and what responses are pinned to (#2417, #3381)
TEST(JsonOut, IsFeastsForm) {
  EXPECT_EQ(json_of(Value()), "null");
  EXPECT_EQ(json_of(Value(std::int64_t{9007199254740993})), "9007199254740993");
  EXPECT_EQ(json_of(Value(0.7f)), "0.7");
  EXPECT_EQ(json_of(Value(1.0)), "1.0");
  EXPECT_EQ(json_of(Value(-0.0)), "-0.0");
  EXPECT_EQ(json_of(Value(1e20)), "1e+20");
  EXPECT_EQ(json_of(Value(Bytes{"hello"})), "\"aGVsbG8=\"");
  EXPECT_EQ(json_of(Value(Instant::from_unix_seconds(0))), "\"1970-01-01T00:00:00Z\"");
  EXPECT_EQ(json_of(Value(List(std::vector<std::uint8_t>{1, 0}))), "[true,false]");
  EXPECT_EQ(json_of(Value(std::string("a\"\\\n\0\x1f", 6))), "\"a\\\"\\\\\\n\\u0000\\u001f\"");
}

TEST(JsonOut, NeverHasANanAndSaysSo) {
  std::string text;
  EXPECT_EQ(append_json(text, Value(List(std::vector<double>{1, INFINITY, 2}))), JsonLoss::kNotFinite);
  EXPECT_EQ(text, "[1.0,null,2.0]");
  EXPECT_EQ(json_of(Value(std::nanf(""))), "null");
  EXPECT_EQ(name_of(status_of(Value(std::nan("")))), "INVALID");
  EXPECT_EQ(name_of(status_of(Value())), "NULL_VALUE");
  EXPECT_EQ(name_of(status_of(Value(0.0))), "PRESENT");
}

// feast #3171, #4110, #5357
TEST(JsonIn, AnIntegerIsOfTheDeclaredWidth) {
  EXPECT_EQ(*read("1001", {Kind::kInt32}), Value(std::int32_t{1001}));
  EXPECT_EQ(*read("1001", {Kind::kInt64}), Value(std::int64_t{1001}));
  EXPECT_EQ(*read("1e3", {Kind::kInt64}), Value(std::int64_t{1000}));
  EXPECT_EQ(*read("0", {Kind::kFloat32}), Value(0.0f));
  EXPECT_EQ(*read("0.1", {Kind::kFloat32}), Value(0.1f));
  EXPECT_EQ(*read("9223372036854775808", {Kind::kFloat64}), Value(0x1p63));
}

TEST(JsonIn, RefusesWithColumnValueAndMend) {
  EXPECT_THAT(error_of("9007199254740993", {Kind::kFloat64}),
              AllOf(HasSubstr("column 'c'"), HasSubstr("9007199254740993"), HasSubstr("int64")));
  EXPECT_THAT(error_of("9007199254740993.0", {Kind::kInt64}), HasSubstr("without point or exponent"));
  EXPECT_THAT(error_of("18446744073709551615", {Kind::kInt64}), HasSubstr("the largest integer"));
  EXPECT_THAT(error_of("2147483648", {Kind::kInt32}), HasSubstr("int64"));
  EXPECT_THAT(error_of("\"12\"", {Kind::kInt32}), HasSubstr("without quotes"));
  EXPECT_THAT(error_of("1", {Kind::kBool}), HasSubstr("true or false"));
  EXPECT_THAT(error_of("12", {Kind::kString}), HasSubstr("in quotes"));
  EXPECT_THAT(error_of("\"?\"", {Kind::kBytes}), HasSubstr("base64"));
  EXPECT_THAT(error_of("1700000000", {Kind::kTimestamp}), HasSubstr("2024-02-29T12:00:00Z"));
  EXPECT_THAT(error_of("[1,null]", {Kind::kInt32, true}), HasSubstr("element 2 is null"));
  EXPECT_THAT(error_of("7", {Kind::kInt32, true}), HasSubstr("write an array"));
  EXPECT_THAT(error_of("1e39", {Kind::kFloat32}), HasSubstr("too large"));
}

TEST(JsonText, ReadsDoublesToTheLastBit) {
  for (const char* text : {"1.7976931348623157e308", "5e-324", "2.2250738585072011e-308", "0.1", "123456789012345678.5", "1e-400"})
    EXPECT_EQ(parse_json(text)->get_double(), std::strtod(text, nullptr)) << text;
  EXPECT_FALSE(parse_json("1e309").ok());
  EXPECT_FALSE(parse_json("\"\xff\"").ok());
  EXPECT_THAT(parse_json("[1,2").error().message(), HasSubstr("incomplete JSON"));
}

RC_GTEST_PROP(Json, WhatIsWrittenReadsBackToTheSameBits, ()) {
  const Type type = *any_type();
  const Value value = *any_value_of(type);
  std::string text;
  if (append_json(text, value) == JsonLoss::kNotFinite) return;
  const auto back = read(text, type);
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == value);
}

const Schema& drivers() {
  static const Schema schema = *Schema::create({{"driver_id", {Kind::kInt32}}, {"rate", {Kind::kFloat32}}}, {"driver_id"});
  return schema;
}

// feast #2814: columns of nulls alone
TEST(JsonRows, ColumnsBecomeRowsWithTypedNulls) {
  const auto rows = rows_from_json_columns(*parse_json(R"({"rate":[null,null],"driver_id":[1001,1002]})"), drivers());
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ((*rows)[1], (Row{Value(std::int32_t{1002}), Value()}));
}

TEST(JsonRows, SayWhichColumnAndRow) {
  const auto error = [](const char* text) { return rows_from_json_columns(*parse_json(text), drivers()).error().message(); };
  EXPECT_THAT(error(R"({"driver_id":[1,2],"rate":[0.5]})"), HasSubstr("'driver_id' has 2 rows and 'rate' has 1"));
  EXPECT_THAT(error(R"({"driver_id":[1,"x"]})"), AllOf(HasSubstr("row 2"), HasSubstr("'driver_id'")));
  EXPECT_THAT(error(R"({"driverid":[1]})"), HasSubstr("did you mean 'driver_id'?"));
  EXPECT_THAT(error(R"({"driver_id":1})"), HasSubstr("one value for each row"));
  EXPECT_THAT(error("[1]"), HasSubstr("not an object"));
}

TEST(JsonRows, TextThatIsNoJsonSaysWhere) {
  EXPECT_EQ(*row_from_json_text(R"( {"driver_id": 7} )", drivers()), (Row{Value(std::int32_t{7}), Value()}));
  EXPECT_THAT(row_from_json_text(R"({"driver_id": NaN})", drivers()).error().message(), HasSubstr("not JSON at byte 15"));
  EXPECT_THAT(row_from_json_text("{} {}", drivers()).error().message(), HasSubstr("more after"));
  EXPECT_FALSE(row_from_json_text(std::string(100, '['), drivers()).ok());
  EXPECT_FALSE(row_from_json_text("{\"driver_id\"", drivers()).ok());
}

}  // namespace
}  // namespace isobar::features
