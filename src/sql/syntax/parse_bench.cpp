// What does it cost to make our tree of a statement's text?

#include <benchmark/benchmark.h>

#include "sql/ast.h"

namespace isobar::sql {
namespace {

void parses(benchmark::State& state, std::string_view sql) {
  for (auto _ : state) benchmark::DoNotOptimize(parse(sql));
}
BENCHMARK_CAPTURE(parses, by_key, std::string_view("SELECT abalance FROM pgbench_accounts WHERE aid = 1"))->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(parses, update, std::string_view("UPDATE pgbench_accounts SET abalance = abalance + 10 WHERE aid = 1"))
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace isobar::sql

BENCHMARK_MAIN();
