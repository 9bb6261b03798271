#pragma once

/// States that say a little about very many values: how many different ones, where the quantiles lie, which are the most frequent.

#include <array>
#include <cstdint>
#include <vector>

#include "features/aggregate.h"

namespace isobar::features {

/// HyperLogLog: of the values' hashes, the first bits name a register, which keeps the longest run of zeros seen in the rest. Until it has
/// an eighth of its registers it keeps pairs of register and run instead. The registers do not depend on the order of what came.
class DistinctSketch {
 public:
  void insert(std::uint64_t hash, std::uint32_t precision);
  void merge(const DistinctSketch& other, std::uint32_t precision);
  /// Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6: no tables of bias, no switch of formulas.
  double estimate(std::uint32_t precision) const;
  void encode(std::string& out) const;
  /// Errors   kDataLoss: not a sketch of this precision
  Status decode(ByteReader& reader, std::uint32_t precision);
  std::size_t heap_bytes() const { return sparse_.capacity() * sizeof(std::uint32_t) + dense_.capacity(); }

 private:
  void raise(std::uint32_t index, std::uint8_t run, std::uint32_t precision);
  void make_dense(std::uint32_t precision);

  std::vector<std::uint32_t> sparse_;  ///< index·256 + run, ascending
  std::vector<std::uint8_t> dense_;    ///< a run for each register; then sparse_ is empty
};

/// A histogram whose buckets are as wide as 2^-7 of the numbers in them: a bucket is the sign, the exponent and the first seven bits behind
/// the point of a double, so it is found by a shift, and the same on any machine. It keeps at most 4,096 buckets: when there would be more,
/// two become one, and again. Counts can be taken out, and merging is adding, so the quantiles do not depend on the order of what came.
class LogLinearHistogram {
 public:
  void add(double value, std::int64_t weight);
  void merge(const LogLinearHistogram& other);
  std::int64_t count() const { return count_; }
  /// The middle of the bucket in which the value of rank ⌊q·(count−1)⌋ lies, within 2^-8 of it relatively, as long as no buckets were
  /// joined. q   from 0 to 1; something is in it
  double quantile(double q) const;
  void encode(std::string& out) const;
  Status decode(ByteReader& reader);
  std::size_t heap_bytes() const { return buckets_.capacity() * sizeof(Bucket); }

 private:
  struct Bucket {
    std::int32_t place;
    std::int64_t count;
  };
  void add_at(std::int32_t place, std::int64_t weight);
  void coarsen();
  double middle(std::int32_t place) const;

  std::vector<Bucket> buckets_;  ///< by place, ascending
  std::int64_t count_ = 0;
  std::uint8_t joined_ = 0;  ///< how often two became one
};

/// Space-saving: so many counters; a value without one takes that of the least count, and begins where it was, which is how much too high
/// it may be. A value that is more than 1/capacity of all is surely among them.
class FrequentValues {
 public:
  void insert(const Value& value, std::uint64_t hash, std::size_t capacity);
  void merge(const FrequentValues& other, std::size_t capacity);
  /// The k with the highest counts, ties by the value.
  std::vector<Value> top(std::size_t k) const;
  void encode(std::string& out) const;
  Status decode(ByteReader& reader, Type type, std::size_t capacity);
  std::size_t heap_bytes() const { return counters_.capacity() * sizeof(Counter); }

 private:
  struct Counter {
    std::uint64_t hash;
    std::int64_t count, too_high;
    Value value;
  };
  static bool above(const Counter& a, const Counter& b);
  std::vector<Counter> counters_;
};

/// Counts between bounds.
struct BoundedHistogram {
  std::vector<std::int64_t> counts;
  void add(double value, int weight, std::span<const double> bounds);
  void merge(const BoundedHistogram& other);
  void encode(std::string& out) const;
  Status decode(ByteReader& reader, std::size_t bounds);
};

}  // namespace isobar::features
