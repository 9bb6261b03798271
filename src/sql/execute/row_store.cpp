#include "row_store.h"

namespace isobar::sql::execute {

std::size_t hash_value(const Type& type, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value.held())) {
    auto mixed = static_cast<std::uint64_t>(*integer) * 0x9e3779b97f4a7c15ULL;
    return mixed ^ (mixed >> 32U);
  }
  return value.is_null() ? 0x51ed27 : hash(type, value);
}

bool same_value(const Type& type, const Value& a, const Value& b) {
  const auto* x = std::get_if<std::int64_t>(&a.held());
  const auto* y = std::get_if<std::int64_t>(&b.held());
  if (x != nullptr && y != nullptr) return *x == *y;
  if (a.is_null() || b.is_null()) return a.is_null() == b.is_null();
  return compare(type, a, b) == 0;
}

std::size_t KeyTable::hash_of(const Value* const* keys) const {
  std::size_t all = types_.size();
  for (std::size_t i = 0; i < types_.size(); ++i) all = (all ^ hash_value(types_[i], *keys[i])) * 0x100000001b3ULL;
  return all ^ (all >> 29U);
}

bool KeyTable::same(std::uint32_t place, const Value* const* keys) const {
  const Value* row = keys_.row(place);
  for (std::size_t i = 0; i < types_.size(); ++i)
    if (!same_value(types_[i], row[i], *keys[i])) return false;
  return true;
}

std::uint32_t KeyTable::find_or_add(const Value* const* keys, bool& added) {
  added = false;
  const std::size_t hash = hash_of(keys);
  if (!buckets_.empty())
    for (std::uint32_t at = buckets_[hash & (buckets_.size() - 1)]; at != kNone; at = entries_[at].next)
      if (entries_[at].hash == hash && same(at, keys)) return at;
  if (entries_.size() >= buckets_.size()) grow();
  added = true;
  Value* row = keys_.add();
  for (std::size_t i = 0; i < types_.size(); ++i) row[i] = *keys[i];
  if (!keys_.kept()) return kNone;
  auto& bucket = buckets_[hash & (buckets_.size() - 1)];
  entries_.push_back({hash, bucket});
  return bucket = static_cast<std::uint32_t>(entries_.size() - 1);
}

void KeyTable::grow() {
  buckets_.assign(buckets_.empty() ? 16 : buckets_.size() * 2, kNone);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto& bucket = buckets_[entries_[i].hash & (buckets_.size() - 1)];
    entries_[i].next = bucket;
    bucket = static_cast<std::uint32_t>(i);
  }
}

}  // namespace isobar::sql::execute
