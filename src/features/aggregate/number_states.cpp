#include "number_states.h"

namespace isobar::features {

namespace {

/// 2^(−span/half_life); of spans as long as time is.
double decay(Instant newer, Instant older, Duration half_life) {
  const double span = static_cast<double>(newer.unix_nanos()) - static_cast<double>(older.unix_nanos());
  const bool close = std::abs(span) < 4e18;  // else the difference in integers might overflow
  const double exact = close ? static_cast<double>(newer.unix_nanos() - older.unix_nanos()) : span;
  return std::exp2(-exact / static_cast<double>(half_life.count()));
}

}  // namespace

Result<std::int64_t> decode_count(ByteReader& reader) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  TRY_ASSIGN(const std::int64_t count, reader.zigzag());
  if (count > kMost || count < -kMost) return damaged("a count of more events than there are");
  return count;
}

void CountState::encode(std::string& out) const { append_zigzag(out, count); }
Status CountState::decode(ByteReader& reader) {
  TRY_ASSIGN(count, decode_count(reader));
  return {};
}

void IntegerSum::encode(std::string& out) const {
  append_zigzag(out, count);
  append_zigzag(out, static_cast<std::int64_t>(sum >> 64));
  append_fixed(out, static_cast<std::uint64_t>(sum));
}
Status IntegerSum::decode(ByteReader& reader) {
  TRY_ASSIGN(count, decode_count(reader));
  TRY_ASSIGN(const std::int64_t high, reader.zigzag());
  TRY_ASSIGN(const std::uint64_t low, reader.fixed<std::uint64_t>());
  // As many events as a count may have, of the largest integer each: sums over all tiles do not overflow either.
  constexpr std::int64_t kHighMost = std::int64_t{1} << 40;
  if (high > kHighMost || high < -kHighMost) return damaged("a sum of more than any events come to");
  sum = static_cast<__int128>((static_cast<unsigned __int128>(static_cast<std::uint64_t>(high)) << 64) | low);
  return {};
}

void NotFinite::encode(std::string& out) const {
  append_zigzag(out, nans);
  append_zigzag(out, positive);
  append_zigzag(out, negative);
}
Status NotFinite::decode(ByteReader& reader) {
  TRY_ASSIGN(nans, decode_count(reader));
  TRY_ASSIGN(positive, decode_count(reader));
  TRY_ASSIGN(negative, decode_count(reader));
  return {};
}

void FloatSum::add(double value, int weight) {
  count += weight;
  if (!not_finite.add(value, weight)) add_finite(value * weight);
  // What is left when all is taken out is rounding alone.
  if (finite() == 0) sum = compensation = 0;
}
void FloatSum::add_finite(double value) {
  const double together = sum + value;
  compensation += std::abs(sum) >= std::abs(value) ? (sum - together) + value : (value - together) + sum;
  sum = together;
}
void FloatSum::merge(const FloatSum& other) {
  count += other.count;
  not_finite.merge(other.not_finite);
  add_finite(other.sum);
  compensation += other.compensation;
}
void FloatSum::encode(std::string& out) const {
  append_fixed(out, sum);
  append_fixed(out, compensation);
  append_zigzag(out, count);
  not_finite.encode(out);
}
Status FloatSum::decode(ByteReader& reader) {
  TRY_ASSIGN(sum, reader.fixed<double>());
  TRY_ASSIGN(compensation, reader.fixed<double>());
  TRY_ASSIGN(count, decode_count(reader));
  return not_finite.decode(reader);
}

void Moments::insert(double value) {
  if (not_finite.add(value, 1)) return;
  ++count;
  const double distance = value - mean;
  mean += distance / static_cast<double>(count);
  squares += distance * (value - mean);
}
void Moments::retract(double value) {
  if (not_finite.add(value, -1)) return;
  if (--count == 0) {
    mean = squares = 0;
    return;
  }
  const double distance = value - mean;
  mean -= distance / static_cast<double>(count);
  squares = count == 1 ? 0 : std::max(0.0, squares - distance * (value - mean));
}
void Moments::merge(const Moments& other) {
  not_finite.merge(other.not_finite);
  if (other.count == 0) return;
  if (count == 0) {
    count = other.count, mean = other.mean, squares = other.squares;
    return;
  }
  const auto ours = static_cast<double>(count), theirs = static_cast<double>(other.count);
  const double all = ours + theirs, distance = other.mean - mean;
  mean += distance * theirs / all;
  squares += other.squares + distance * distance * ours * theirs / all;
  count += other.count;
}
void Moments::encode(std::string& out) const {
  append_zigzag(out, count);
  append_fixed(out, mean);
  append_fixed(out, squares);
  not_finite.encode(out);
}
Status Moments::decode(ByteReader& reader) {
  TRY_ASSIGN(count, decode_count(reader));
  TRY_ASSIGN(mean, reader.fixed<double>());
  TRY_ASSIGN(squares, reader.fixed<double>());
  return not_finite.decode(reader);
}

void DecayedSum::add(double value, int weight, Instant time, Duration half_life) {
  count += weight;
  if (not_finite.add(value, weight)) return;
  if (time > reference) {
    sum = sum == 0 ? 0 : sum * decay(time, reference, half_life);
    reference = time;
  }
  sum += value * weight * decay(reference, time, half_life);
  if (count == 0) sum = 0;
}
void DecayedSum::merge(const DecayedSum& other, Duration half_life) {
  count += other.count;
  not_finite.merge(other.not_finite);
  if (other.reference > reference) {
    sum = other.sum + (sum == 0 ? 0 : sum * decay(other.reference, reference, half_life));
    reference = other.reference;
  } else if (other.sum != 0) {
    sum += other.sum * decay(reference, other.reference, half_life);
  }
}
double DecayedSum::at(Instant time, Duration half_life) const {
  if (not_finite.any()) return not_finite.sum();
  return sum == 0 ? 0 : sum * decay(time, reference, half_life);
}
void DecayedSum::encode(std::string& out) const {
  append_fixed(out, sum);
  append_zigzag(out, count);
  append_zigzag(out, reference.unix_nanos());
  not_finite.encode(out);
}
Status DecayedSum::decode(ByteReader& reader) {
  TRY_ASSIGN(sum, reader.fixed<double>());
  TRY_ASSIGN(count, decode_count(reader));
  TRY_ASSIGN(const std::int64_t nanos, reader.zigzag());
  reference = Instant::from_unix_nanos(nanos);
  return not_finite.decode(reader);
}

bool float_below(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  if (a == b) return std::signbit(a) && !std::signbit(b);
  return a < b;
}

}  // namespace isobar::features
