// Stored rows and states, keys, JSON and CSV as somebody who is wrong or hostile may hand them to us: any bytes. Whatever they are, they
// are read or refused, and what was read is written to something that reads the same.

#include <array>
#include <cstdint>

#include "features/csv.h"
#include "features/json_value.h"
#include "features/key_codec.h"
#include "features/row_codec.h"
#include "features/timestamp.h"

using namespace isobar;
using namespace isobar::features;

namespace {

void rows(std::string_view bytes) {
  const auto row = decode_row(bytes);
  if (row.ok()) CHECK(encode_row(*row) == bytes);
}

void keys(std::string_view bytes) {
  constexpr std::array kTypes{Type{Kind::kString}, Type{Kind::kInt32}, Type{Kind::kFloat64},
                              Type{Kind::kBytes},  Type{Kind::kBool},  Type{Kind::kTimestamp}};
  const auto key = decode_key(kTypes, bytes);
  if (!key.ok()) return;
  const auto again = encode_key(kTypes, *key);
  CHECK(again.ok());
  CHECK(decode_key(kTypes, *again).ok());
}

void texts(std::string_view text) {
  static const Schema schema = *Schema::create({{"a", {Kind::kInt32}},
                                                {"b", {Kind::kFloat32, true}},
                                                {"c", {Kind::kString}},
                                                {"d", {Kind::kBytes}},
                                                {"e", {Kind::kTimestamp}},
                                                {"f", {Kind::kBool, true}}});
  if (const auto row = row_from_json_text(text, schema); row.ok()) {
    CHECK(schema.check(*row).ok());
    std::string out;
    for (const Value& value : *row) append_json(out, value);
  }
  if (const auto read = rows_from_csv("f.csv", text, schema); read.ok())
    for (const Row& row : *read) CHECK(schema.check(row).ok());
  if (const auto at = parse_timestamp(text); at.ok()) CHECK(*parse_timestamp(to_rfc3339(*at)) == *at);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: rows(rest); break;
    case 1: keys(rest); break;
    default: texts(rest); break;
  }
  return 0;
}
