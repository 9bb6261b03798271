#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "features/key_codec.h"
#include "features/row_codec.h"
#include "value_gen.h"

namespace isobar::features {
namespace {

using testing::HasSubstr;

RC_GTEST_PROP(RowCodec, EveryRowReadsBackToTheSameBits, ()) {
  Row row;
  for (const Type type : *rc::gen::container<std::vector<Type>>(any_type())) row.push_back(*any_value_or_null(type));
  const auto back = decode_row(encode_row(row));
  RC_ASSERT(back.ok());
  RC_ASSERT(*back == row);
}

RC_GTEST_PROP(RowCodec, ACutOrLengthenedRowIsAnError, ()) {
  const std::string bytes = encode_row(Row{*any_value_of(*any_type()), *any_value_of(*any_type())});
  const auto kept = *rc::gen::inRange<std::size_t>(0, bytes.size());
  RC_ASSERT(decode_row(bytes.substr(0, kept)).error().code() == Code::kDataLoss);
  RC_ASSERT(decode_row(bytes + "x").error().code() == Code::kDataLoss);
}

TEST(RowCodec, KeepsItsBytes) {
  // docs/formats/feature-row.md: what is on disk stays readable.
  EXPECT_EQ(encode_row(Row{Value(), Value(true), Value(std::int32_t{-2}), Value("ab"), Value(List(std::vector<float>{1}))}),
            std::string("\x01\x05\x00\x01\x01\x02\x03\x06\x02"
                        "ab\x14\x01\x00\x00\x80\x3f",
                        17));
}

TEST(RowCodec, BelievesNoLengthThatItHasNoBytesFor) {
  EXPECT_THAT(decode_row("\x01\x01\x15\xff\xff\xff\xff\x0f").error().message(), HasSubstr("elements are told of"));
  EXPECT_THAT(decode_row("\x02").error().message(), HasSubstr("version 2"));
  EXPECT_FALSE(decode_row(std::string_view("\x01\x01\x06\x01\xff", 5)).ok());  // not UTF-8
}

std::vector<Type> types_of_key() { return *rc::gen::nonEmpty(rc::gen::container<std::vector<Type>>(any_type(false))); }
std::vector<Value> key_of_types(const std::vector<Type>& types) {
  std::vector<Value> key;
  for (const Type type : types) key.push_back(*any_value_or_null(type));
  return key;
}
std::strong_ordering nulls_first(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return b.is_null() <=> a.is_null();
  return compare(a, b);
}

RC_GTEST_PROP(KeyCodec, BytesAreInTheOrderOfTheKeys, ()) {
  const auto types = types_of_key();
  const auto a = key_of_types(types), b = key_of_types(types);
  std::strong_ordering order = std::strong_ordering::equal;
  for (std::size_t i = 0; i < types.size() && order == 0; ++i) order = nulls_first(a[i], b[i]);
  const bool same_order = (*encode_key(types, a) <=> *encode_key(types, b)) == order;
  RC_ASSERT(same_order);
}

RC_GTEST_PROP(KeyCodec, EveryKeyReadsBackAndNoneIsThePrefixOfAnother, ()) {
  const auto types = types_of_key();
  const auto a = key_of_types(types), b = key_of_types(types);
  const std::string key = *encode_key(types, a), other = *encode_key(types, b);
  const auto back = decode_key(types, key);
  RC_ASSERT(back.ok());
  for (std::size_t i = 0; i < types.size(); ++i) RC_ASSERT(is_eq(nulls_first((*back)[i], a[i])));
  RC_ASSERT(key == other || !other.starts_with(key));
  RC_ASSERT(!decode_key(types, key.substr(0, key.size() - 1)).ok());
}

TEST(KeyCodec, TakesNulsAndLongTextsAndTheEmptyOne) {
  const std::vector<Type> types{{Kind::kString}, {Kind::kString}};
  const std::string nul("a\0b", 3), large(std::size_t{64} << 10, '\0');
  for (const auto& [first, second] : {std::pair(std::string(), nul), {nul, std::string()}, {large, large}}) {
    const std::vector<Value> key{Value(first), Value(second)};
    EXPECT_TRUE(*decode_key(types, *encode_key(types, key)) == key);
  }
  EXPECT_NE(*encode_key(types, std::vector{Value("ab"), Value("c")}), *encode_key(types, std::vector{Value("a"), Value("bc")}));
}

// feast #3171, #4110, #5357
TEST(KeyCodec, AnInt32KeyThatCameAsInt64HasTheSameBytes) {
  const std::vector<Type> types{{Kind::kInt32}};
  EXPECT_EQ(*encode_key(types, std::vector{Value(std::int64_t{1001})}), *encode_key(types, std::vector{Value(std::int32_t{1001})}));
  EXPECT_THAT(encode_key(types, std::vector{Value(std::int64_t{1} << 40)}).error().message(), HasSubstr("value 1 of the key"));
}

// feast #6488, #6603
TEST(KeyCodec, PartOfACompositeKeyIsAnErrorAndNotAnotherEntity) {
  const std::vector<Type> types{{Kind::kInt64}, {Kind::kInt64}};
  EXPECT_THAT(encode_key(types, std::vector{Value(std::int64_t{1})}).error().message(), HasSubstr("name all of them"));
}

TEST(KeyCodec, ComposedAndDecomposedLettersAreTwoKeys) {
  const std::vector<Type> types{{Kind::kString}};
  EXPECT_NE(*encode_key(types, std::vector{Value("\xc3\xa9")}), *encode_key(types, std::vector{Value("e\xcc\x81")}));
}

TEST(KeyCodec, TheKeyOfARowIsInTheOrderOfTheKeysNotOfTheColumns) {
  const auto schema = Schema::create({{"a", {Kind::kInt64}}, {"x", {Kind::kFloat64}}, {"b", {Kind::kString}}}, {"b", "a"});
  const std::vector<Type> types{{Kind::kString}, {Kind::kInt64}};
  EXPECT_EQ(*key_of(*schema, {Value(std::int64_t{1}), Value(), Value("z")}),
            *encode_key(types, std::vector{Value("z"), Value(std::int64_t{1})}));
  EXPECT_EQ(*key_of(*Schema::create({{"x", {Kind::kFloat64}}}), {Value(1.0)}), "");
}

}  // namespace
}  // namespace isobar::features
