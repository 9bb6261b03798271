// Expressions as somebody who is wrong or hostile may write them. Whatever they are, they are compiled or refused with a place; what was
// compiled has a value of its type or an error for rows with and without nulls, and the same one each time.

#include <cmath>
#include <cstdint>

#include "features/expression.h"

using namespace isobar;
using namespace isobar::features;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Schema schema = *Schema::create({{"i", {Kind::kInt32}},
                                                {"l", {Kind::kInt64}},
                                                {"d", {Kind::kFloat64}},
                                                {"f", {Kind::kFloat32}},
                                                {"s", {Kind::kString}},
                                                {"b", {Kind::kBool}},
                                                {"t", {Kind::kTimestamp}},
                                                {"x", {Kind::kBytes}},
                                                {"a", {Kind::kInt64, true}}});
  static const Row full{Value(std::int32_t{-2147483647 - 1}),
                        Value(std::int64_t{INT64_MIN}),
                        Value(std::nan("")),
                        Value(1e38f),
                        Value("a\xc3\xa9%_\\"),
                        Value(true),
                        Value(Instant::from_unix_nanos(INT64_MIN)),
                        Value(Bytes{"\xff"}),
                        Value(List(std::vector<std::int64_t>{1}))};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto expression = Expression::compile(text, schema);
  if (!expression.ok()) {
    CHECK(!expression.error().message().empty());
    return 0;
  }
  for (const Row& row : {full, Row(full.size())}) {
    const auto value = expression->evaluate(row), again = expression->evaluate(row);
    CHECK(value.ok() == again.ok());
    if (!value.ok()) continue;
    CHECK(*value == *again);
    CHECK(value->is_null() || value->type() == expression->type(), describe(*value), name_of(expression->type()));
  }
  return 0;
}
