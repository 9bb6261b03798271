// Stored states of windows as somebody who is wrong or hostile may hand them to us: any bytes. Whatever they are, they are read or refused;
// what was read can be read from, added to and stored again.

#include <cstdint>

#include "features/keyed_windows.h"

using namespace isobar;
using namespace isobar::features;

namespace {

std::unique_ptr<KeyedWindows> made() {
  using enum AggregateFunction;
  const std::vector<AggregateSpec> specs{{.function = kCount},
                                         {.function = kSum, .argument = 0},
                                         {.function = kMean, .argument = 1},
                                         {.function = kStddev, .argument = 1},
                                         {.function = kMin, .argument = 2},
                                         {.function = kMax, .argument = 1},
                                         {.function = kLast, .argument = 2},
                                         {.function = kDistinct, .argument = 0, .precision = 4},
                                         {.function = kQuantiles, .argument = 1, .quantiles = {0, 0.5, 1}},
                                         {.function = kTopK, .argument = 2, .k = 2},
                                         {.function = kHistogram, .argument = 1, .bounds = {0}},
                                         {.function = kDecayedSum, .argument = 1, .half_life = 1h}};
  auto windows = KeyedWindows::create(specs, {{Kind::kInt64}, {Kind::kFloat64}, {Kind::kString}},
                                      {Window::sliding(1min), Window::tumbling(24h), Window::unbounded(), Window::exactly(10s)}, {});
  CHECK(windows.ok());
  return std::move(*windows);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto windows = made();
  const Status read = windows->decode("k", {reinterpret_cast<const char*>(data), size});
  if (!read.ok()) {
    CHECK(read.error().code() == Code::kDataLoss);
    return 0;
  }
  const std::string stored = *windows->encode("k");
  CHECK(windows->decode("k", stored).ok());
  CHECK(*windows->encode("k") == stored);
  for (std::uint64_t i = 0; i < 12; ++i)
    windows->insert("k", {Instant::from_unix_seconds(static_cast<std::int64_t>(i) * 7), Instant(), i},
                    std::vector<Value>{Value(std::int64_t{1}), Value(0.5), Value("a")});
  windows->read("k", Instant::from_unix_seconds(60));
  windows->read("k", Instant::from_unix_nanos(INT64_MAX));
  windows->advance(Instant::from_unix_seconds(100'000));
  windows->expire();
  return 0;
}
