#include "features/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "features/key_codec.h"
#include "features/row_codec.h"

namespace isobar::features {

namespace {

void append_widened(std::string& bytes, const Value& value) {
  if (value.is_null()) return append_key_value(bytes, value);
  const Type type = value.type();
  if (type.list) append_value(bytes, value);
  else if (type.is(Kind::kInt32)) append_key_value(bytes, Value(value.as_integer()));
  else if (type.is(Kind::kFloat32)) append_key_value(bytes, Value(value.as_float()));
  else append_key_value(bytes, value);
}

}  // namespace

std::uint64_t hash64(std::span<const Value> values) {
  std::string bytes;
  for (const Value& value : values) append_widened(bytes, value);
  return XXH64(bytes.data(), bytes.size(), 0);
}

}  // namespace isobar::features
