#pragma once

/// Time with its units in the types. An `Instant` is a point on the wall clock, in nanoseconds since 1970 UTC; a
/// `Duration` is a signed span of nanoseconds. Cores never read a clock: they are handed an `Instant`.

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

inline constexpr Duration kForever = Duration::max();

class Instant {
 public:
  constexpr Instant() = default;
  static constexpr Instant from_unix_nanos(std::int64_t nanos) { return Instant(nanos); }
  static constexpr Instant from_unix_seconds(std::int64_t seconds) { return Instant(seconds * 1'000'000'000); }

  constexpr std::int64_t unix_nanos() const { return nanos_; }
  constexpr double unix_seconds() const { return static_cast<double>(nanos_) / 1e9; }

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant at, Duration span) { return Instant(at.nanos_ + span.count()); }
  friend constexpr Instant operator-(Instant at, Duration span) { return Instant(at.nanos_ - span.count()); }
  friend constexpr Duration operator-(Instant later, Instant earlier) { return Duration(later.nanos_ - earlier.nanos_); }

 private:
  explicit constexpr Instant(std::int64_t nanos) : nanos_(nanos) {}
  std::int64_t nanos_ = 0;
};

/// One of the four ways the world reaches our code (with randomness, disk and network). `sim` implements it too.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Instant now() const override;
};

constexpr double to_seconds(Duration span) { return static_cast<double>(span.count()) / 1e9; }
Duration from_seconds(double seconds);

/// "90s", "1h30m", "250ms", "2d"; a bare number counts `bare_unit`s. Units: ns us ms s m h d w.
/// Errors   kInvalidArgument: not of that form, negative, or beyond ±292 years
Result<Duration> parse_duration(std::string_view text, Duration bare_unit = std::chrono::seconds(1));

/// "2h 5m", "45s", "0.12s": two units at most, for people.
std::string format_duration(Duration span);

/// "2026-11-25 03:07:58" in UTC.
std::string format_instant(Instant at);

/// "just now", "5 mins ago", "2 hrs ago", "3 days ago": the form that status tables use.
std::string format_ago(Duration since);

}  // namespace isobar
