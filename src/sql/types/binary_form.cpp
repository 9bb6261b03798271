// The protocol's binary form of each type. What comes in is of any bytes: lengths are checked before anything is taken or reserved.

#include <fmt/format.h>

#include <bit>

#include "sql/calendar.h"
#include "sql/json.h"
#include "sql/modifier.h"
#include "sql/utf8.h"
#include "sql/value.h"
#include "wire.h"

namespace isobar::sql {
namespace {

constexpr int kNestingMost = 16;
constexpr std::size_t kArrayDimensionsMost = 6;

SqlError bad(std::string message) { return {state::kInvalidBinaryRepresentation, std::move(message)}; }

/// Takes from the front of a message.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : left_(bytes) {}
  std::string_view left() const { return left_; }
  template <class Unsigned>
  SqlResult<Unsigned> take() {
    if (left_.size() < sizeof(Unsigned)) return short_message();
    const auto value = get_big_endian<Unsigned>(left_, 0);
    left_.remove_prefix(sizeof(Unsigned));
    return value;
  }
  SqlResult<std::string_view> take_bytes(std::size_t size) {
    if (left_.size() < size) return short_message();
    const auto taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

 private:
  std::string_view left_;
};

void put(std::string& out, const Type& type, const Value& value);

void put_field(std::string& out, const Type& type, const Value& value) {
  if (value.is_null()) return put_u32(out, UINT32_MAX);
  const std::size_t start = out.size();
  put_u32(out, 0);
  put(out, type, value);
  const auto size = static_cast<std::uint32_t>(out.size() - start - 4);
  for (std::size_t place = 0; place < 4; ++place) out[start + place] = static_cast<char>(size >> (24 - 8 * place));
}

void put_array(std::string& out, const Array& array) {
  put_u32(out, static_cast<std::uint32_t>(array.sizes.size()));
  bool nulls = false;
  for (const auto& element : array.elements) nulls |= element.is_null();
  put_u32(out, nulls ? 1 : 0);
  put_u32(out, oid_of(type_of(array.element)));
  for (std::size_t depth = 0; depth < array.sizes.size(); ++depth)
    put_u32(out, static_cast<std::uint32_t>(array.sizes[depth])), put_u32(out, static_cast<std::uint32_t>(array.lows[depth]));
  for (const auto& element : array.elements) put_field(out, type_of(array.element), element);
}

void put_record(std::string& out, const Record& record) {
  put_u32(out, static_cast<std::uint32_t>(record.values.size()));
  for (std::size_t place = 0; place < record.values.size(); ++place) {
    put_u32(out, oid_of(record.types[place]));
    put_field(out, record.types[place], record.values[place]);
  }
}

std::uint32_t days_on_wire(std::int64_t days) {
  return static_cast<std::uint32_t>(days == kInfinity ? INT32_MAX : days == kMinusInfinity ? INT32_MIN : static_cast<std::int32_t>(days));
}

void put(std::string& out, const Type& type, const Value& value) {
  switch (type.kind) {
    case Kind::kBool: out += value.boolean() ? '\1' : '\0'; return;
    case Kind::kInt2: return put_u16(out, static_cast<std::uint16_t>(value.integer()));
    case Kind::kInt8:
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestamptz: return put_u64(out, static_cast<std::uint64_t>(value.integer()));
    case Kind::kFloat4: return put_u32(out, std::bit_cast<std::uint32_t>(static_cast<float>(value.real())));
    case Kind::kFloat8: return put_u64(out, std::bit_cast<std::uint64_t>(value.real()));
    case Kind::kNumeric: return value.numeric().append_binary(out);
    case Kind::kDate: return put_u32(out, days_on_wire(value.integer()));
    case Kind::kInterval:
      put_u64(out, static_cast<std::uint64_t>(value.interval().microseconds));
      put_u32(out, static_cast<std::uint32_t>(value.interval().days));
      return put_u32(out, static_cast<std::uint32_t>(value.interval().months));
    case Kind::kUuid: out.append(reinterpret_cast<const char*>(value.uuid().data()), value.uuid().size()); return;
    case Kind::kJsonb: out += '\1', out += value.text(); return;
    case Kind::kArray: return put_array(out, value.array());
    case Kind::kRecord: return put_record(out, value.record());
    case Kind::kVoid: return;
    case Kind::kInt4:
    case Kind::kOid:
    case Kind::kXid:
    case Kind::kRegclass:
    case Kind::kRegtype:
    case Kind::kRegproc:
    case Kind::kRegnamespace:
    case Kind::kRegrole: return put_u32(out, static_cast<std::uint32_t>(value.integer()));
    default: out += value.text(); return;
  }
}

SqlResult<Value> get(const Type& type, Bytes& bytes, int depth);

SqlResult<Value> get_field(const Type& type, Bytes& bytes, int depth) {
  TRY_ASSIGN(const std::uint32_t size, bytes.take<std::uint32_t>());
  if (size == UINT32_MAX) return Value();
  TRY_ASSIGN(const auto inner, bytes.take_bytes(size));
  Bytes field(inner);
  TRY_ASSIGN(auto value, get(type, field, depth + 1));
  if (!field.left().empty()) return bad("improper binary format in array element");
  return value;
}

SqlResult<Value> get_array(const Type& type, Bytes& bytes, int depth) {
  TRY_ASSIGN(const std::uint32_t dimensions, bytes.take<std::uint32_t>());
  TRY_ASSIGN(const std::uint32_t flags, bytes.take<std::uint32_t>());
  TRY_ASSIGN(const std::uint32_t oid, bytes.take<std::uint32_t>());
  if (dimensions > kArrayDimensionsMost)
    return SqlError(state::kProgramLimitExceeded,
                    fmt::format("number of array dimensions ({}) exceeds the maximum allowed ({})", dimensions, kArrayDimensionsMost));
  if (flags > 1) return bad("invalid array flags");
  const Type element{type.element, Kind::kUnknown, type.modifier};
  if (oid != oid_of(element))
    return SqlError(state::kDatatypeMismatch, fmt::format("binary data has array element type {} instead of expected {} ({})", oid,
                                                          oid_of(element), format_type(element)));
  auto array = std::make_shared<Array>();
  array->element = type.element;
  std::uint64_t count = dimensions == 0 ? 0 : 1;
  for (std::uint32_t dimension = 0; dimension < dimensions; ++dimension) {
    TRY_ASSIGN(const std::uint32_t size, bytes.take<std::uint32_t>());
    TRY_ASSIGN(const std::uint32_t low, bytes.take<std::uint32_t>());
    array->sizes.push_back(static_cast<std::int32_t>(size)), array->lows.push_back(static_cast<std::int32_t>(low));
    count *= size;
    // Each element takes four bytes at least.
    if (size > INT32_MAX || count > bytes.left().size() / 4) return short_message();
  }
  if (count == 0) array->sizes.clear(), array->lows.clear();
  array->elements.reserve(count);
  for (std::uint64_t place = 0; place < count; ++place) {
    TRY_ASSIGN(auto value, get_field(element, bytes, depth));
    array->elements.push_back(std::move(value));
  }
  return Value(ArrayPtr(std::move(array)));
}

SqlResult<Value> get_record(Bytes& bytes, int depth) {
  TRY_ASSIGN(const std::uint32_t count, bytes.take<std::uint32_t>());
  if (count > bytes.left().size() / 8) return short_message();
  auto record = std::make_shared<Record>();
  for (std::uint32_t place = 0; place < count; ++place) {
    TRY_ASSIGN(const std::uint32_t oid, bytes.take<std::uint32_t>());
    const auto type = type_of_oid(oid);
    if (!type) return SqlError(state::kUndefinedObject, fmt::format("type with OID {} does not exist", oid));
    TRY_ASSIGN(auto value, get_field(*type, bytes, depth));
    record->types.push_back(*type), record->values.push_back(std::move(value));
  }
  return Value(RecordPtr(std::move(record)));
}

SqlResult<Value> get_text(const Type& type, Bytes& bytes) {
  TRY_ASSIGN(const auto text, bytes.take_bytes(bytes.left().size()));
  // The text's reader checks what is in it, and fits it into the type.
  return from_text(type, text, {});
}

SqlResult<Value> get_date(Bytes& bytes) {
  TRY_ASSIGN(const std::uint32_t wire, bytes.take<std::uint32_t>());
  const auto days = static_cast<std::int32_t>(wire);
  if (days == INT32_MAX) return Value(kInfinity);
  if (days == INT32_MIN) return Value(kMinusInfinity);
  if (!is_valid_date(days)) return SqlError(state::kDatetimeFieldOverflow, "date out of range");
  return Value(std::int64_t{days});
}

SqlResult<Value> get_time(const Type& type, Bytes& bytes) {
  TRY_ASSIGN(const std::uint64_t wire, bytes.take<std::uint64_t>());
  const auto time = static_cast<std::int64_t>(wire);
  if (type.kind == Kind::kTime) {
    if (time < 0 || time > kMicrosecondsPerDay) return SqlError(state::kDatetimeFieldOverflow, "time out of range");
  } else if (time != kInfinity && time != kMinusInfinity && !is_valid_timestamp(time)) {
    return SqlError(state::kDatetimeFieldOverflow, "timestamp out of range");
  }
  return with_modifier(type, Value(time), false);
}

SqlResult<Value> get_interval(const Type& type, Bytes& bytes) {
  TRY_ASSIGN(const std::uint64_t microseconds, bytes.take<std::uint64_t>());
  TRY_ASSIGN(const std::uint32_t days, bytes.take<std::uint32_t>());
  TRY_ASSIGN(const std::uint32_t months, bytes.take<std::uint32_t>());
  const Interval interval{static_cast<std::int64_t>(microseconds), static_cast<std::int32_t>(days), static_cast<std::int32_t>(months)};
  return with_modifier(type, Value(interval), false);
}

SqlResult<Value> get_integer(std::size_t size, Bytes& bytes) {
  if (size == 2) {
    TRY_ASSIGN(const std::uint16_t value, bytes.take<std::uint16_t>());
    return Value(std::int64_t{static_cast<std::int16_t>(value)});
  }
  if (size == 4) {
    TRY_ASSIGN(const std::uint32_t value, bytes.take<std::uint32_t>());
    return Value(std::int64_t{static_cast<std::int32_t>(value)});
  }
  TRY_ASSIGN(const std::uint64_t value, bytes.take<std::uint64_t>());
  return Value(static_cast<std::int64_t>(value));
}

SqlResult<Value> get_float(bool single, Bytes& bytes) {
  if (single) {
    TRY_ASSIGN(const std::uint32_t value, bytes.take<std::uint32_t>());
    return Value(double{std::bit_cast<float>(value)});
  }
  TRY_ASSIGN(const std::uint64_t value, bytes.take<std::uint64_t>());
  return Value(std::bit_cast<double>(value));
}

SqlResult<Value> get_numeric(const Type& type, Bytes& bytes) {
  TRY_ASSIGN(const auto all, bytes.take_bytes(bytes.left().size()));
  TRY_ASSIGN(auto number, Numeric::from_binary(all));
  return with_modifier(type, Value(std::move(number)), false);
}

SqlResult<Value> get_uuid(Bytes& bytes) {
  Uuid uuid{};
  TRY_ASSIGN(const auto all, bytes.take_bytes(uuid.size()));
  std::memcpy(uuid.data(), all.data(), uuid.size());
  return Value(uuid);
}

SqlResult<Value> get(const Type& type, Bytes& bytes, int depth) {
  if (depth > kNestingMost) return SqlError(state::kStatementTooComplex, "stack depth limit exceeded");
  switch (type.kind) {
    case Kind::kBool: {
      TRY_ASSIGN(const std::uint8_t value, bytes.take<std::uint8_t>());
      return Value(value != 0);
    }
    case Kind::kInt2: return get_integer(2, bytes);
    case Kind::kInt4: return get_integer(4, bytes);
    case Kind::kInt8: return get_integer(8, bytes);
    case Kind::kFloat4: return get_float(true, bytes);
    case Kind::kFloat8: return get_float(false, bytes);
    case Kind::kNumeric: return get_numeric(type, bytes);
    case Kind::kBytea: {
      TRY_ASSIGN(const auto all, bytes.take_bytes(bytes.left().size()));
      return Value(std::string(all));
    }
    case Kind::kDate: return get_date(bytes);
    case Kind::kTime:
    case Kind::kTimestamp:
    case Kind::kTimestamptz: return get_time(type, bytes);
    case Kind::kInterval: return get_interval(type, bytes);
    case Kind::kUuid: return get_uuid(bytes);
    case Kind::kJsonb: {
      TRY_ASSIGN(const std::uint8_t version, bytes.take<std::uint8_t>());
      if (version != 1) return SqlError(state::kInternalError, fmt::format("unsupported jsonb version number {}", version));
      return get_text(type, bytes);
    }
    case Kind::kArray: return get_array(type, bytes, depth);
    case Kind::kRecord: return get_record(bytes, depth);
    case Kind::kOid:
    case Kind::kXid:
    case Kind::kRegclass:
    case Kind::kRegtype:
    case Kind::kRegproc:
    case Kind::kRegnamespace:
    case Kind::kRegrole: {
      TRY_ASSIGN(const std::uint32_t value, bytes.take<std::uint32_t>());
      return Value(std::int64_t{value});
    }
    default: return get_text(type, bytes);
  }
}

}  // namespace

std::string to_binary(const Type& type, const Value& value) {
  std::string out;
  put(out, type, value);
  return out;
}

SqlResult<Value> from_binary(const Type& type, std::string_view bytes) {
  Bytes all(bytes);
  TRY_ASSIGN(auto value, get(type, all, 0));
  if (!all.left().empty()) return bad("incorrect binary data format");
  return value;
}

}  // namespace isobar::sql
