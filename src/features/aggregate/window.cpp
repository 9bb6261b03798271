#include "features/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

namespace isobar::features {

namespace {

constexpr std::size_t kLevelsMost = 3;
constexpr Duration kSizeMost = std::chrono::hours(24 * 365 * 100);
/// Each divides the next.
constexpr std::array<std::int64_t, 6> kLadder{1'000'000'000,   5'000'000'000,     60'000'000'000,
                                              300'000'000'000, 3'600'000'000'000, 86'400'000'000'000};

bool is_aligned(const Window& window) { return window.kind == WindowKind::kTumbling || window.kind == WindowKind::kHopping; }
bool has_tiles(const Window& window) { return window.kind != WindowKind::kUnbounded && !window.exact; }
Duration slide_of(const Window& window) { return window.kind == WindowKind::kTumbling ? window.size : window.slide; }

Status check(const Window& window) {
  if (window.kind == WindowKind::kUnbounded) return {};
  if (window.size <= Duration::zero() || window.size > kSizeMost)
    return invalid("its size is not between 1 ns and 100 years; write it as 1h or 30d");
  if (window.exact && window.kind != WindowKind::kSliding)
    return invalid("hopping and tumbling windows are exact as they are; leave out exact");
  if (window.kind == WindowKind::kHopping && (window.slide <= Duration::zero() || window.slide > window.size))
    return invalid("its slide is not between 1 ns and its size, or events would fall between its windows");
  if (window.hop < Duration::zero() || window.hop > window.size) return invalid("its hop is not between 1 ns and its size");
  return {};
}

/// On which bounds the window begins.
Result<std::int64_t> hop_of(const Window& window) {
  if (is_aligned(window)) {
    const std::int64_t both = std::gcd(window.size.count(), slide_of(window).count());
    const auto divides = [&](std::int64_t hop) { return both % hop == 0; };
    const auto largest = std::find_if(kLadder.rbegin(), kLadder.rend(), divides);
    return largest == kLadder.rend() ? both : *largest;
  }
  if (window.hop > Duration::zero()) return window.hop.count();
  const auto fits = [&](std::int64_t hop) { return hop <= window.size.count() / 12; };
  const auto largest = std::find_if(kLadder.rbegin(), kLadder.rend(), fits);
  if (largest == kLadder.rend())
    return invalid(fmt::format("it slides over {} only; ask for an exact one, or name its hop", format_duration(window.size)));
  return *largest;
}

Status check_nesting(const std::vector<std::int64_t>& hops) {
  for (std::size_t i = 1; i < hops.size(); ++i)
    if (hops[i] % hops[i - 1] != 0)
      return invalid(fmt::format("windows that begin every {} and every {} share no tiles; make one a multiple of the other",
                                 format_duration(Duration(hops[i - 1])), format_duration(Duration(hops[i]))));
  return {};
}

/// Those nearest to the next finer one go first: their windows lose nothing by it, since every bound of theirs is one of the finer's.
void leave_the_most(std::vector<std::int64_t>& hops) {
  while (hops.size() > kLevelsMost) {
    std::size_t nearest = 1;
    for (std::size_t i = 2; i < hops.size(); ++i)
      if (hops[i] / hops[i - 1] < hops[nearest] / hops[nearest - 1]) nearest = i;
    hops.erase(hops.begin() + static_cast<std::ptrdiff_t>(nearest));
  }
}

/// A level between two that are far apart, or above the last, where it spares a read most of its tiles.
std::optional<std::int64_t> helpful_hop(const std::vector<std::int64_t>& hops, std::int64_t size_most) {
  constexpr std::int64_t kWorthIt = 4;
  for (auto hop = kLadder.rbegin(); hop != kLadder.rend(); ++hop) {
    const auto next = std::ranges::upper_bound(hops, *hop);
    if (next == hops.begin()) continue;
    const std::int64_t below = *std::prev(next), above = next == hops.end() ? size_most : *next;
    const bool nests = *hop % below == 0 && (next == hops.end() || above % *hop == 0);
    if (nests && *hop / below >= kWorthIt && above / *hop >= kWorthIt) return *hop;
  }
  return std::nullopt;
}

std::size_t level_of(const std::vector<std::int64_t>& hops, std::int64_t hop) {
  return static_cast<std::size_t>(std::ranges::upper_bound(hops, hop) - hops.begin()) - 1;
}

/// A window reads its own level and all above; of those below, the part since the last bound of the next.
std::int64_t reach(const WindowPlan& plan, const std::vector<std::int64_t>& hops, std::size_t level) {
  std::int64_t most = level + 1 < hops.size() ? hops[level + 1] : 0;
  for (const auto& [window, own] : plan.windows) {
    if (!has_tiles(window) || own > level) continue;
    const std::int64_t slack = is_aligned(window) ? slide_of(window).count() : hops[own];
    most = std::max(most, window.size.count() + slack);
  }
  return most;
}

}  // namespace

std::int64_t floor_to(std::int64_t number, std::int64_t step) {
  const std::int64_t rest = number % step;
  return rest == 0 ? number : minus(number, rest < 0 ? rest + step : rest);
}

std::int64_t minus(std::int64_t a, std::int64_t b) {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b > 0 ? INT64_MIN : INT64_MAX;
}

Span span_of(const Window& window, Instant at) {
  if (window.kind == WindowKind::kUnbounded) return {Instant::from_unix_nanos(INT64_MIN), at};
  const std::int64_t end = is_aligned(window) ? floor_to(at.unix_nanos(), slide_of(window).count()) : at.unix_nanos();
  return {Instant::from_unix_nanos(minus(end, window.size.count())), Instant::from_unix_nanos(end)};
}

Result<WindowPlan> WindowPlan::create(const std::vector<Window>& windows, Duration lateness) {
  if (windows.empty()) return invalid("no windows; name at least one");
  if (lateness < Duration::zero() || lateness > kSizeMost) return invalid("the allowed lateness is not between 0 and 100 years");
  WindowPlan plan;
  std::vector<std::int64_t> hops;
  std::int64_t size_most = 0;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const Window& window = windows[i];
    TRY(check(window).context(fmt::format("window {}", i + 1)));
    plan.windows.push_back({window});
    plan.unbounded = plan.unbounded || window.kind == WindowKind::kUnbounded;
    if (window.exact) plan.exact_retain = std::max(plan.exact_retain, (window.size + lateness).count());
    if (!has_tiles(window)) continue;
    TRY_ASSIGN(const std::int64_t hop, hop_of(window).context(fmt::format("window {}", i + 1)));
    hops.push_back(hop);
    size_most = std::max(size_most, window.size.count());
  }
  std::ranges::sort(hops);
  hops.erase(std::unique(hops.begin(), hops.end()), hops.end());
  TRY(check_nesting(hops));
  leave_the_most(hops);
  while (!hops.empty() && hops.size() < kLevelsMost) {
    const auto helpful = helpful_hop(hops, size_most);
    if (!helpful) break;
    hops.insert(std::ranges::upper_bound(hops, *helpful), *helpful);
  }
  for (auto& [window, level] : plan.windows)
    if (has_tiles(window)) level = level_of(hops, *hop_of(window));
  for (std::size_t i = 0; i < hops.size(); ++i) plan.levels.push_back({hops[i], reach(plan, hops, i) + lateness.count()});
  return plan;
}

}  // namespace isobar::features
