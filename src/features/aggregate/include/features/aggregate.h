#pragma once

/// Aggregate functions as states: what a group of events comes to, held so that it can be added to, merged with another group's, stored,
/// and for some of them taken from again.
///
/// | function | state | result | retracts |
/// | --- | --- | --- | --- |
/// | count, count of a column | an integer | int64, 0 of nothing | yes |
/// | sum of integers | 128 bits | int64; beyond it an error, never a wrap | yes |
/// | sum of floats | compensated (Neumaier 1974); NaN and ±inf counted apart | float64 | yes |
/// | mean | as sum, and a count | float64 | yes |
/// | variance, stddev, variance_pop, stddev_pop | Welford's moments, merged as by Chan, Golub and LeVeque (1979) | float64 | yes |
/// | min, max | the value | the column's type | no |
/// | first, last | the value and its order | the column's type | no |
/// | distinct | HyperLogLog (Flajolet 2007), sparse at first, read by Ertl's estimator (2017); ±1.6 % with the default 2^12 registers |
/// int64 | no | | quantile, quantiles | a log-linear histogram: every value within 0.4 % | float64, or float64[] for several | yes | |
/// top_k | space-saving (Metwally 2005), merged as by Agarwal (2012); exact up to its capacity | list of the column's type | no | |
/// histogram | counts between given bounds | int64[] | yes | | decayed_sum, decayed_count | Σ v·2^(−age/half-life) | float64 | yes |
///
/// As in SQL, null arguments are left out by all but the count of rows, and what has seen no value is null, but for counts and histograms.
/// Sums of exact types, counts, minima, ends, sketches of distinct values and histograms do not depend on the order in which events come or
/// groups are merged; sums, means and variances of floats do in their last digits.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "features/row_codec.h"
#include "features/schema.h"

namespace isobar::features {

/// By which the first and the last are told: by time of the event, then by when its record was created, then by the order of its source.
struct EventOrder {
  Instant time;
  Instant created;
  std::uint64_t sequence = 0;
  friend constexpr auto operator<=>(const EventOrder&, const EventOrder&) = default;
};
void encode_order(std::string& out, const EventOrder& order);
/// Errors   kDataLoss
Result<EventOrder> decode_order(ByteReader& reader);

enum class AggregateFunction {
  kCount,
  kSum,
  kMean,
  kVariance,
  kStddev,
  kVariancePop,
  kStddevPop,
  kMin,
  kMax,
  kFirst,
  kLast,
  kDistinct,
  kQuantiles,
  kTopK,
  kHistogram,
  kDecayedSum,
  kDecayedCount,
};

/// Errors   kInvalidArgument: no such function; the message names the nearest, or all
Result<AggregateFunction> parse_aggregate_function(std::string_view name);
std::string_view name_of(AggregateFunction function);

struct AggregateSpec {
  AggregateFunction function = AggregateFunction::kCount;
  std::optional<std::size_t> argument;  ///< a place among the arguments of events; none only for kCount and kDecayedCount, of rows
  std::vector<double> quantiles;        ///< kQuantiles: each from 0 to 1
  std::uint32_t k = 10;                 ///< kTopK: how many, 1 to 1,000
  std::vector<double> bounds;           ///< kHistogram: ascending; n of them make n+1 counts, each of (bound before, bound]
  Duration half_life{0};                ///< kDecayedSum, kDecayedCount
  std::uint32_t precision = 12;         ///< kDistinct: 2^precision registers, 4 to 16
};

/// One function over its state, which lies in memory of the caller's. Immutable; safe from any thread.
class Aggregate {
 public:
  virtual ~Aggregate() = default;
  /// arguments   the types of events' arguments
  /// Errors      kInvalidArgument: the function has no meaning for the type, or a parameter is out of its bounds; the message names it
  static Result<std::unique_ptr<const Aggregate>> create(const AggregateSpec& spec, std::span<const Type> arguments);

  virtual Type result_type() const = 0;
  /// Whether `retract` is there. Those that do not have it are made again from the events that are left.
  virtual bool retracts() const = 0;
  virtual std::size_t state_bytes() const = 0;

  virtual void construct(void* state) const = 0;
  virtual void destroy(void* state) const = 0;
  virtual void insert(void* state, const EventOrder& order, std::span<const Value> arguments) const = 0;
  /// Of an event that was inserted. Whoever asks it of a function that does not retract ends the process.
  virtual void retract(void* state, const EventOrder& order, std::span<const Value> arguments) const = 0;
  virtual void merge(void* state, const void* other) const = 0;
  /// at       to when decay is counted
  /// Errors   kInvalidArgument: a sum beyond its type
  virtual Result<Value> result(const void* state, Instant at) const = 0;
  virtual void encode(const void* state, std::string& out) const = 0;
  /// Into a state that was constructed. Errors   kDataLoss
  virtual Status decode(void* state, ByteReader& reader) const = 0;
  /// What a state has on the heap beside its own bytes.
  virtual std::size_t heap_bytes(const void* state) const = 0;
};

/// Several aggregates whose states lie in one block of memory.
class AggregateSet {
 public:
  /// Errors   as `Aggregate::create`, with the number of the aggregate from 1; none at all
  static Result<AggregateSet> create(const std::vector<AggregateSpec>& specs, std::vector<Type> arguments);

  /// The states of one group.
  class Block {
   public:
    Block() = default;
    explicit Block(const AggregateSet& set);
    Block(Block&& other) noexcept;
    Block& operator=(Block&& other) noexcept;
    ~Block();
    explicit operator bool() const { return memory_ != nullptr; }

   private:
    friend class AggregateSet;
    const AggregateSet* set_ = nullptr;
    std::byte* memory_ = nullptr;
  };

  std::size_t size() const { return aggregates_.size(); }
  std::span<const Type> arguments() const { return arguments_; }
  const Aggregate& operator[](std::size_t which) const { return *aggregates_[which]; }
  bool all_retract() const { return all_retract_; }

  void insert(Block& block, const EventOrder& order, std::span<const Value> arguments) const;
  void retract(Block& block, const EventOrder& order, std::span<const Value> arguments) const;
  void merge(Block& block, const Block& other) const;
  Result<Value> result(const Block& block, std::size_t which, Instant at) const;
  void encode(const Block& block, std::string& out) const;
  Result<Block> decode(ByteReader& reader) const;
  /// All that a block occupies.
  std::size_t bytes(const Block& block) const;

 private:
  AggregateSet() = default;
  std::vector<std::unique_ptr<const Aggregate>> aggregates_;
  std::vector<std::size_t> offsets_;
  std::vector<Type> arguments_;
  std::size_t block_bytes_ = 0;
  bool all_retract_ = true;
};

}  // namespace isobar::features
