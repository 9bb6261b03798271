#include "cloud/json_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::cloud {
namespace {

TEST(JsonFields, WhatIsMissingOrOfAnotherKindIsEmpty) {
  const auto answer = parse_object(R"({"a":"x","b":7,"c":-1,"d":{"e":"y","f":1},"g":[1],"h":true})", "a test").value();
  EXPECT_EQ(text_in(answer, "a"), "x");
  EXPECT_EQ(text_in(answer, "b"), "");
  EXPECT_EQ(count_in(answer, "b"), 7U);
  EXPECT_EQ(count_in(answer, "c"), 0U);
  EXPECT_EQ(text_in(object_in(answer, "d"), "e"), "y");
  EXPECT_EQ(text_in(object_in(object_in(answer, "a"), "d"), "e"), "");
  EXPECT_EQ(array_in(answer, "g").size(), 1U);
  EXPECT_TRUE(array_in(answer, "d").empty());
  EXPECT_TRUE(flag_in(answer, "h"));
  EXPECT_FALSE(flag_in(answer, "a"));
  EXPECT_THAT(texts_in(answer, "d"), testing::ElementsAre(testing::Pair("e", "y")));
  EXPECT_TRUE(as_object(array_in(answer, "g").front()).empty());
}

TEST(JsonFields, DocumentsThatAreNoneAreRefused) {
  for (const char* text : {"", "[]", "7", "{", "null"}) EXPECT_EQ(parse_object(text, "a test").error().code(), Code::kDataLoss) << text;
  EXPECT_EQ(parse_array("{}", "a test").error().message(), "the answer of a test is no JSON list");
  EXPECT_FALSE(parse_array(std::string(10'000, '['), "a test").ok());
}

TEST(PlainNames, LeadNowhereElse) {
  for (const char* name : {"us-central1-a", "a", "A_b.c-1"}) EXPECT_TRUE(is_plain_name(name)) << name;
  for (const char* name : {"", ".", "..", ".a", "a/b", "a?b", "a b", "a%2f", "a\n"}) EXPECT_FALSE(is_plain_name(name)) << name;
  EXPECT_FALSE(is_plain_name(std::string(201, 'a')));
}

}  // namespace
}  // namespace isobar::cloud
