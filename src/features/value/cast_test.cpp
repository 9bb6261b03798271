#include "features/cast.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "features/timestamp.h"
#include "value_gen.h"

namespace isobar::features {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr Type kInt32{Kind::kInt32}, kInt64{Kind::kInt64}, kFloat32{Kind::kFloat32}, kFloat64{Kind::kFloat64}, kString{Kind::kString};

std::string error_of(const Result<Value>& result) { return result.ok() ? "no error: " + describe(*result) : result.error().message(); }

TEST(Type, IsReadByItsNameAndBySqls) {
  EXPECT_EQ(*parse_type("int64[]"), (Type{Kind::kInt64, true}));
  EXPECT_EQ(*parse_type("Double Precision"), kFloat64);
  EXPECT_EQ(name_of(*parse_type("timestamptz")), "timestamp");
  EXPECT_THAT(parse_type("int46").error().message(), HasSubstr("did you mean int64?"));
  EXPECT_THAT(parse_type("float").error().message(), HasSubstr("float32 or float64"));
  EXPECT_THAT(parse_type("decimal").error().message(), HasSubstr("no decimals"));
}

TEST(Schema, NamesWhatIsWrongWithIt) {
  EXPECT_THAT(Schema::create({{"a", kInt32}, {"a", kInt64}}).error().message(), HasSubstr("two columns are named 'a'"));
  EXPECT_THAT(Schema::create({{"driver_id", kInt32}}, {"driver_di"}).error().message(), HasSubstr("did you mean 'driver_id'?"));
  EXPECT_THAT(Schema::create({{"x", kFloat64}}, {"x"}).error().message(), HasSubstr("make it an integer or a string"));
  EXPECT_THAT(Schema::create({{"x", {Kind::kInt32, true}}}, {"x"}).error().message(), HasSubstr("a key is a scalar"));
  EXPECT_THAT(Schema::create({{"", kFloat64}}).error().message(), HasSubstr("column 1 has no name"));
  EXPECT_THAT(Schema::create({{"a", kInt32}}, {"a", "a"}).error().message(), HasSubstr("twice among the keys"));
}

// feast #5628
TEST(Schema, AViewWithoutEntityHasTheEmptyKey) {
  const auto schema = Schema::create({{"rate", kFloat64}});
  ASSERT_TRUE(schema.ok());
  EXPECT_TRUE(schema->keys().empty());
  EXPECT_TRUE(schema->check({Value(0.5)}).ok());
  EXPECT_TRUE(schema->check({Value()}).ok());
  EXPECT_FALSE(schema->check({Value(1.0f)}).ok());
  EXPECT_FALSE(schema->check({}).ok());
}

// feast #1904, #3400
TEST(Cast, TheIntegerZeroGoesIntoAFloatColumnAndAFloatStaysAFloat) {
  EXPECT_EQ(*cast(Value(std::int64_t{0}), kFloat32), Value(0.0f));
  EXPECT_EQ(*cast(Value(std::int32_t{7}), kFloat64), Value(7.0));
  EXPECT_EQ(*cast(Value(0.5), kFloat32), Value(0.5f));
}

TEST(Cast, RefusesWhatWouldChangeTheNumber) {
  const std::int64_t odd = (std::int64_t{1} << 53) + 1;
  EXPECT_THAT(error_of(cast_into({"amount", kFloat64}, Value(odd))),
              AllOf(HasSubstr("column 'amount'"), HasSubstr("9007199254740993"), HasSubstr("declare the column int64")));
  EXPECT_THAT(error_of(cast(Value(std::int64_t{1} << 31), kInt32)), HasSubstr("declare the column int64"));
  EXPECT_THAT(error_of(cast(Value(0.1), kFloat32)), HasSubstr("rounded"));
  EXPECT_THAT(error_of(cast(Value(1e300), kFloat32)), HasSubstr("too large"));
  EXPECT_THAT(error_of(cast(Value(0.5), kInt64)), HasSubstr("float64"));
  EXPECT_THAT(error_of(cast(Value(std::nan("")), kInt64)), HasSubstr("nan"));
  EXPECT_THAT(error_of(cast(Value(0x1p63), kInt64)), HasSubstr("does not fit int64"));
  EXPECT_THAT(error_of(cast(Value(std::int64_t{INT64_MAX}), kFloat64)), HasSubstr("rounded"));
  EXPECT_THAT(error_of(cast(Value(true), kInt64)), HasSubstr("no numbers here"));
  EXPECT_THAT(error_of(cast(Value("12"), kInt64)), HasSubstr("without quotes"));
  EXPECT_THAT(error_of(cast(Value(List(std::vector<double>{1, 2.5})), {Kind::kInt32, true})), HasSubstr("element 2"));
}

// feast #1480, #2814, #6063, #4274
TEST(Cast, NullStaysNullInEveryTypeAndNanIsNotNull) {
  for (int kind = 1; kind <= 8; ++kind) EXPECT_TRUE(cast(Value(), Type{static_cast<Kind>(kind)})->is_null());
  const auto nan = cast(Value(std::nan("")), kFloat32);
  ASSERT_TRUE(nan.ok());
  EXPECT_FALSE(nan->is_null());
  EXPECT_TRUE(std::isnan(nan->as<float>()));
}

RC_GTEST_PROP(Cast, WhatItGivesGoesBackToTheSame, ()) {
  const Type from{*rc::gen::element(Kind::kInt32, Kind::kInt64, Kind::kFloat32, Kind::kFloat64), *rc::gen::arbitrary<bool>()};
  const Type to{*rc::gen::element(Kind::kInt32, Kind::kInt64, Kind::kFloat32, Kind::kFloat64), from.list};
  const Value value = *any_value_of(from);
  const auto there = cast(value, to);
  if (!there.ok()) return;
  RC_ASSERT(there->type() == to);
  if (!to.list) RC_ASSERT(is_eq(compare(*there, value)));
  RC_ASSERT(is_eq(compare(*cast(*there, from), value)));
}

TEST(Compare, FollowsPostgresql) {
  EXPECT_TRUE(compare(Value(), Value(1.0)) > 0);
  EXPECT_TRUE(compare(Value(std::nan("")), Value(std::nan(""))) == 0);
  EXPECT_TRUE(compare(Value(std::nan("")), Value(1e308)) > 0);
  EXPECT_TRUE(compare(Value(-0.0), Value(0.0)) == 0);
  EXPECT_FALSE(Value(-0.0) == Value(0.0));
  EXPECT_TRUE(compare(Value((std::int64_t{1} << 53) + 1), Value(0x1p53)) > 0);
  EXPECT_TRUE(compare(Value(std::int64_t{INT64_MAX}), Value(0x1p63)) < 0);
  EXPECT_TRUE(compare(Value("a"), Value("ab")) < 0);
  EXPECT_TRUE(compare(Value(List(std::vector<float>{1, 2})), Value(List(std::vector<float>{1}))) > 0);
}

TEST(Timestamp, IsReadToTheNanosecondAndWrittenAsShortAsItIsExact) {
  for (const char* text : {"1970-01-01T00:00:00Z", "2021-12-31T23:00:00Z", "2024-02-29T12:00:00.123Z", "2024-02-29T12:00:00.123456Z",
                           "1969-12-31T23:59:59.999999999Z", "1677-09-21T00:12:43.145224192Z", "2262-04-11T23:47:16.854775807Z"}) {
    const auto at = parse_timestamp(text);
    ASSERT_TRUE(at.ok()) << text;
    EXPECT_EQ(to_rfc3339(*at), text);
  }
  EXPECT_EQ(to_rfc3339(*parse_timestamp("2014-02-14 14:30:00")), "2014-02-14T14:30:00Z");
  EXPECT_EQ(to_rfc3339(*parse_timestamp("2014-02-14")), "2014-02-14T00:00:00Z");
  EXPECT_EQ(to_rfc3339(*parse_timestamp("2024-03-31T02:30:00.5+02:00")), "2024-03-31T00:30:00.500Z");
  EXPECT_EQ(to_rfc3339(*parse_timestamp("2016-12-31T23:59:60Z")), "2017-01-01T00:00:00Z");
}

TEST(Timestamp, RefusesWithTheMend) {
  EXPECT_THAT(parse_timestamp("yesterday").error().message(), HasSubstr("write it as 2024-02-29T12:00:00Z"));
  EXPECT_THAT(parse_timestamp("2023-02-29T00:00:00Z").error().message(), HasSubstr("not in the calendar"));
  EXPECT_THAT(parse_timestamp("2023-02-28T24:00:00Z").error().message(), HasSubstr("not on the clock"));
  EXPECT_THAT(parse_timestamp("2263-01-01").error().message(), HasSubstr("2262-04-11"));
  EXPECT_THAT(parse_timestamp("2023-02-28T10:00:00.1234567891Z").error().message(), HasSubstr("nine digits"));
  for (const char* text : {"", "2023", "2023-02-28T", "2023-02-28T1", "2023-02-28T10:00:00.Z", "2023-02-28T10:00:00+",
                           "2023-02-28T10:00:00Zx", "2023-02-28T10:00:00+99:00"})
    EXPECT_FALSE(parse_timestamp(text).ok()) << text;
}

RC_GTEST_PROP(Timestamp, EveryOneReadsBack, ()) {
  const Instant at = *any_instant();
  RC_ASSERT(*parse_timestamp(to_rfc3339(at)) == at);
}

}  // namespace
}  // namespace isobar::features
