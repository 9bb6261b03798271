#include "view_join.h"

namespace isobar::features {

std::uint64_t ordered_number(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<std::uint8_t>(byte);
  return number;
}

Instant ordered_instant(std::string_view bytes) {
  return Instant::from_unix_nanos(static_cast<std::int64_t>(ordered_number(bytes) ^ (std::uint64_t{1} << 63)));
}

void append_values(std::string& out, const Row& row) {
  for (const Value& value : row) append_value(out, value);
}

Status read_values(ByteReader& reader, std::size_t count, Row& row) {
  row.resize(count);
  for (Value& value : row) {
    TRY_ASSIGN(value, reader.value());
  }
  return {};
}

}  // namespace isobar::features
