// How many calls a second a core makes, through the one way to call; and how long it takes to settle which function is meant.

#include <benchmark/benchmark.h>

#include "sql/function_set.h"

namespace isobar::sql {
namespace {

const FunctionSet& the_set() {
  static const FunctionSet set = FunctionSet::built_in();
  return set;
}

void calls(benchmark::State& state, std::string_view sign, bool is_operator, const Type& left, const Type& right, const Value& a,
           const Value& b) {
  const Type types[] = {left, right};
  const auto resolved = is_operator ? the_set().resolve_operator(sign, types) : the_set().resolve(sign, types);
  const auto& bound = std::get<BoundFunction>(resolved->what);
  const SessionValues session;
  const Value* arguments[] = {&a, &b};
  Value result;
  for (auto _ : state) benchmark::DoNotOptimize(call(bound, session, arguments, result).ok());
  state.SetItemsProcessed(state.iterations());
}

const Type kInt = type_of(Kind::kInt4), kDecimal = type_of(Kind::kNumeric), kWords = type_of(Kind::kText);
BENCHMARK_CAPTURE(calls, int4_plus, "+", true, kInt, kInt, Value(std::int64_t{2}), Value(std::int64_t{3}));
BENCHMARK_CAPTURE(calls, int4_equals, "=", true, kInt, kInt, Value(std::int64_t{2}), Value(std::int64_t{3}));
BENCHMARK_CAPTURE(calls, numeric_times, "*", true, kDecimal, kDecimal, Value(Numeric(123'45, 2)), Value(Numeric(7, 0)));
BENCHMARK_CAPTURE(calls, numeric_over, "/", true, kDecimal, kDecimal, Value(Numeric(123'45, 2)), Value(Numeric(7, 0)));
BENCHMARK_CAPTURE(calls, text_less, "<", true, kWords, kWords, Value(std::string("twenty letters or so")),
                  Value(std::string("twenty letters or more")));
BENCHMARK_CAPTURE(calls, text_join, "||", true, kWords, kWords, Value(std::string("twenty letters or so")),
                  Value(std::string("twenty letters or more")));
BENCHMARK_CAPTURE(calls, text_like, "~~", true, kWords, kWords, Value(std::string("twenty letters or so")),
                  Value(std::string("%letters%")));
BENCHMARK_CAPTURE(calls, text_regex, "~", true, kWords, kWords, Value(std::string("twenty letters or so")),
                  Value(std::string("l[a-z]+s or")));

void resolve(benchmark::State& state) {
  const Type types[] = {kInt, type_of(Kind::kUnknown)};
  for (auto _ : state) benchmark::DoNotOptimize(the_set().resolve_operator("+", types).ok());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(resolve);

void sum(benchmark::State& state) {
  const Type types[] = {kInt};
  const auto resolved = the_set().resolve("sum", types);
  const auto& bound = std::get<BoundAggregate>(resolved->what);
  const auto gathered = bound.aggregate->start(bound);
  const SessionValues session;
  const Value one(std::int64_t{1});
  const Value* arguments[] = {&one};
  for (auto _ : state) benchmark::DoNotOptimize(gathered->step(session, arguments).ok());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(sum);

void make_the_set(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(FunctionSet::built_in());
}
BENCHMARK(make_the_set)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace isobar::sql

BENCHMARK_MAIN();
