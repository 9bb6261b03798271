#include "sketches.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "features/hash.h"
#include "number_states.h"

namespace isobar::features {

// --- distinct

void DistinctSketch::insert(std::uint64_t hash, std::uint32_t precision) {
  const auto index = static_cast<std::uint32_t>(hash >> (64 - precision));
  // The bits behind the index, and a one below them that ends the run.
  const std::uint64_t rest = hash << precision | std::uint64_t{1} << (precision - 1);
  raise(index, static_cast<std::uint8_t>(std::countl_zero(rest) + 1), precision);
}

void DistinctSketch::raise(std::uint32_t index, std::uint8_t run, std::uint32_t precision) {
  if (!dense_.empty()) {
    dense_[index] = std::max(dense_[index], run);
    return;
  }
  const auto at = std::ranges::lower_bound(sparse_, index << 8);
  if (at != sparse_.end() && *at >> 8 == index) {
    *at = std::max(*at, index << 8 | run);
    return;
  }
  sparse_.insert(at, index << 8 | run);
  if (sparse_.size() > (std::size_t{1} << precision) / 8) make_dense(precision);
}

void DistinctSketch::make_dense(std::uint32_t precision) {
  dense_.assign(std::size_t{1} << precision, 0);
  for (const std::uint32_t pair : sparse_) dense_[pair >> 8] = static_cast<std::uint8_t>(pair);
  sparse_ = std::vector<std::uint32_t>();  // with its memory, which `= {}` would keep
}

void DistinctSketch::merge(const DistinctSketch& other, std::uint32_t precision) {
  if (!other.dense_.empty() && dense_.empty()) make_dense(precision);
  for (const std::uint32_t pair : other.sparse_) raise(pair >> 8, static_cast<std::uint8_t>(pair), precision);
  for (std::size_t i = 0; i < other.dense_.size(); ++i) dense_[i] = std::max(dense_[i], other.dense_[i]);
}

namespace {

double sigma(double x) {
  if (x == 1) return INFINITY;
  double y = 1, z = x, before;
  do {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  } while (z != before);
  return z;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1, z = 1 - x, before;
  do {
    x = std::sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) * (1 - x) * y;
  } while (z != before);
  return z / 3;
}

}  // namespace

double DistinctSketch::estimate(std::uint32_t precision) const {
  const auto registers = static_cast<double>(std::size_t{1} << precision);
  const std::uint32_t longest = 64 - precision;
  std::array<double, 66> with_run{};
  with_run[0] = registers - static_cast<double>(sparse_.size() + dense_.size());
  for (const std::uint32_t pair : sparse_) ++with_run[pair & 0xff];
  for (const std::uint8_t run : dense_) ++with_run[run];
  double z = registers * tau(1 - with_run[longest + 1] / registers);
  for (std::uint32_t run = longest; run >= 1; --run) z = 0.5 * (z + with_run[run]);
  z += registers * sigma(with_run[0] / registers);
  const double alpha = 0.5 / std::log(2.0);
  return alpha * registers * registers / z;
}

void DistinctSketch::encode(std::string& out) const {
  append_byte(out, dense_.empty() ? 0 : 1);
  for (const std::uint8_t run : dense_) append_byte(out, run);
  if (!dense_.empty()) return;
  append_varint(out, sparse_.size());
  for (const std::uint32_t pair : sparse_) append_fixed(out, pair);
}

Status DistinctSketch::decode(ByteReader& reader, std::uint32_t precision) {
  const std::size_t registers = std::size_t{1} << precision;
  TRY_ASSIGN(const std::uint8_t dense, reader.byte());
  if (dense > 1) return damaged("a sketch of distinct values of an unknown form");
  if (dense == 1) {
    TRY_ASSIGN(const std::string_view runs, reader.take(registers));
    dense_.assign(runs.begin(), runs.end());
    if (std::ranges::any_of(dense_, [&](std::uint8_t run) { return run > 64 - precision + 1; })) return damaged("a run longer than a hash");
    return {};
  }
  TRY_ASSIGN(const std::size_t count, reader.count(sizeof(std::uint32_t)));
  if (count > registers / 8) return damaged("more registers than a sparse sketch has");
  for (std::size_t i = 0; i < count; ++i) {
    TRY_ASSIGN(const auto pair, reader.fixed<std::uint32_t>());
    const std::uint32_t run = pair & 0xff;
    const bool ascending = sparse_.empty() || sparse_.back() >> 8 < pair >> 8;
    if (!ascending || pair >> 8 >= registers || run == 0 || run > 64 - precision + 1)
      return damaged("registers out of order or out of range");
    sparse_.push_back(pair);
  }
  return {};
}

// --- quantiles

namespace {

constexpr int kBits = 7;  // of the fraction, that tell buckets apart
constexpr std::size_t kBucketsMost = 4'096;
constexpr std::int32_t kNanPlace = std::numeric_limits<std::int32_t>::max();
constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

/// Ascending with the numbers: negative ones below zero, -1 for those next to it.
std::int32_t place_of(double value) {
  if (std::isnan(value)) return kNanPlace;
  const auto bits = std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
  const auto size = static_cast<std::int32_t>((bits & ~kSignBit) >> (52 - kBits));
  return (bits & kSignBit) != 0 ? -1 - size : size;
}

double edge(std::int64_t size) {
  const auto bits = static_cast<std::uint64_t>(size) << (52 - kBits);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return bits >= std::bit_cast<std::uint64_t>(kInfinity) ? kInfinity : std::bit_cast<double>(bits);
}

}  // namespace

void LogLinearHistogram::add(double value, std::int64_t weight) {
  const std::int32_t place = place_of(value);
  add_at(place == kNanPlace ? place : place >> joined_, weight);
}

void LogLinearHistogram::add_at(std::int32_t place, std::int64_t weight) {
  count_ += weight;
  const auto at = std::ranges::lower_bound(buckets_, place, {}, &Bucket::place);
  if (at != buckets_.end() && at->place == place) {
    at->count += weight;
    if (at->count == 0) buckets_.erase(at);
    return;
  }
  buckets_.insert(at, Bucket{place, weight});
  while (buckets_.size() > kBucketsMost) coarsen();
}

void LogLinearHistogram::coarsen() {
  ++joined_;
  std::vector<Bucket> fewer;
  for (const Bucket& bucket : buckets_) {
    const std::int32_t place = bucket.place == kNanPlace ? bucket.place : bucket.place >> 1;
    if (!fewer.empty() && fewer.back().place == place) fewer.back().count += bucket.count;
    else fewer.push_back({place, bucket.count});
  }
  std::erase_if(fewer, [](const Bucket& bucket) { return bucket.count == 0; });
  buckets_ = std::move(fewer);
}

void LogLinearHistogram::merge(const LogLinearHistogram& other) {
  while (joined_ < other.joined_) coarsen();
  for (const Bucket& bucket : other.buckets_)
    // Our own coarseness may grow on the way.
    add_at(bucket.place == kNanPlace ? bucket.place : bucket.place >> (joined_ - other.joined_), bucket.count);
}

double LogLinearHistogram::middle(std::int32_t place) const {
  if (place == kNanPlace) return NAN;
  const std::int64_t first = static_cast<std::int64_t>(place) << joined_, end = (static_cast<std::int64_t>(place) + 1) << joined_;
  if (first <= 0 && end > 0 && joined_ == 0) return 0;  // zero, and what is next to it
  const double least = first >= 0 ? edge(first) : -edge(-first), most = end >= 0 ? edge(end) : -edge(-end);
  // The infinities have buckets of their own; those of the largest numbers end there.
  if (std::isinf(least) != std::isinf(most)) return std::isinf(least) ? most : least;
  if (std::isinf(least)) return least;
  return least + (most - least) / 2;
}

double LogLinearHistogram::quantile(double q) const {
  auto rank = static_cast<std::int64_t>(std::floor(q * static_cast<double>(count_ - 1)));
  for (const Bucket& bucket : buckets_) {
    if (rank < bucket.count) return middle(bucket.place);
    rank -= bucket.count;
  }
  return buckets_.empty() ? NAN : middle(buckets_.back().place);
}

void LogLinearHistogram::encode(std::string& out) const {
  append_byte(out, joined_);
  append_varint(out, buckets_.size());
  std::int64_t before = 0;
  for (const Bucket& bucket : buckets_) {
    append_zigzag(out, bucket.place - before);
    append_zigzag(out, bucket.count);
    before = bucket.place;
  }
}

Status LogLinearHistogram::decode(ByteReader& reader) {
  TRY_ASSIGN(joined_, reader.byte());
  if (joined_ > 20) return damaged("a histogram that was made coarser than there are buckets");
  TRY_ASSIGN(const std::size_t count, reader.count(2));
  if (count > kBucketsMost) return damaged("a histogram of too many buckets");
  std::int64_t place = 0;
  for (std::size_t i = 0; i < count; ++i) {
    TRY_ASSIGN(const std::int64_t step, reader.zigzag());
    Bucket bucket{};
    TRY_ASSIGN(bucket.count, decode_count(reader));
    const bool in_range = step >= -(std::int64_t{1} << 33) && step <= std::int64_t{1} << 33 && (i == 0 || step > 0);
    place += in_range ? step : 0;
    if (!in_range || place < INT32_MIN || place > INT32_MAX || bucket.count == 0) return damaged("buckets out of order");
    bucket.place = static_cast<std::int32_t>(place);
    count_ += bucket.count;
    buckets_.push_back(bucket);
  }
  return {};
}

// --- frequent values

bool FrequentValues::above(const Counter& a, const Counter& b) {
  if (a.count != b.count) return a.count > b.count;
  return compare(a.value, b.value) < 0;
}

void FrequentValues::insert(const Value& value, std::uint64_t hash, std::size_t capacity) {
  for (Counter& counter : counters_)
    if (counter.hash == hash && compare(counter.value, value) == 0) return void(++counter.count);
  if (counters_.size() < capacity) return counters_.push_back({hash, 1, 0, value});
  Counter& least = *std::ranges::max_element(counters_, above);
  least = {hash, least.count + 1, least.count, value};
}

void FrequentValues::merge(const FrequentValues& other, std::size_t capacity) {
  // A value without counter in a full sketch may have come as often as the least that has one.
  const auto missing = [&](const FrequentValues& sketch) -> std::int64_t {
    if (sketch.counters_.size() < capacity) return 0;
    return std::ranges::max_element(sketch.counters_, above)->count;
  };
  const std::int64_t here_least = missing(*this), there_least = missing(other);
  std::vector<bool> met(other.counters_.size(), false);
  for (Counter& counter : counters_) {
    const auto same = std::ranges::find_if(
        other.counters_, [&](const Counter& theirs) { return theirs.hash == counter.hash && compare(theirs.value, counter.value) == 0; });
    const bool there = same != other.counters_.end();
    counter.count += there ? same->count : there_least;
    counter.too_high += there ? same->too_high : there_least;
    if (there) met[static_cast<std::size_t>(same - other.counters_.begin())] = true;
  }
  for (std::size_t i = 0; i < met.size(); ++i) {
    if (met[i]) continue;
    counters_.push_back(other.counters_[i]);
    counters_.back().count += here_least;
    counters_.back().too_high += here_least;
  }
  std::ranges::sort(counters_, above);
  if (counters_.size() > capacity) counters_.erase(counters_.begin() + static_cast<std::ptrdiff_t>(capacity), counters_.end());
}

std::vector<Value> FrequentValues::top(std::size_t k) const {
  std::vector<const Counter*> order;
  for (const Counter& counter : counters_) order.push_back(&counter);
  std::ranges::sort(order, [](const Counter* a, const Counter* b) { return above(*a, *b); });
  std::vector<Value> values;
  for (std::size_t i = 0; i < std::min(k, order.size()); ++i) values.push_back(order[i]->value);
  return values;
}

void FrequentValues::encode(std::string& out) const {
  append_varint(out, counters_.size());
  for (const Counter& counter : counters_) {
    append_varint(out, static_cast<std::uint64_t>(counter.count));
    append_varint(out, static_cast<std::uint64_t>(counter.too_high));
    append_value(out, counter.value);
  }
}

Status FrequentValues::decode(ByteReader& reader, Type type, std::size_t capacity) {
  TRY_ASSIGN(const std::size_t count, reader.count(3));
  if (count > capacity) return damaged("more counters than the sketch has");
  for (std::size_t i = 0; i < count; ++i) {
    TRY_ASSIGN(const std::uint64_t seen, reader.varint());
    TRY_ASSIGN(const std::uint64_t too_high, reader.varint());
    TRY_ASSIGN(Value value, reader.value());
    constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
    if (value.is_null() || value.type() != type || seen == 0 || seen > kMost || too_high >= seen)
      return damaged("a counter that cannot be");
    const std::uint64_t hash = hash64({&value, 1});
    counters_.push_back({hash, static_cast<std::int64_t>(seen), static_cast<std::int64_t>(too_high), std::move(value)});
  }
  return {};
}

// --- histogram

void BoundedHistogram::add(double value, int weight, std::span<const double> bounds) {
  if (counts.empty()) counts.resize(bounds.size() + 1);
  // A NaN is above all bounds, as it is above all numbers.
  const auto at = std::isnan(value) ? bounds.end() : std::ranges::lower_bound(bounds, value);
  counts[static_cast<std::size_t>(at - bounds.begin())] += weight;
}
void BoundedHistogram::merge(const BoundedHistogram& other) {
  if (counts.empty()) counts.resize(other.counts.size());
  for (std::size_t i = 0; i < other.counts.size(); ++i) counts[i] += other.counts[i];
}
void BoundedHistogram::encode(std::string& out) const {
  append_varint(out, counts.size());
  for (const std::int64_t count : counts) append_zigzag(out, count);
}
Status BoundedHistogram::decode(ByteReader& reader, std::size_t bounds) {
  TRY_ASSIGN(const std::size_t count, reader.count(1));
  if (count != 0 && count != bounds + 1) return damaged("a histogram of other bounds");
  counts.resize(count);
  for (std::int64_t& held : counts) {
    TRY_ASSIGN(held, decode_count(reader));
  }
  return {};
}

}  // namespace isobar::features
