// Any bytes as the body of each route, on a store in memory: an answer comes, and it is JSON.

#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>

#include "base/await.h"
#include "feast_api.h"
#include "serving_testing.h"

namespace isobar::features {
namespace {

constexpr std::array<std::string_view, 6> kPaths = {
    "/get-online-features", "/push", "/write-to-online-store", "/feedback", "/materialize", "/materialize-incremental"};

struct World {
  TestClock clock;
  FakeEngine engine{clock};
  ServerOptions options;
  ServingMetrics metrics;
  Log log;
  FeastApi api{engine, options, clock, metrics, log};
};

void ask(World& world, std::string_view path, std::string_view body) {
  const auto answer = *await_outcome<HttpAnswer>([&](auto done) {
    world.api.handle({.method = "POST", .path = std::string(path), .body = std::string(body)},
                     [done](HttpAnswer told) { done(std::move(told)); });
  });
  if (answer.body.empty()) return;
  boost::json::error_code failure;
  boost::json::parse(answer.body, failure);
  CHECK(!failure, answer.body);
}

}  // namespace
}  // namespace isobar::features

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static isobar::features::World world;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  isobar::features::ask(world, isobar::features::kPaths[data[0] % isobar::features::kPaths.size()], input.substr(1));
  return 0;
}
