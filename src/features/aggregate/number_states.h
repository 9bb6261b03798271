#pragma once

/// States of a few machine words: counts, sums, moments, extremes, decay. Each has insert, merge, encode and decode, and retract where what
/// was inserted can be taken out again.

#include <cmath>
#include <cstdint>

#include "features/aggregate.h"

namespace isobar::features {

/// How many events a stored state may say it has, either way: so many that none has, and so few that the sum over all tiles does not
/// overflow.
Result<std::int64_t> decode_count(ByteReader& reader);

struct CountState {
  std::int64_t count = 0;
  void merge(const CountState& other) { count += other.count; }
  void encode(std::string& out) const;
  Status decode(ByteReader& reader);
};

/// 128 bits hold 2^64 events of the largest integer: what the result does not fit is told when it is read, and comes right again when
/// events are retracted or leave the window.
struct IntegerSum {
  __int128 sum = 0;
  std::int64_t count = 0;
  void add(std::int64_t value, int weight) {
    sum += static_cast<__int128>(value) * weight;
    count += weight;
  }
  void merge(const IntegerSum& other) { sum += other.sum, count += other.count; }
  void encode(std::string& out) const;
  Status decode(ByteReader& reader);
};

/// NaN and infinities apart from the finite numbers: they could not be taken out of a sum again.
struct NotFinite {
  std::int64_t nans = 0, positive = 0, negative = 0;
  /// Whether it is one of them, and so counted.
  bool add(double value, int weight) {
    if (std::isfinite(value)) return false;
    (std::isnan(value) ? nans : value > 0 ? positive : negative) += weight;
    return true;
  }
  void merge(const NotFinite& other) { nans += other.nans, positive += other.positive, negative += other.negative; }
  bool any() const { return nans != 0 || positive != 0 || negative != 0; }
  /// What a sum over them is.
  double sum() const { return nans != 0 || (positive != 0 && negative != 0) ? NAN : positive != 0 ? INFINITY : -INFINITY; }
  void encode(std::string& out) const;
  Status decode(ByteReader& reader);
};

/// Neumaier's summation: the rounding error of each addition is kept and added at the end.
struct FloatSum {
  double sum = 0, compensation = 0;
  std::int64_t count = 0;  ///< all of them
  NotFinite not_finite;

  void add(double value, int weight);
  void merge(const FloatSum& other);
  double total() const { return not_finite.any() ? not_finite.sum() : sum + compensation; }
  void encode(std::string& out) const;
  Status decode(ByteReader& reader);

 private:
  void add_finite(double value);
  std::int64_t finite() const { return count - not_finite.nans - not_finite.positive - not_finite.negative; }
};

/// Count, mean and sum of squared distances from the mean.
struct Moments {
  std::int64_t count = 0;  ///< of finite numbers
  double mean = 0, squares = 0;
  NotFinite not_finite;

  void insert(double value);
  void retract(double value);
  void merge(const Moments& other);
  void encode(std::string& out) const;
  Status decode(ByteReader& reader);
};

/// Σ v·2^((t−reference)/half-life) over the events, where the reference is the time of the newest of them: no weight is above 1.
struct DecayedSum {
  double sum = 0;
  std::int64_t count = 0;
  Instant reference = Instant::from_unix_nanos(INT64_MIN);
  NotFinite not_finite;

  void add(double value, int weight, Instant time, Duration half_life);
  void merge(const DecayedSum& other, Duration half_life);
  double at(Instant time, Duration half_life) const;
  void encode(std::string& out) const;
  Status decode(ByteReader& reader);
};

/// PostgreSQL's order of floats, made total: -0.0 is below 0.0, so that the least of them is the same in any order.
bool float_below(double a, double b);

}  // namespace isobar::features
