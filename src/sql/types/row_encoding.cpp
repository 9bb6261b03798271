// How many columns, which of them are null, then the values: integers as short as they are (seven bits to a byte, the sign in the lowest),
// times and floats in full, texts behind their length. Reading takes what it is told and makes no copy but the value's own; what is damaged
// is found by its lengths and never believed.

#include "sql/row_encoding.h"

#include <bit>
#include <cstring>

#include "numeric_big.h"
#include "sql/json.h"

namespace isobar::sql {
namespace {

constexpr int kDepthMost = 8;
constexpr std::size_t kDimensionsMost = 6;

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) out += static_cast<char>(value | 0x80), value >>= 7;
  out += static_cast<char>(value);
}
constexpr std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) { return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1))); }

template <class Fixed>
void put_fixed(std::string& out, Fixed value) {
  static_assert(std::endian::native == std::endian::little);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out += text;
}

/// A decimal begins with its scale twice over, one more where longer than 64 bits; NaN and the infinities with one of their own.
constexpr std::uint64_t kSpecialHead = std::uint64_t{1} << 20;

void put_numeric(std::string& out, const Numeric& value) {
  if (value.is_nan()) return put_varint(out, kSpecialHead);
  if (value.is_infinite()) return put_varint(out, kSpecialHead + (value.sign() > 0 ? 1 : 2));
  const auto scale = static_cast<std::uint64_t>(value.scale());
  if (NumericAccess::is_small(value)) {
    put_varint(out, scale << 1);
    return put_varint(out, zigzag(NumericAccess::small(value)));
  }
  put_varint(out, scale << 1 | 1);
  const Integer unscaled = NumericAccess::unscaled(value);
  std::vector<unsigned char> bytes;
  const Integer magnitude = boost::multiprecision::abs(unscaled);
  boost::multiprecision::export_bits(magnitude, std::back_inserter(bytes), 8);
  put_varint(out, static_cast<std::uint64_t>(bytes.size()) << 1 | (unscaled < 0 ? 1 : 0));
  out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void put_values(std::string& out, std::span<const Value> values, const auto& type_at);

void put_array(std::string& out, const Array& array) {
  put_varint(out, array.sizes.size());
  for (std::size_t depth = 0; depth < array.sizes.size(); ++depth) {
    put_varint(out, static_cast<std::uint64_t>(array.sizes[depth]));
    put_varint(out, zigzag(array.lows[depth]));
  }
  put_values(out, array.elements, [&](std::size_t) { return type_of(array.element); });
}

void put_record(std::string& out, const Record& record) {
  for (const auto& type : record.types) put_varint(out, oid_of(type)), put_varint(out, zigzag(type.modifier));
  put_values(out, record.values, [&](std::size_t place) { return record.types[place]; });
}

void put_value(std::string& out, const Type& type, const Value& value) {
  switch (type.kind) {
    case Kind::kBool: out += value.boolean() ? '\1' : '\0'; return;
    case Kind::kFloat4: return put_fixed(out, static_cast<float>(value.real()));
    case Kind::kFloat8: return put_fixed(out, value.real());
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestamptz: return put_fixed(out, value.integer());
    case Kind::kNumeric: return put_numeric(out, value.numeric());
    case Kind::kInterval:
      put_varint(out, zigzag(value.interval().months)), put_varint(out, zigzag(value.interval().days));
      return put_varint(out, zigzag(value.interval().microseconds));
    case Kind::kUuid: out.append(reinterpret_cast<const char*>(value.uuid().data()), value.uuid().size()); return;
    case Kind::kArray: return put_array(out, value.array());
    case Kind::kRecord: put_varint(out, value.record().values.size()); return put_record(out, value.record());
    case Kind::kInt2:
    case Kind::kInt4:
    case Kind::kInt8:
    case Kind::kDate:
    case Kind::kOid:
    case Kind::kXid:
    case Kind::kRegclass:
    case Kind::kRegtype:
    case Kind::kRegproc:
    case Kind::kRegnamespace:
    case Kind::kRegrole: return put_varint(out, zigzag(value.integer()));
    case Kind::kVoid: return;
    default: return put_text(out, value.text());
  }
}

/// A bit for each that is null, then the others.
void put_values(std::string& out, std::span<const Value> values, const auto& type_at) {
  const std::size_t bits = out.size();
  out.append((values.size() + 7) / 8, '\0');
  for (std::size_t place = 0; place < values.size(); ++place) {
    if (values[place].is_null()) out[bits + place / 8] = static_cast<char>(out[bits + place / 8] | 1 << place % 8);
    else put_value(out, type_at(place), values[place]);
  }
}

SqlError damaged() { return {state::kDataCorrupted, "a stored row is damaged"}; }

/// Reads from the front; once anything is missing it is `bad`, and gives nothing but zeros and empty texts.
class RowBytes {
 public:
  explicit RowBytes(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  bool bad() const { return bad_; }
  bool done() const { return at_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  void fail() { bad_ = true, at_ = end_; }

  std::uint64_t varint() {
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80) return static_cast<unsigned char>(*at_++);
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        // One encoding for each number: no zeros at the end, nothing beyond 64 bits.
        if (byte == 0 || (shift == 63 && byte > 1)) break;
        return value;
      }
    }
    return fail(), 0;
  }
  template <class Fixed>
  Fixed fixed() {
    Fixed value{};
    if (left() < sizeof value) return fail(), value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string_view bytes(std::uint64_t size) {
    if (size > left()) return fail(), std::string_view();
    const std::string_view taken(at_, size);
    at_ += size;
    return taken;
  }

 private:
  const char *at_, *end_;
  bool bad_ = false;
};

Numeric get_numeric(RowBytes& in) {
  const std::uint64_t head = in.varint();
  if (head >= kSpecialHead) {
    if (head > kSpecialHead + 2) in.fail();
    return head == kSpecialHead ? Numeric::nan() : head == kSpecialHead + 1 ? Numeric::infinity() : Numeric::minus_infinity();
  }
  const auto scale = static_cast<std::int32_t>(head >> 1);
  if (scale > kNumericScaleMost) return in.fail(), Numeric();
  if ((head & 1) == 0) return Numeric(unzigzag(in.varint()), scale);
  const std::uint64_t size = in.varint();
  const std::string_view bytes = in.bytes(size >> 1);
  if (in.bad() || bytes.empty() || bytes[0] == 0) return in.fail(), Numeric();
  Integer value;
  boost::multiprecision::import_bits(value, reinterpret_cast<const unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()) + bytes.size(), 8);
  auto made = NumericAccess::make_checked((size & 1) != 0 ? Integer(-value) : value, scale);
  if (!made || NumericAccess::is_small(*made)) return in.fail(), Numeric();
  return *std::move(made);
}

void get_value(RowBytes& in, const Type& type, Value& into, int depth);

void get_values(RowBytes& in, std::size_t count, const auto& type_at, std::vector<Value>& into, int depth) {
  const std::string_view nulls = in.bytes((count + 7) / 8);
  if (in.bad()) return;
  into.resize(count);
  for (std::size_t place = 0; place < count && !in.bad(); ++place)
    if ((nulls[place / 8] >> place % 8 & 1) == 0) get_value(in, type_at(place), into[place], depth);
}

Value get_array(RowBytes& in, Kind element, int depth) {
  auto array = std::make_shared<Array>();
  array->element = element;
  const std::uint64_t dimensions = in.varint();
  if (dimensions > kDimensionsMost) return in.fail(), Value();
  std::uint64_t count = dimensions == 0 ? 0 : 1;
  for (std::uint64_t dimension = 0; dimension < dimensions; ++dimension) {
    const std::uint64_t size = in.varint();
    const std::int64_t low = unzigzag(in.varint());
    // Each element has a bit at least.
    if (in.bad() || size > INT32_MAX || (count *= size) > in.left() * 8 || low < INT32_MIN || low > INT32_MAX) return in.fail(), Value();
    array->sizes.push_back(static_cast<std::int32_t>(size)), array->lows.push_back(static_cast<std::int32_t>(low));
  }
  get_values(
      in, count, [&](std::size_t) { return type_of(element); }, array->elements, depth + 1);
  return Value(ArrayPtr(std::move(array)));
}

Value get_record(RowBytes& in, int depth) {
  const std::uint64_t count = in.varint();
  if (count > in.left() / 2) return in.fail(), Value();
  auto record = std::make_shared<Record>();
  for (std::uint64_t place = 0; place < count; ++place) {
    const auto type = type_of_oid(static_cast<Oid>(in.varint()), static_cast<std::int32_t>(unzigzag(in.varint())));
    if (in.bad() || !type) return in.fail(), Value();
    record->types.push_back(*type);
  }
  get_values(
      in, count, [&](std::size_t place) -> const Type& { return record->types[place]; }, record->values, depth + 1);
  return Value(RecordPtr(std::move(record)));
}

Interval get_interval(RowBytes& in) {
  const std::int64_t months = unzigzag(in.varint()), days = unzigzag(in.varint()), microseconds = unzigzag(in.varint());
  if (months < INT32_MIN || months > INT32_MAX || days < INT32_MIN || days > INT32_MAX) return in.fail(), Interval();
  return {microseconds, static_cast<std::int32_t>(days), static_cast<std::int32_t>(months)};
}

void get_value(RowBytes& in, const Type& type, Value& into, int depth) {
  switch (type.kind) {
    case Kind::kBool: {
      const auto byte = in.fixed<std::uint8_t>();
      if (byte > 1) in.fail();
      into = Value(byte != 0);
      return;
    }
    case Kind::kFloat4: into = Value(double{in.fixed<float>()}); return;
    case Kind::kFloat8: into = Value(in.fixed<double>()); return;
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestamptz: into = Value(in.fixed<std::int64_t>()); return;
    case Kind::kNumeric: into = Value(get_numeric(in)); return;
    case Kind::kInterval: into = Value(get_interval(in)); return;
    case Kind::kUuid: into = Value(in.fixed<Uuid>()); return;
    case Kind::kArray:
      if (depth > kDepthMost) return in.fail();
      into = get_array(in, type.element, depth);
      return;
    case Kind::kRecord:
      if (depth > kDepthMost) return in.fail();
      into = get_record(in, depth);
      return;
    case Kind::kInt2:
    case Kind::kInt4:
    case Kind::kInt8:
    case Kind::kDate:
    case Kind::kOid:
    case Kind::kXid:
    case Kind::kRegclass:
    case Kind::kRegtype:
    case Kind::kRegproc:
    case Kind::kRegnamespace:
    case Kind::kRegrole: into = Value(unzigzag(in.varint())); return;
    case Kind::kVoid: into = Value(std::string()); return;
    default: into.reuse_text().assign(in.bytes(in.varint())); return;
  }
}

/// Steps over a value.
void skip_value(RowBytes& in, const Type& type) {
  switch (type.kind) {
    case Kind::kBool: in.bytes(1); return;
    case Kind::kFloat4: in.bytes(4); return;
    case Kind::kFloat8:
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestamptz: in.bytes(8); return;
    case Kind::kUuid: in.bytes(16); return;
    case Kind::kInt2:
    case Kind::kInt4:
    case Kind::kInt8:
    case Kind::kDate:
    case Kind::kOid: in.varint(); return;
    case Kind::kNumeric:
    case Kind::kInterval:
    case Kind::kArray:
    case Kind::kRecord:
    case Kind::kXid:
    case Kind::kRegclass:
    case Kind::kRegtype:
    case Kind::kRegproc:
    case Kind::kRegnamespace:
    case Kind::kRegrole:
    case Kind::kVoid: {
      Value ignored;
      return get_value(in, type, ignored, 0);
    }
    default: in.bytes(in.varint()); return;
  }
}

}  // namespace

std::string encode_row(std::span<const Type> types, const Row& row) {
  CHECK(types.size() == row.size(), types.size(), row.size());
  std::string out;
  put_varint(out, row.size());
  put_values(out, row, [&](std::size_t place) -> const Type& { return types[place]; });
  return out;
}

SqlStatus decode_columns(std::span<const Type> types, std::string_view bytes, const std::vector<bool>& wanted, Row& into) {
  RowBytes in(bytes);
  const std::uint64_t count = in.varint();
  if (in.bad() || count > types.size()) return damaged();
  const std::string_view nulls = in.bytes((count + 7) / 8);
  if (in.bad() || (count % 8 != 0 && static_cast<unsigned char>(nulls.back()) >> count % 8 != 0)) return damaged();
  into.resize(types.size());
  for (std::size_t place = 0; place < count; ++place) {
    const bool want = wanted.empty() || wanted[place];
    if ((nulls[place / 8] >> place % 8 & 1) != 0) {
      into[place].set_null();
    } else if (want) {
      get_value(in, types[place], into[place], 0);
    } else {
      skip_value(in, types[place]);
      into[place].set_null();
    }
  }
  for (std::size_t place = count; place < types.size(); ++place) into[place].set_null();
  if (in.bad() || !in.done()) return damaged();
  return {};
}

SqlResult<Row> decode_row(std::span<const Type> types, std::string_view bytes) {
  Row row;
  TRY(decode_columns(types, bytes, {}, row));
  return row;
}

}  // namespace isobar::sql
