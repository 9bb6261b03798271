#include "features/row_codec.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "base/text.h"

namespace isobar::features {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kNullTag = 0, kListFlag = 0x10;

template <class T>
auto as_unsigned(T number) {
  if constexpr (std::is_same_v<T, float>) return std::bit_cast<std::uint32_t>(number);
  else if constexpr (std::is_same_v<T, double>) return std::bit_cast<std::uint64_t>(number);
  else return number;
}

void append_scalar(std::string& out, bool value) { append_byte(out, value ? 1 : 0); }
void append_scalar(std::string& out, std::uint8_t value) { append_byte(out, value); }
void append_scalar(std::string& out, std::int32_t value) { append_zigzag(out, value); }
void append_scalar(std::string& out, std::int64_t value) { append_zigzag(out, value); }
void append_scalar(std::string& out, float value) { append_fixed(out, value); }
void append_scalar(std::string& out, double value) { append_fixed(out, value); }
void append_scalar(std::string& out, const std::string& value) {
  append_varint(out, value.size());
  out += value;
}
void append_scalar(std::string& out, const Bytes& value) { append_scalar(out, value.data); }
void append_scalar(std::string& out, Instant value) { append_fixed(out, static_cast<std::uint64_t>(value.unix_nanos())); }

template <class T>
struct Tag {};

Result<bool> read_scalar(ByteReader& reader, Tag<bool>) {
  TRY_ASSIGN(const std::uint8_t byte, reader.byte());
  if (byte > 1) return damaged(fmt::format("a bool of {}", byte));
  return byte == 1;
}
Result<std::uint8_t> read_scalar(ByteReader& reader, Tag<std::uint8_t>) {
  TRY_ASSIGN(const bool value, read_scalar(reader, Tag<bool>()));
  return static_cast<std::uint8_t>(value);
}
Result<std::int64_t> read_scalar(ByteReader& reader, Tag<std::int64_t>) { return reader.zigzag(); }
Result<std::int32_t> read_scalar(ByteReader& reader, Tag<std::int32_t>) {
  TRY_ASSIGN(const std::int64_t wide, reader.zigzag());
  if (wide < INT32_MIN || wide > INT32_MAX) return damaged(fmt::format("an int32 of {}", wide));
  return static_cast<std::int32_t>(wide);
}
Result<float> read_scalar(ByteReader& reader, Tag<float>) { return reader.fixed<float>(); }
Result<double> read_scalar(ByteReader& reader, Tag<double>) { return reader.fixed<double>(); }
Result<Bytes> read_scalar(ByteReader& reader, Tag<Bytes>) {
  TRY_ASSIGN(const std::uint64_t size, reader.varint());
  TRY_ASSIGN(const std::string_view bytes, reader.take(size));
  return Bytes{std::string(bytes)};
}
Result<std::string> read_scalar(ByteReader& reader, Tag<std::string>) {
  TRY_ASSIGN(Bytes bytes, read_scalar(reader, Tag<Bytes>()));
  if (!is_utf8(bytes.data)) return damaged("a string that is not UTF-8");
  return std::move(bytes.data);
}
Result<Instant> read_scalar(ByteReader& reader, Tag<Instant>) {
  TRY_ASSIGN(const std::uint64_t nanos, reader.fixed<std::uint64_t>());
  return Instant::from_unix_nanos(static_cast<std::int64_t>(nanos));
}

template <class T>
constexpr std::size_t element_bytes_least() {
  if constexpr (std::is_same_v<T, float>) return 4;
  else if constexpr (std::is_same_v<T, double> || std::is_same_v<T, Instant>) return 8;
  else return 1;
}

/// T as a value holds it, Element as a list does: they differ for bools.
template <class T, class Element = T>
Result<Value> read(ByteReader& reader, bool list) {
  if (!list) {
    TRY_ASSIGN(T scalar, read_scalar(reader, Tag<T>()));
    return Value(std::move(scalar));
  }
  TRY_ASSIGN(const std::size_t count, reader.count(element_bytes_least<Element>()));
  std::vector<Element> elements;
  elements.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    TRY_ASSIGN(Element element, read_scalar(reader, Tag<Element>()));
    elements.push_back(std::move(element));
  }
  return Value(List(std::move(elements)));
}

void append_scalar_value(std::string& out, const Value& value) {
  switch (value.type().kind) {
    case Kind::kBool: return append_scalar(out, value.as<bool>());
    case Kind::kInt32: return append_scalar(out, value.as<std::int32_t>());
    case Kind::kInt64: return append_scalar(out, value.as<std::int64_t>());
    case Kind::kFloat32: return append_scalar(out, value.as<float>());
    case Kind::kFloat64: return append_scalar(out, value.as<double>());
    case Kind::kString: return append_scalar(out, value.as<std::string>());
    case Kind::kBytes: return append_scalar(out, value.as<Bytes>());
    case Kind::kTimestamp: return append_scalar(out, value.as<Instant>());
  }
}

}  // namespace

Result<std::uint8_t> ByteReader::byte() {
  if (rest_.empty()) return damaged("the bytes end too early");
  const auto byte = static_cast<std::uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return byte;
}

Result<std::uint64_t> ByteReader::varint() {
  std::uint64_t number = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    TRY_ASSIGN(const std::uint8_t byte, this->byte());
    if (shift == 63 && byte > 1) break;
    number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      if (byte == 0 && shift > 0) return damaged("a number that is longer than it need be");
      return number;
    }
  }
  return damaged("a number of more than 64 bits");
}

Result<std::int64_t> ByteReader::zigzag() {
  TRY_ASSIGN(const std::uint64_t folded, varint());
  return static_cast<std::int64_t>(folded >> 1) ^ -static_cast<std::int64_t>(folded & 1);
}

Result<std::string_view> ByteReader::take(std::uint64_t bytes) {
  if (bytes > rest_.size()) return damaged(fmt::format("{} bytes are told of where {} are left", bytes, rest_.size()));
  const std::string_view taken = rest_.substr(0, bytes);
  rest_.remove_prefix(bytes);
  return taken;
}

template <class T>
Result<T> ByteReader::fixed() {
  TRY_ASSIGN(const std::string_view bytes, take(sizeof(T)));
  T number;
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}
template Result<std::uint32_t> ByteReader::fixed();
template Result<std::uint64_t> ByteReader::fixed();
template Result<float> ByteReader::fixed();
template Result<double> ByteReader::fixed();

Result<std::size_t> ByteReader::count(std::size_t element_bytes_least) {
  TRY_ASSIGN(const std::uint64_t count, varint());
  if (count > rest_.size() / element_bytes_least) return damaged(fmt::format("{} elements are told of in {} bytes", count, rest_.size()));
  return static_cast<std::size_t>(count);
}

Result<Value> ByteReader::value() {
  TRY_ASSIGN(const std::uint8_t tag, byte());
  if (tag == kNullTag) return Value();
  TRY_ASSIGN(const Kind kind, kind_from_number(tag & ~kListFlag));
  const bool list = (tag & kListFlag) != 0;
  switch (kind) {
    case Kind::kBool: return read<bool, std::uint8_t>(*this, list);
    case Kind::kInt32: return read<std::int32_t>(*this, list);
    case Kind::kInt64: return read<std::int64_t>(*this, list);
    case Kind::kFloat32: return read<float>(*this, list);
    case Kind::kFloat64: return read<double>(*this, list);
    case Kind::kString: return read<std::string>(*this, list);
    case Kind::kBytes: return read<Bytes>(*this, list);
    case Kind::kTimestamp: return read<Instant>(*this, list);
  }
  return damaged("no value");
}

Status ByteReader::finish() const {
  if (rest_.empty()) return {};
  return damaged(fmt::format("{} bytes are left over", rest_.size()));
}

void append_byte(std::string& out, std::uint8_t byte) { out += static_cast<char>(byte); }

void append_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) append_byte(out, static_cast<std::uint8_t>(number | 0x80));
  append_byte(out, static_cast<std::uint8_t>(number));
}

void append_zigzag(std::string& out, std::int64_t number) {
  append_varint(out, (static_cast<std::uint64_t>(number) << 1) ^ static_cast<std::uint64_t>(number >> 63));
}

template <class T>
void append_fixed(std::string& out, T number) {
  auto bits = as_unsigned(number);
  for (std::size_t i = 0; i < sizeof bits; ++i, bits >>= 8) append_byte(out, static_cast<std::uint8_t>(bits));
}
template void append_fixed(std::string&, std::uint32_t);
template void append_fixed(std::string&, std::uint64_t);
template void append_fixed(std::string&, float);
template void append_fixed(std::string&, double);

void append_value(std::string& out, const Value& value) {
  if (value.is_null()) return append_byte(out, kNullTag);
  const Type type = value.type();
  append_byte(out, static_cast<std::uint8_t>(type.kind) | (type.list ? kListFlag : 0));
  if (!type.list) return append_scalar_value(out, value);
  std::visit(
      [&](const auto& elements) {
        append_varint(out, elements.size());
        for (const auto& element : elements) append_scalar(out, element);
      },
      value.as<List>());
}

std::string encode_row(std::span<const Value> row) {
  std::string out;
  append_byte(out, kVersion);
  append_varint(out, row.size());
  for (const Value& value : row) append_value(out, value);
  return out;
}

Result<Row> decode_row(std::string_view bytes) {
  ByteReader reader(bytes);
  TRY_ASSIGN(const std::uint8_t version, reader.byte().context("row"));
  if (version != kVersion) return damaged(fmt::format("row: of version {}; this program reads version {}", version, kVersion));
  TRY_ASSIGN(const std::size_t count, reader.count(1).context("row"));
  Row row;
  row.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto value = reader.value();
    if (!value.ok()) return value.error().context(fmt::format("row: value {}", i + 1));
    row.push_back(std::move(*value));
  }
  TRY(reader.finish().context("row"));
  return row;
}

}  // namespace isobar::features
