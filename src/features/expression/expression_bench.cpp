// What an expression costs for each row: a filter, arithmetic of five nodes, and one that makes a text.

#include <benchmark/benchmark.h>

#include "features/expression.h"

namespace isobar::features {
namespace {

void evaluate(benchmark::State& state, const char* text) {
  const Schema schema = *Schema::create({{"amount", {Kind::kFloat64}}, {"count", {Kind::kInt64}}, {"city", {Kind::kString}}});
  const Expression expression = *Expression::compile(text, schema);
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 1024; ++i) rows.push_back({Value(static_cast<double>(i) / 3), Value(i), Value("Berlin")});
  std::vector<Value> values;
  for (auto _ : state) {
    values.clear();
    benchmark::DoNotOptimize(expression.evaluate(rows, values).ok());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows.size()));
}
BENCHMARK_CAPTURE(evaluate, filter, "amount > 10 and city = 'Berlin'");
BENCHMARK_CAPTURE(evaluate, arithmetic, "(amount * 2 + count) / (count + 1)");
BENCHMARK_CAPTURE(evaluate, text, "lower(city) || '-' || count");

}  // namespace
}  // namespace isobar::features

BENCHMARK_MAIN();
