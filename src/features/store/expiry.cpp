#include "expiry.h"

#include <algorithm>

#include "store_keys.h"

namespace isobar::features {

bool older_than(Duration span, Instant at, Instant now) {
  std::int64_t oldest = 0;
  if (__builtin_sub_overflow(now.unix_nanos(), span.count(), &oldest)) return false;  // it would lie before all time
  return at.unix_nanos() < oldest;
}

Age age_of(const Lifetime& lifetime, Instant event, Instant now) {
  if (lifetime.ttl == Duration(0) || !older_than(lifetime.ttl, event, now)) return Age::kInside;
  std::int64_t whole = 0;
  if (__builtin_add_overflow(lifetime.ttl.count(), lifetime.remembered.count(), &whole)) return Age::kExpired;
  return older_than(Duration(whole), event, now) ? Age::kForgotten : Age::kExpired;
}

bool history_expired(const Lifetime& lifetime, Instant event, Instant now) {
  return lifetime.history != Duration(0) && older_than(lifetime.history, event, now);
}

bool state_expired(Instant keep_until, Instant now) { return keep_until <= now && keep_until != Instant::from_unix_nanos(INT64_MAX); }

Instant Expiry::now() const {
  const Instant read = clock_.now();
  const MutexLock lock(mutex_);
  return latest_ = std::max(latest_, read);
}

std::shared_ptr<const Lifetimes> Expiry::lifetimes() const {
  const MutexLock lock(mutex_);
  return lifetimes_;
}

void Expiry::set(Lifetimes lifetimes) {
  auto next = std::make_shared<const Lifetimes>(std::move(lifetimes));
  const MutexLock lock(mutex_);
  lifetimes_ = std::move(next);
}

void Expiry::hold() {
  const MutexLock lock(mutex_);
  ++holders_;
}

void Expiry::release() {
  const MutexLock lock(mutex_);
  CHECK(holders_ > 0);
  --holders_;
}

bool Expiry::held() const {
  const MutexLock lock(mutex_);
  return holders_ > 0;
}

namespace {

using Decision = rocksdb::CompactionFilter::Decision;

/// What a rule knows beside the entry: as of when, and under which lifetimes.
struct Present {
  std::shared_ptr<const Lifetimes> lifetimes;
  Duration push_memory;
  Instant now;

  const Lifetime* lifetime_of(std::string_view key) const {
    if (key.size() < kViewBytes) return nullptr;
    const auto found = lifetimes->find(view_of(key));
    return found == lifetimes->end() ? nullptr : &found->second;
  }
};
using Rule = Decision (*)(const Present& present, std::string_view key, std::string_view value, std::string* changed);

Decision latest_rule(const Present& present, std::string_view key, std::string_view value, std::string* changed) {
  const Lifetime* lifetime = present.lifetime_of(key);
  const auto latest = parse_latest(value);
  if (lifetime == nullptr || !latest.ok()) return Decision::kKeep;  // damage is for a reader to be told of
  const Age age = age_of(*lifetime, latest->order.time, present.now);
  if (age == Age::kForgotten) return Decision::kRemove;
  if (age == Age::kInside || latest->mark != Mark::kRow) return Decision::kKeep;
  *changed = latest_value(latest->order, Mark::kForgotten, {});
  return Decision::kChangeValue;
}

Decision history_rule(const Present& present, std::string_view key, std::string_view, std::string*) {
  const Lifetime* lifetime = present.lifetime_of(key);
  const auto order = history_order(key);
  if (lifetime == nullptr || !order.ok()) return Decision::kKeep;
  return history_expired(*lifetime, order->time, present.now) ? Decision::kRemove : Decision::kKeep;
}

Decision state_rule(const Present& present, std::string_view, std::string_view value, std::string*) {
  if (value.size() < kInstantBytes) return Decision::kKeep;
  return state_expired(Instant::from_unix_nanos(ordered_signed_from(value)), present.now) ? Decision::kRemove : Decision::kKeep;
}

Decision push_rule(const Present& present, std::string_view key, std::string_view value, std::string*) {
  if (!is_push_key(key) || value.size() < kInstantBytes) return Decision::kKeep;
  const Instant seen = Instant::from_unix_nanos(ordered_signed_from(value));
  return older_than(present.push_memory, seen, present.now) ? Decision::kRemove : Decision::kKeep;
}

class Filter final : public rocksdb::CompactionFilter {
 public:
  Filter(Rule rule, Present present) : rule_(rule), present_(std::move(present)) {}
  const char* Name() const override { return "isobar.features.expiry"; }
  Decision FilterV2(int, const rocksdb::Slice& key, ValueType type, const rocksdb::Slice& value, std::string* changed,
                    std::string*) const override {
    if (type != ValueType::kValue) return Decision::kKeep;
    return rule_(present_, key.ToStringView(), value.ToStringView(), changed);
  }

 private:
  Rule rule_;
  Present present_;
};

class FilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  FilterFactory(const Expiry& expiry, Rule rule) : expiry_(expiry), rule_(rule) {}
  const char* Name() const override { return "isobar.features.expiry"; }
  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(const rocksdb::CompactionFilter::Context&) override {
    Present present{expiry_.lifetimes(), expiry_.push_memory(), expiry_.now()};
    if (expiry_.held()) return nullptr;  // asked last: a snapshot that begins after this sees what expired before it
    return std::make_unique<Filter>(rule_, std::move(present));
  }

 private:
  const Expiry& expiry_;
  Rule rule_;
};

}  // namespace

std::shared_ptr<rocksdb::CompactionFilterFactory> filter_latest_rows(const Expiry& expiry) {
  return std::make_shared<FilterFactory>(expiry, latest_rule);
}
std::shared_ptr<rocksdb::CompactionFilterFactory> filter_history(const Expiry& expiry) {
  return std::make_shared<FilterFactory>(expiry, history_rule);
}
std::shared_ptr<rocksdb::CompactionFilterFactory> filter_states(const Expiry& expiry) {
  return std::make_shared<FilterFactory>(expiry, state_rule);
}
std::shared_ptr<rocksdb::CompactionFilterFactory> filter_pushes(const Expiry& expiry) {
  return std::make_shared<FilterFactory>(expiry, push_rule);
}

}  // namespace isobar::features
