#pragma once

#include <array>
#include <atomic>
#include <string>

#include "features/server.h"

namespace isobar::features {

/// How long answers took: a histogram whose bounds double from 50 µs to 1.6 s. Safe from any thread.
class LatencyHistogram {
 public:
  static constexpr std::size_t kBounds = 16;
  static constexpr Duration bound(std::size_t i) { return Duration(50'000) * (1 << i); }
  void add(Duration took);
  /// Lines of Prometheus' text form. labels   as route="/push"
  void append(std::string& out, std::string_view name, std::string_view labels) const;

 private:
  std::array<std::atomic<std::uint64_t>, kBounds + 1> counts_{};
  std::atomic<std::uint64_t> nanos_{0};
};

/// What the server counts of itself. Safe from any thread.
struct ServingMetrics {
  std::array<LatencyHistogram, 16> routes;               ///< of HTTP, by the route's place among all
  std::array<std::atomic<std::uint64_t>, 6> statuses{};  ///< of HTTP, by hundreds
  std::atomic<std::uint64_t> redis_commands{0}, redis_errors{0};
  std::atomic<std::uint64_t> grpc_calls{0}, grpc_errors{0};
  std::atomic<std::int64_t> connections{0};
  std::atomic<std::uint64_t> connections_refused{0};
};

/// What the engine, and those who read its sources, say of themselves, in Prometheus' text form: events, lateness and freshness of each
/// source; keys, readings, and what was answered without a value of each view; budget, regret and staleness of each expensive feature.
void append_engine_metrics(std::string& out, const EngineStatus& status, const std::vector<ReadingProgress>& reading,
                           const std::optional<SampleCounts>& sampled, Instant now);
/// The same as JSON. Numbers of seconds and counts, times as RFC 3339.
std::string status_json(const EngineStatus& status, const std::vector<ReadingProgress>& reading,
                        const std::optional<SampleCounts>& sampled);

}  // namespace isobar::features
