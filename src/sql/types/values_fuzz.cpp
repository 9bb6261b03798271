// Values as bytes that nobody vouches for: texts, binary forms, stored rows and keys of any bytes. Whatever they are, an error is told, or
// a value that is written and read again as the same.

#include <cstdint>

#include "base/check.h"
#include "sql/key_encoding.h"
#include "sql/row_encoding.h"
#include "sql/value.h"

using namespace isobar;
using namespace isobar::sql;

namespace {

void check_value(const Type& type, const Value& value) {
  const std::string text = to_text(type, value, {});
  const auto again = from_text(type, text, {});
  if (type.kind == Kind::kRecord) return;
  CHECK(again.ok(), text, again.error().message());
  CHECK(to_text(type, *again, {}) == text, text);
  const auto back = from_binary(type, to_binary(type, value));
  CHECK(back.ok(), text);
  CHECK(to_text(type, *back, {}) == text, text);
  if (type.kind == Kind::kJson || type.element == Kind::kJson) return;
  CHECK(compare(type, *back, value) == 0, text);
  CHECK(hash(type, *back) == hash(type, value), text);
  std::string key;
  append_key(key, type, value, false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto kind = static_cast<Kind>(data[0] % (static_cast<int>(Kind::kXid) + 1));
  if (kind == Kind::kUnknown) return 0;
  const Type type = (data[1] & 4) != 0 ? array_of(kind) : type_of(kind);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  switch (data[1] & 3) {
    case 0:
      if (const auto value = from_text(type, bytes, {})) check_value(type, *value);
      return 0;
    case 1:
      if (const auto value = from_binary(type, bytes)) check_value(type, *value);
      return 0;
    case 2: {
      const std::vector<Type> types{type, type_of(Kind::kInt4), type, type_of(Kind::kText)};
      const auto row = decode_row(types, bytes);
      Row some;
      // Stepping over a value sees less of it than reading it.
      if (row) CHECK(decode_columns(types, bytes, {false, true, true, false}, some).ok());
      if (row) CHECK(decode_row(types, encode_row(types, *row)).ok());
      return 0;
    }
    default: {
      std::string_view left = bytes;
      if (!key_holds_value(type)) return 0;
      const auto value = take_key(left, type, (data[1] & 8) != 0);
      if (!value) return 0;
      std::string key;
      append_key(key, type, *value, (data[1] & 8) != 0);
      return 0;
    }
  }
}
