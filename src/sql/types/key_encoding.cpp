// One byte says value or null, then comes the value: integers big-endian with the sign's bit turned, floats by the bits that sort, texts
// with zero bytes escaped and two of them at the end, decimals by sign, exponent and digits. For a descending column every byte is
// inverted.

#include "sql/key_encoding.h"

#include <bit>
#include <cmath>
#include <span>

#include "sql/calendar.h"
#include "sql/json.h"
#include "sql/modifier.h"
#include "sql/utf8.h"
#include "wire.h"

namespace isobar::sql {
namespace {

constexpr char kEnd = '\0', kPresent = '\1', kNull = '\2';
constexpr std::uint32_t kSign32 = 0x80000000;
constexpr std::uint64_t kSign64 = 0x8000000000000000;

std::size_t integer_width(Kind kind) {
  switch (kind) {
    case Kind::kInt2: return 2;
    case Kind::kInt8:
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestamptz: return 8;
    default: return 4;
  }
}

bool is_unsigned(Kind kind) { return kind >= Kind::kOid && kind != Kind::kName && kind != Kind::kChar; }

void put_integer(std::string& out, Kind kind, std::int64_t value) {
  const std::size_t width = integer_width(kind);
  if (width == 2) return put_u16(out, static_cast<std::uint16_t>(static_cast<std::uint16_t>(value) ^ 0x8000));
  if (width == 8) return put_u64(out, static_cast<std::uint64_t>(value) ^ kSign64);
  if (kind == Kind::kDate && (value == kInfinity || value == kMinusInfinity)) value = value == kInfinity ? INT32_MAX : INT32_MIN;
  put_u32(out, static_cast<std::uint32_t>(value) ^ (is_unsigned(kind) ? 0 : kSign32));
}

/// Zero bytes are followed by 0xff; the end is two zeros.
void put_escaped(std::string& out, std::string_view bytes) {
  for (std::size_t zero = bytes.find('\0'); zero != std::string_view::npos; zero = bytes.find('\0')) {
    out.append(bytes.substr(0, zero + 1)) += '\xff';
    bytes.remove_prefix(zero + 1);
  }
  out.append(bytes).append(2, kEnd);
}

void put_real(std::string& out, double value) {
  if (value == 0) value = 0;  // of either sign
  auto bits = std::bit_cast<std::uint64_t>(std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value);
  bits = (bits & kSign64) != 0 && !std::isnan(value) ? ~bits : bits | kSign64;
  put_u64(out, bits);
}

/// Sign, exponent, then two digits in a byte, each one more than it is, and a zero at the end; of a negative one all bytes are inverted.
void put_numeric(std::string& out, const Numeric& value) {
  const auto head = [&](int rank) { out += static_cast<char>(rank); };
  if (value.is_nan()) return head(6);
  if (value.is_infinite()) return head(value.sign() > 0 ? 5 : 1);
  if (value.sign() == 0) return head(3);
  head(value.sign() > 0 ? 4 : 2);
  const std::size_t start = out.size();
  put_u32(out, static_cast<std::uint32_t>(value.leading_exponent()) ^ kSign32);
  std::string digits;
  for (const char c : value.magnitude().to_string())
    if (c != '.' && !(digits.empty() && c == '0')) digits += c;
  while (digits.back() == '0') digits.pop_back();
  if (digits.size() % 2 == 1) digits += '0';
  for (std::size_t place = 0; place < digits.size(); place += 2)
    out += static_cast<char>((digits[place] - '0') * 10 + (digits[place + 1] - '0') + 1);
  out += kEnd;
  if (value.sign() < 0)
    for (std::size_t place = start; place < out.size(); ++place) out[place] = static_cast<char>(~out[place]);
}

void put_interval(std::string& out, const Interval& interval) {
  const __int128 span = (static_cast<__int128>(interval.months) * 30 + interval.days) * kMicrosecondsPerDay + interval.microseconds;
  put_u64(out, static_cast<std::uint64_t>(static_cast<unsigned __int128>(span) >> 64) ^ kSign64);
  put_u64(out, static_cast<std::uint64_t>(static_cast<unsigned __int128>(span)));
}

void put_json(std::string& out, const Json& json) {
  out += static_cast<char>(1 + static_cast<int>(json.what));
  switch (json.what) {
    case Json::What::kNull: return;
    case Json::What::kString: return put_escaped(out, json.text);
    case Json::What::kNumber: return put_numeric(out, json.number);
    case Json::What::kBool: out += json.boolean ? '\1' : '\0'; return;
    case Json::What::kArray:
      put_u32(out, static_cast<std::uint32_t>(json.items.size()));
      for (const auto& item : json.items) put_json(out, item);
      return;
    case Json::What::kObject:
      put_u32(out, static_cast<std::uint32_t>(json.members.size()));
      for (const auto& [name, value] : json.members) put_escaped(out, name), put_json(out, value);
  }
}

void put_jsonb(std::string& out, const std::string& text) {
  const auto json = parse_json(text);
  if (!json) return put_escaped(out, text);
  // An empty array alone is below everything else.
  if (json->what == Json::What::kArray && json->items.empty()) out += '\0';
  else put_json(out, *json);
}

void put_value(std::string& out, const Type& type, const Value& value);

void put_list(std::string& out, std::span<const Value> values, const auto& type_at) {
  for (std::size_t place = 0; place < values.size(); ++place) put_value(out, type_at(place), values[place]);
  out += kEnd;
}

void put_array(std::string& out, const Array& array) {
  put_list(out, array.elements, [&](std::size_t) { return type_of(array.element); });
  out += static_cast<char>(array.sizes.size());
  for (const std::int32_t size : array.sizes) put_u32(out, static_cast<std::uint32_t>(size) ^ kSign32);
  for (const std::int32_t low : array.lows) put_u32(out, static_cast<std::uint32_t>(low) ^ kSign32);
}

void put_value(std::string& out, const Type& type, const Value& value) {
  out += value.is_null() ? kNull : kPresent;
  if (value.is_null()) return;
  switch (type.kind) {
    case Kind::kBool: out += value.boolean() ? '\1' : '\0'; return;
    case Kind::kFloat4:
    case Kind::kFloat8: return put_real(out, value.real());
    case Kind::kNumeric: return put_numeric(out, value.numeric());
    case Kind::kBpchar: return put_escaped(out, without_blanks(value.text()));
    case Kind::kUnknown:
    case Kind::kText:
    case Kind::kVarchar:
    case Kind::kName:
    case Kind::kChar:
    case Kind::kBytea:
    case Kind::kJson: return put_escaped(out, value.text());
    case Kind::kJsonb: return put_jsonb(out, value.text());
    case Kind::kInterval: return put_interval(out, value.interval());
    case Kind::kUuid: out.append(reinterpret_cast<const char*>(value.uuid().data()), value.uuid().size()); return;
    case Kind::kArray: return put_array(out, value.array());
    case Kind::kRecord: return put_list(out, value.record().values, [&](std::size_t place) { return value.record().types[place]; });
    case Kind::kVoid: return;
    default: return put_integer(out, type.kind, value.integer());
  }
}

SqlError damaged() { return {state::kDataCorrupted, "a key of an index is damaged"}; }

/// Takes bytes from the front, turned back where the column is descending.
class KeyBytes {
 public:
  KeyBytes(std::string_view bytes, bool inverted) : left_(bytes), flip_(inverted ? 0xff : 0) {}
  std::string_view left() const { return left_; }
  bool has(std::size_t size) const { return left_.size() >= size; }
  char take() {
    const char byte = static_cast<char>(static_cast<unsigned char>(left_[0]) ^ flip_);
    left_.remove_prefix(1);
    return byte;
  }
  std::uint64_t take_number(std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t place = 0; place < width; ++place) value = value << 8 | static_cast<unsigned char>(take());
    return value;
  }

 private:
  std::string_view left_;
  unsigned char flip_;
};

SqlResult<Value> take_escaped(KeyBytes& bytes) {
  std::string text;
  while (bytes.has(1)) {
    const char byte = bytes.take();
    if (byte != '\0') {
      text += byte;
      continue;
    }
    if (!bytes.has(1)) break;
    const char mark = bytes.take();
    if (mark == kEnd) return Value(std::move(text));
    if (mark != '\xff') break;
    text += '\0';
  }
  return damaged();
}

SqlResult<Value> take_integer(KeyBytes& bytes, Kind kind) {
  const std::size_t width = integer_width(kind);
  if (!bytes.has(width)) return damaged();
  const std::uint64_t wire = bytes.take_number(width);
  if (is_unsigned(kind)) return Value(static_cast<std::int64_t>(wire));
  if (width == 8) return Value(static_cast<std::int64_t>(wire ^ kSign64));
  if (width == 2) return Value(std::int64_t{static_cast<std::int16_t>(wire ^ 0x8000)});
  const auto value = static_cast<std::int32_t>(static_cast<std::uint32_t>(wire) ^ kSign32);
  if (kind == Kind::kDate && value == INT32_MAX) return Value(kInfinity);
  if (kind == Kind::kDate && value == INT32_MIN) return Value(kMinusInfinity);
  return Value(std::int64_t{value});
}

SqlResult<Value> take_value(KeyBytes& bytes, const Type& type) {
  switch (type.kind) {
    case Kind::kBool:
      if (!bytes.has(1)) return damaged();
      return Value(bytes.take() != '\0');
    case Kind::kUuid: {
      Uuid uuid{};
      if (!bytes.has(uuid.size())) return damaged();
      for (auto& byte : uuid) byte = static_cast<std::uint8_t>(bytes.take());
      return Value(uuid);
    }
    case Kind::kText:
    case Kind::kVarchar:
    case Kind::kName:
    case Kind::kChar:
    case Kind::kBytea: return take_escaped(bytes);
    case Kind::kBpchar: {
      TRY_ASSIGN(auto text, take_escaped(bytes));
      return with_modifier(type, std::move(text), true);
    }
    default: return take_integer(bytes, type.kind);
  }
}

}  // namespace

void append_key(std::string& out, const Type& type, const Value& value, bool descending) {
  const std::size_t start = out.size();
  put_value(out, type, value);
  if (!descending) return;
  for (std::size_t place = start; place < out.size(); ++place) out[place] = static_cast<char>(~out[place]);
}

bool key_holds_value(const Type& type) {
  switch (type.kind) {
    case Kind::kFloat4:
    case Kind::kFloat8:
    case Kind::kNumeric:
    case Kind::kInterval:
    case Kind::kJson:
    case Kind::kJsonb:
    case Kind::kArray:
    case Kind::kRecord:
    case Kind::kUnknown:
    case Kind::kVoid: return false;
    case Kind::kBpchar: return type.modifier >= 4;
    default: return true;
  }
}

SqlResult<Value> take_key(std::string_view& bytes, const Type& type, bool descending) {
  CHECK(key_holds_value(type));
  KeyBytes left(bytes, descending);
  if (!left.has(1)) return damaged();
  const char mark = left.take();
  if (mark != kPresent && mark != kNull) return damaged();
  Value value;
  if (mark == kPresent) {
    TRY_ASSIGN(value, take_value(left, type));
  }
  bytes = left.left();
  return value;
}

}  // namespace isobar::sql
