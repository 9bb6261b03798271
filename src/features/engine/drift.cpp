#include "drift.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace isobar::features {

namespace {

constexpr std::size_t kTenths = 10, kNamesMost = 20;
constexpr std::uint8_t kDriftVersion = 1;

std::optional<double> share(std::uint32_t part, std::uint32_t all) {
  return all == 0 ? std::nullopt : std::optional(static_cast<double>(part) / all);
}

double number_of(const Value& value) { return value.type().is_integer() ? static_cast<double>(value.as_integer()) : value.as_float(); }

template <class Number>
void append_all(std::string& out, const std::vector<Number>& numbers) {
  append_varint(out, numbers.size());
  for (const Number number : numbers) append_fixed(out, number);
}

template <class Number>
Status read_all(ByteReader& reader, std::vector<Number>& numbers) {
  TRY_ASSIGN(const std::size_t count, reader.count(sizeof(Number)));
  numbers.resize(count);
  for (Number& number : numbers) {
    TRY_ASSIGN(number, reader.fixed<Number>());
  }
  return {};
}

}  // namespace

FeatureDrift::FeatureDrift(Type type) : sort_(Sort::kNone) {
  if (type.is_number()) sort_ = Sort::kNumber;
  else if (!type.list && type.kind != Kind::kTimestamp) sort_ = Sort::kName;
}

void FeatureDrift::add(const Value& value, FieldStatus status) {
  const bool null = status != FieldStatus::kPresent;
  if (frozen_) return take(null ? kNull : bin_of(value));
  ++values_then_;
  nulls_then_ += null ? 1 : 0;
  if (!null && sort_ == Sort::kNumber) numbers_.push_back(number_of(value));
  if (!null && sort_ == Sort::kName) names_.push_back(name_of(value));
  if (values_then_ == kReference) freeze();
}

void FeatureDrift::freeze() {
  frozen_ = true;
  if (sort_ == Sort::kNumber && !numbers_.empty()) freeze_numbers();
  if (sort_ == Sort::kName && !names_.empty()) freeze_names();
  numbers_ = {};
  names_ = {};
  now_.assign(then_.size(), 0);
}

void FeatureDrift::freeze_numbers() {
  std::ranges::sort(numbers_);
  for (std::size_t tenth = 0; tenth < kTenths; ++tenth) edges_.push_back(numbers_[numbers_.size() * tenth / kTenths]);
  edges_.push_back(std::nextafter(numbers_.back(), HUGE_VAL));
  edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
  then_.assign(edges_.size() + 1, 0);
  for (const double number : numbers_) ++then_[static_cast<std::size_t>(std::ranges::upper_bound(edges_, number) - edges_.begin())];
}

void FeatureDrift::freeze_names() {
  std::map<std::uint64_t, std::uint32_t> counts;
  for (const std::uint64_t name : names_) ++counts[name];
  std::vector<std::pair<std::uint32_t, std::uint64_t>> frequent;
  for (const auto& [name, count] : counts) frequent.emplace_back(count, name);
  std::ranges::sort(frequent, std::greater());
  if (frequent.size() > kNamesMost) frequent.resize(kNamesMost);
  std::uint32_t rest = static_cast<std::uint32_t>(names_.size());
  for (const auto& [count, name] : frequent) {
    bins_.push_back(name);
    then_.push_back(count);
    rest -= count;
  }
  then_.push_back(rest);
}

std::uint64_t FeatureDrift::name_of(const Value& value) const {
  std::string bytes;
  append_value(bytes, value);
  return XXH3_64bits(bytes.data(), bytes.size());
}

/// The bin, of those that the reference made.
std::uint8_t FeatureDrift::bin_of(const Value& value) const {
  if (sort_ == Sort::kNumber) return static_cast<std::uint8_t>(std::ranges::upper_bound(edges_, number_of(value)) - edges_.begin());
  if (sort_ == Sort::kName) return static_cast<std::uint8_t>(std::ranges::find(bins_, name_of(value)) - bins_.begin());
  return 0;
}

void FeatureDrift::take(std::uint8_t bin) {
  const auto count = [this](std::uint8_t one, std::uint32_t by) {
    if (one == kNull) nulls_now_ += by;
    else if (one < now_.size()) now_[one] += by;
  };
  if (recent_.size() < kReference) {
    recent_.push_back(bin);
  } else {
    count(recent_[next_], static_cast<std::uint32_t>(-1));
    recent_[next_] = bin;
  }
  next_ = (next_ + 1) % kReference;
  count(bin, 1);
}

std::optional<double> FeatureDrift::psi() const {
  if (!frozen_ || then_.empty() || recent_.size() < kLeast) return std::nullopt;
  const auto there = [](const std::vector<std::uint32_t>& counts) {
    double sum = 0.5 * static_cast<double>(counts.size());
    for (const std::uint32_t count : counts) sum += count;
    return sum;
  };
  const double all_then = there(then_), all_now = there(now_);
  double sum = 0;
  for (std::size_t bin = 0; bin < then_.size(); ++bin) {
    const double then = (then_[bin] + 0.5) / all_then, now = (now_[bin] + 0.5) / all_now;
    sum += (now - then) * std::log(now / then);
  }
  return sum;
}

std::optional<double> FeatureDrift::nulls_then() const { return share(nulls_then_, values_then_); }
std::optional<double> FeatureDrift::nulls_now() const { return share(nulls_now_, static_cast<std::uint32_t>(recent_.size())); }

void FeatureDrift::encode_reference(std::string& out) const {
  append_byte(out, frozen_ ? 1 : 0);
  if (!frozen_) return;
  append_varint(out, values_then_);
  append_varint(out, nulls_then_);
  append_all(out, edges_);
  append_all(out, bins_);
  append_all(out, then_);
}

Status FeatureDrift::decode_reference(ByteReader& reader) {
  TRY_ASSIGN(const std::uint8_t frozen, reader.byte());
  if (frozen == 0) return {};
  TRY_ASSIGN(const std::uint64_t values, reader.varint());
  TRY_ASSIGN(const std::uint64_t nulls, reader.varint());
  TRY(read_all(reader, edges_));
  TRY(read_all(reader, bins_));
  TRY(read_all(reader, then_));
  const std::size_t bins = sort_ == Sort::kNumber ? edges_.size() + 1 : bins_.size() + 1;
  if (!then_.empty() && (then_.size() != bins || bins >= kNull)) return damaged("a reference of another number of bins");
  values_then_ = static_cast<std::uint32_t>(values);
  nulls_then_ = static_cast<std::uint32_t>(nulls);
  now_.assign(then_.size(), 0);
  frozen_ = true;
  return {};
}

ViewDrift::ViewDrift(const CompiledView& view, Duration every) : stored_(view.stored()), every_(every.count()) { restart(); }

void ViewDrift::restart() {
  const MutexLock lock(mutex_);
  features_.clear();
  for (const auto& column : stored_) features_.emplace_back(column.type);
  unwritten_ = true;
}

void ViewDrift::offer(const ViewReading& reading, const std::vector<bool>& wanted, Instant now) {
  std::int64_t next = next_.load(std::memory_order_relaxed);
  if (now.unix_nanos() < next || reading.status != ViewReading::Status::kFound) return;
  if (!next_.compare_exchange_strong(next, now.unix_nanos() + every_, std::memory_order_relaxed)) return;
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < features_.size(); ++i) {
    if (!wanted.empty() && !wanted[i]) continue;
    const bool before = features_[i].has_reference();
    features_[i].add(reading.values[i], reading.statuses[i]);
    unwritten_ = unwritten_ || before != features_[i].has_reference();
  }
}

std::vector<ViewDrift::Told> ViewDrift::tell() const {
  const MutexLock lock(mutex_);
  std::vector<Told> told;
  for (const auto& feature : features_) told.push_back({feature.psi(), feature.nulls_then(), feature.nulls_now()});
  return told;
}

std::optional<std::string> ViewDrift::take_unwritten() {
  const MutexLock lock(mutex_);
  if (!std::exchange(unwritten_, false)) return std::nullopt;
  std::string out;
  append_byte(out, kDriftVersion);
  append_varint(out, features_.size());
  for (const auto& feature : features_) feature.encode_reference(out);
  return out;
}

Status ViewDrift::read(std::string_view bytes) {
  ByteReader reader(bytes);
  TRY_ASSIGN(const std::uint8_t version, reader.byte());
  if (version != kDriftVersion) return damaged("references of drift of another version");
  TRY_ASSIGN(const std::uint64_t count, reader.varint());
  const MutexLock lock(mutex_);
  if (count != features_.size()) return damaged("references of drift of another number of features");
  for (auto& feature : features_) TRY(feature.decode_reference(reader));
  unwritten_ = false;
  return reader.finish();
}

}  // namespace isobar::features
