#include "features/key_codec.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "features/cast.h"
#include "features/row_codec.h"

namespace isobar::features {

namespace {

constexpr char kNull = 0, kPresent = 1;
constexpr char kEnd = 0, kEscapedNul = static_cast<char>(0xff);

template <class T>
void append_big_endian(std::string& out, T bits) {
  for (int shift = 8 * (static_cast<int>(sizeof bits) - 1); shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift);
}

template <class Unsigned, class Float>
Unsigned ordered_bits(Float number) {
  constexpr Unsigned kSign = Unsigned{1} << (8 * sizeof(Unsigned) - 1);
  if (number == 0) number = 0;  // -0.0, too
  if (std::isnan(number)) number = std::numeric_limits<Float>::quiet_NaN();
  const auto bits = std::bit_cast<Unsigned>(number);
  return (bits & kSign) != 0 ? static_cast<Unsigned>(~bits) : bits | kSign;
}

template <class Float, class Unsigned>
Float from_ordered_bits(Unsigned bits) {
  constexpr Unsigned kSign = Unsigned{1} << (8 * sizeof(Unsigned) - 1);
  return std::bit_cast<Float>((bits & kSign) != 0 ? bits & ~kSign : static_cast<Unsigned>(~bits));
}

void append_text(std::string& out, std::string_view text) {
  // Almost no text has a zero in it; the others are copied in one go.
  for (std::size_t nul = text.find(kEnd); nul != std::string_view::npos; nul = text.find(kEnd)) {
    out += text.substr(0, nul + 1);
    out += kEscapedNul;
    text.remove_prefix(nul + 1);
  }
  out += text;
  out += kEnd;
}

template <class Unsigned>
Result<Unsigned> take_big_endian(std::string_view& rest) {
  if (rest.size() < sizeof(Unsigned)) return damaged("the key ends too early");
  Unsigned bits = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) bits = static_cast<Unsigned>(bits << 8 | static_cast<unsigned char>(rest[i]));
  rest.remove_prefix(sizeof(Unsigned));
  return bits;
}

Result<std::string> take_text(std::string_view& rest) {
  std::string text;
  while (true) {
    const std::size_t nul = rest.find(kEnd);
    if (nul == std::string_view::npos) return damaged("a text in the key does not end");
    text += rest.substr(0, nul);
    const bool escaped = nul + 1 < rest.size() && rest[nul + 1] == kEscapedNul;
    rest.remove_prefix(nul + (escaped ? 2 : 1));
    if (!escaped) return text;
    text += kEnd;
  }
}

Result<Value> take_number(Kind kind, std::string_view& rest) {
  const bool narrow = kind == Kind::kInt32 || kind == Kind::kFloat32;
  if (narrow) {
    TRY_ASSIGN(const auto bits, take_big_endian<std::uint32_t>(rest));
    if (kind == Kind::kFloat32) return Value(from_ordered_bits<float>(bits));
    return Value(static_cast<std::int32_t>(bits ^ 0x8000'0000u));
  }
  TRY_ASSIGN(const auto bits, take_big_endian<std::uint64_t>(rest));
  if (kind == Kind::kFloat64) return Value(from_ordered_bits<double>(bits));
  const auto whole = static_cast<std::int64_t>(bits ^ 0x8000'0000'0000'0000u);
  return kind == Kind::kInt64 ? Value(whole) : Value(Instant::from_unix_nanos(whole));
}

Result<Value> take_value(Type type, std::string_view& rest) {
  TRY_ASSIGN(const auto present, take_big_endian<std::uint8_t>(rest));
  if (present > kPresent) return damaged(fmt::format("the key has {} where a value begins", present));
  if (present == kNull) return Value();
  switch (type.kind) {
    case Kind::kBool: {
      TRY_ASSIGN(const auto byte, take_big_endian<std::uint8_t>(rest));
      if (byte > 1) return damaged(fmt::format("a bool of {}", byte));
      return Value(byte == 1);
    }
    case Kind::kString: {
      TRY_ASSIGN(std::string text, take_text(rest));
      if (!is_utf8(text)) return damaged("a string that is not UTF-8");
      return Value(std::move(text));
    }
    case Kind::kBytes: {
      TRY_ASSIGN(std::string text, take_text(rest));
      return Value(Bytes{std::move(text)});
    }
    default: return take_number(type.kind, rest);
  }
}

}  // namespace

void append_key_value(std::string& out, const Value& value) {
  out += value.is_null() ? kNull : kPresent;
  if (value.is_null()) return;
  const Type type = value.type();
  CHECK(!type.list, name_of(type));
  switch (type.kind) {
    case Kind::kBool: out += value.as<bool>() ? '\1' : '\0'; break;
    case Kind::kInt32: append_big_endian(out, static_cast<std::uint32_t>(value.as<std::int32_t>()) ^ 0x8000'0000u); break;
    case Kind::kInt64: append_big_endian(out, static_cast<std::uint64_t>(value.as<std::int64_t>()) ^ 0x8000'0000'0000'0000u); break;
    case Kind::kFloat32: append_big_endian(out, ordered_bits<std::uint32_t>(value.as<float>())); break;
    case Kind::kFloat64: append_big_endian(out, ordered_bits<std::uint64_t>(value.as<double>())); break;
    case Kind::kString: append_text(out, value.as<std::string>()); break;
    case Kind::kBytes: append_text(out, value.as<Bytes>().data); break;
    case Kind::kTimestamp:
      append_big_endian(out, static_cast<std::uint64_t>(value.as<Instant>().unix_nanos()) ^ 0x8000'0000'0000'0000u);
      break;
  }
}

Result<std::string> encode_key(std::span<const Type> types, std::span<const Value> values) {
  if (types.size() != values.size())
    return invalid(fmt::format("a key of {} values where {} are needed; name all of them", values.size(), types.size()));
  std::string key;
  for (std::size_t i = 0; i < types.size(); ++i) {
    // As mostly: nothing to cast, and nothing to copy.
    if (!values[i].is_null() && values[i].type() == types[i] && !types[i].list) {
      append_key_value(key, values[i]);
      continue;
    }
    const auto value = cast(values[i], types[i]);
    if (!value.ok()) return value.error().context(fmt::format("value {} of the key", i + 1));
    append_key_value(key, *value);
  }
  return key;
}

Result<std::string> key_of(const Schema& schema, const Row& row) {
  CHECK(row.size() == schema.columns().size(), row.size(), schema.columns().size());
  std::string key;
  for (const std::size_t at : schema.keys()) {
    TRY_ASSIGN(const Value value, cast_into(schema.columns()[at], row[at]));
    append_key_value(key, value);
  }
  return key;
}

Result<std::vector<Value>> decode_key(std::span<const Type> types, std::string_view key) {
  std::vector<Value> values;
  for (const Type type : types) {
    TRY_ASSIGN(Value value, take_value(type, key));
    values.push_back(std::move(value));
  }
  if (!key.empty()) return damaged(fmt::format("{} bytes are left over after the key", key.size()));
  return values;
}

}  // namespace isobar::features
