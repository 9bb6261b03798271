// How many values a second a core reads from stored rows, writes as text, and adds as decimals.

#include <benchmark/benchmark.h>

#include "sql/key_encoding.h"
#include "sql/row_encoding.h"

namespace isobar::sql {
namespace {

/// As pgbench's accounts, and wider: numbers, a decimal, a time and a text of 20.
const std::vector<Type> kTypes{type_of(Kind::kInt4),        type_of(Kind::kInt4), type_of(Kind::kInt8), type_of(Kind::kNumeric),
                               type_of(Kind::kTimestamptz), type_of(Kind::kText), type_of(Kind::kBool), type_of(Kind::kFloat8)};
Row row() {
  return {Value(std::int64_t{123'456}),
          Value(std::int64_t{7}),
          Value(std::int64_t{-98'765'432}),
          Value(Numeric(1'234'567, 2)),
          Value(std::int64_t{757'382'400'000'000}),
          Value(std::string("twenty letters or so")),
          Value(true),
          Value(2.5)};
}

void decode_all(benchmark::State& state) {
  const std::string bytes = encode_row(kTypes, row());
  Row into;
  for (auto _ : state) benchmark::DoNotOptimize(decode_columns(kTypes, bytes, {}, into).ok());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kTypes.size()));
}
BENCHMARK(decode_all);

void decode_two_of_eight(benchmark::State& state) {
  const std::string bytes = encode_row(kTypes, row());
  const std::vector<bool> wanted{true, false, false, false, false, false, false, true};
  Row into;
  for (auto _ : state) benchmark::DoNotOptimize(decode_columns(kTypes, bytes, wanted, into).ok());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decode_two_of_eight);

void encode(benchmark::State& state) {
  const Row values = row();
  for (auto _ : state) benchmark::DoNotOptimize(encode_row(kTypes, values));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kTypes.size()));
}
BENCHMARK(encode);

void key(benchmark::State& state) {
  const Row values = row();
  for (auto _ : state) {
    std::string bytes;
    append_key(bytes, kTypes[0], values[0], false), append_key(bytes, kTypes[5], values[5], false);
    benchmark::DoNotOptimize(bytes);
  }
  state.SetItemsProcessed(state.iterations() * 2);
}
BENCHMARK(key);

void texts(benchmark::State& state) {
  const Row values = row();
  for (auto _ : state)
    for (std::size_t place = 0; place < kTypes.size(); ++place) benchmark::DoNotOptimize(to_text(kTypes[place], values[place], {}));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kTypes.size()));
}
BENCHMARK(texts);

void sum_of_decimals(benchmark::State& state) {
  Numeric sum;
  const Numeric amount(12'345, 2);
  for (auto _ : state) sum = *sum.plus(amount);
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(sum_of_decimals);

}  // namespace
}  // namespace isobar::sql

BENCHMARK_MAIN();
