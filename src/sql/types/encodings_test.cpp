// Keys sort as values do, rows and binary forms are read back, and damaged bytes are refused.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/random.h"
#include "sql/key_encoding.h"
#include "sql/row_encoding.h"
#include "sql/value.h"

namespace isobar::sql {
namespace {

std::vector<Type> ordered_types() {
  std::vector<Type> types;
  for (const Kind kind : {Kind::kBool,        Kind::kInt2,     Kind::kInt4,   Kind::kInt8,  Kind::kFloat4, Kind::kFloat8, Kind::kNumeric,
                          Kind::kText,        Kind::kVarchar,  Kind::kBpchar, Kind::kBytea, Kind::kDate,   Kind::kTime,   Kind::kTimestamp,
                          Kind::kTimestamptz, Kind::kInterval, Kind::kUuid,   Kind::kJsonb, Kind::kOid,    Kind::kName})
    types.push_back(type_of(kind));
  for (const Kind kind : {Kind::kInt4, Kind::kText, Kind::kNumeric}) types.push_back(array_of(kind));
  return types;
}

std::vector<std::string> samples(const Type& type) {
  switch (type.kind) {
    case Kind::kBool: return {"f", "t"};
    case Kind::kInt2: return {"0", "1", "-1", "255", "256", "-256", "32767", "-32768"};
    case Kind::kInt4: return {"0", "1", "-1", "255", "65536", "-65536", "2147483647", "-2147483648"};
    case Kind::kInt8: return {"0", "1", "-1", "4294967296", "-4294967296", "9223372036854775807", "-9223372036854775808"};
    case Kind::kOid: return {"0", "1", "2147483648", "4294967295"};
    case Kind::kFloat4:
    case Kind::kFloat8: return {"0", "-0", "1", "-1", "0.5", "1e30", "-1e30", "1e-30", "-1e-30", "NaN", "Infinity", "-Infinity"};
    case Kind::kNumeric:
      return {"0",     "0.00",  "1",     "1.00",     "-1",        "-1.0", "10",
              "9.99",  "9.999", "-9.99", "0.001",    "-0.001",    "1e30", "123456789012345678901234567890.5",
              "-1e30", "1e-30", "NaN",   "Infinity", "-Infinity", "12",   "1.2",
              "120"};
    case Kind::kText:
    case Kind::kVarchar:
    case Kind::kName: return {"", "a", "aa", "ab", "b", " ", "a ", "\x01", "\xc3\xa9", "a\x01", "A", "zz"};
    case Kind::kBpchar: return {"", "a", "a ", "a   ", "ab", "b"};
    case Kind::kBytea: return {"", "\\x00", "\\x0000", "\\x00ff", "\\xff", "\\xff00", "\\x01", "\\x6100", "\\x61"};
    case Kind::kDate: return {"2000-01-01", "1999-12-31", "2024-02-29", "infinity", "-infinity", "4714-11-24 BC", "5874897-12-31"};
    case Kind::kTime: return {"00:00:00", "24:00:00", "12:34:56.789"};
    case Kind::kTimestamp:
    case Kind::kTimestamptz:
      return {"2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "infinity",
              "-infinity",           "4714-11-24 00:00:00 BC",     "294276-12-31 23:59:59"};
    case Kind::kInterval:
      return {"0", "1 mon", "30 days", "29 days 24:00:00", "-1 mon", "1 us", "178000000 years", "-178000000 years", "2 days -1 hour"};
    case Kind::kUuid:
      return {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"};
    case Kind::kJsonb:
      return {"null",
              "[]",
              "{}",
              "1",
              "1.0",
              "2",
              "-1",
              "\"\"",
              "\"a\"",
              "\"b\"",
              "true",
              "false",
              "[1]",
              "[2]",
              "[1,2]",
              "[[]]",
              "[\"a\"]",
              "{\"a\":1}",
              "{\"a\":2}",
              "{\"b\":1}",
              "{\"a\":1,\"b\":2}",
              "[{\"a\":[null]}]"};
    default:
      if (type.element == Kind::kInt4)
        return {"{}", "{1}", "{NULL}", "{1,2}", "{2}", "{{1,2}}", "{{1},{2}}", "[2:3]={1,2}", "{1,NULL}", "{-1}"};
      if (type.element == Kind::kText) return {"{}", "{\"\"}", "{a}", "{a,b}", "{NULL}", "{ab}"};
      return {"{}", "{1}", "{1.0}", "{1.00,2}", "{NaN}"};
  }
}

Value value_of(const Type& type, const std::string& text) { return *from_text(type, text, {}); }

Value draw(const Type& type, Random& random) {
  if (random.chance(0.1)) return {};
  const auto all = samples(type);
  return value_of(type, all[random.below(all.size())]);
}

/// Nulls last.
std::strong_ordering order_of(const Type& type, const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return a.is_null() <=> b.is_null();
  return compare(type, a, b);
}

TEST(KeyEncoding, SortsAsValuesDo) {
  for (const auto& type : ordered_types()) {
    std::vector<Value> values{Value()};
    for (const auto& text : samples(type)) values.push_back(value_of(type, text));
    for (const auto& a : values)
      for (const auto& b : values)
        for (const bool descending : {false, true}) {
          std::string first, second;
          append_key(first, type, a, descending), append_key(second, type, b, descending);
          const auto wanted = descending ? order_of(type, b, a) : order_of(type, a, b);
          EXPECT_TRUE((first <=> second) == wanted) << format_type(type) << ": " << (a.is_null() ? "null" : to_text(type, a, {})) << " and "
                                                    << (b.is_null() ? "null" : to_text(type, b, {}));
          if (wanted != 0) {
            EXPECT_FALSE(second.starts_with(first)) << format_type(type);
          }
        }
  }
}

TEST(KeyEncoding, SeveralColumnsSortByTheFirstThatDiffers) {
  Random random(3);
  const auto types = ordered_types();
  for (int n = 0; n < 3000; ++n) {
    const Type first = types[random.below(types.size())], second = types[random.below(types.size())];
    const bool down = random.chance(0.5);
    const Value a = draw(first, random), b = draw(first, random), c = draw(second, random), d = draw(second, random);
    std::string left, right;
    append_key(left, first, a, down), append_key(left, second, c, false);
    append_key(right, first, b, down), append_key(right, second, d, false);
    auto wanted = down ? order_of(first, b, a) : order_of(first, a, b);
    if (wanted == 0) wanted = order_of(second, c, d);
    EXPECT_TRUE((left <=> right) == wanted) << format_type(first) << ' ' << format_type(second);
  }
}

TEST(KeyEncoding, WhatAKeyHoldsIsTakenBack) {
  Type padded = type_of(Kind::kBpchar);
  padded.modifier = 8;
  auto types = ordered_types();
  types.push_back(padded);
  for (const auto& type : types) {
    if (!key_holds_value(type)) continue;
    for (const auto& text : samples(type))
      for (const bool descending : {false, true}) {
        std::string key;
        append_key(key, type, value_of(type, text), descending), append_key(key, type, Value(), descending);
        std::string_view left = key;
        const auto value = take_key(left, type, descending);
        ASSERT_TRUE(value.ok()) << format_type(type) << text;
        EXPECT_EQ(to_text(type, *value, {}), to_text(type, value_of(type, text), {}));
        const auto null = take_key(left, type, descending);
        EXPECT_TRUE(null.ok() && null->is_null() && left.empty());
      }
    std::string_view nothing;
    EXPECT_EQ(take_key(nothing, type, false).error().sqlstate(), state::kDataCorrupted);
  }
}

TEST(RowEncoding, RowsAreReadBackAndHaveOneEncoding) {
  Random random(5);
  const auto all = ordered_types();
  for (int n = 0; n < 1000; ++n) {
    std::vector<Type> types;
    Row row;
    for (auto left = random.below(20); left > 0; --left)
      types.push_back(all[random.below(all.size())]), row.push_back(draw(types.back(), random));
    const std::string bytes = encode_row(types, row);
    const auto back = decode_row(types, bytes);
    ASSERT_TRUE(back.ok()) << back.error().message();
    EXPECT_TRUE(encode_row(types, *back) == bytes);
    for (std::size_t place = 0; place < row.size(); ++place) {
      ASSERT_EQ(row[place].is_null(), (*back)[place].is_null());
      if (!row[place].is_null()) {
        EXPECT_EQ(to_text(types[place], row[place], {}), to_text(types[place], (*back)[place], {}));
      }
    }
    for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode_row(types, std::string_view(bytes).substr(0, size)).ok());
  }
}

TEST(RowEncoding, ColumnsAddedLaterAreNullAndUnwantedOnesAreSteppedOver) {
  const std::vector<Type> old{type_of(Kind::kInt4), type_of(Kind::kNumeric), type_of(Kind::kText)};
  auto types = old;
  types.push_back(type_of(Kind::kInt8));
  const std::string bytes =
      encode_row(old, {Value(std::int64_t{7}), Value(*Numeric::parse("123456789012345678901234567890")), Value(std::string("seven"))});
  const auto row = decode_row(types, bytes);
  ASSERT_TRUE(row.ok());
  EXPECT_TRUE((*row)[3].is_null());
  Row into;
  ASSERT_TRUE(decode_columns(types, bytes, {false, false, true, true}, into).ok());
  EXPECT_TRUE(into[0].is_null() && into[1].is_null() && into[3].is_null());
  EXPECT_EQ(into[2].text(), "seven");
  EXPECT_EQ(decode_row(std::vector<Type>{type_of(Kind::kInt4)}, bytes).error().sqlstate(), state::kDataCorrupted);
}

TEST(BinaryForm, IsReadBack) {
  for (const auto& type : ordered_types())
    for (const auto& text : samples(type)) {
      const Value value = value_of(type, text);
      const auto back = from_binary(type, to_binary(type, value));
      ASSERT_TRUE(back.ok()) << format_type(type) << ' ' << text << ": " << back.error().message();
      EXPECT_EQ(to_text(type, *back, {}), to_text(type, value, {})) << format_type(type);
      EXPECT_EQ(hash(type, *back), hash(type, value));
    }
}

TEST(Values, EqualOnesHaveEqualHashes) {
  for (const auto& type : ordered_types())
    for (const auto& a : samples(type))
      for (const auto& b : samples(type)) {
        const Value x = value_of(type, a), y = value_of(type, b);
        if (compare(type, x, y) == 0) {
          EXPECT_EQ(hash(type, x), hash(type, y)) << format_type(type) << ' ' << a << ' ' << b;
        }
      }
}

}  // namespace
}  // namespace isobar::sql
