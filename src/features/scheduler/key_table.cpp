#include "key_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace isobar::features {

namespace {

constexpr std::size_t kLoadPercentMost = 80;

/// Lengths take one byte, or five from 255 on.
constexpr std::uint8_t kLongLength = 255;

std::size_t stored_bytes(std::string_view key) { return key.size() + (key.size() < kLongLength ? 1 : 5); }

}  // namespace

std::uint64_t KeyTable::hash(std::string_view key) const { return XXH3_64bits_withSeed(key.data(), key.size(), seed_); }

// The high bits choose the bucket, whatever the number of buckets; the lowest byte is the tag.
std::size_t KeyTable::bucket_of(std::uint64_t hash) const {
  return static_cast<std::size_t>((static_cast<unsigned __int128>(hash) * buckets_.size()) >> 64);
}

std::string_view KeyTable::key_of(std::uint32_t slot) const {
  const char* stored = arena_.data() + offsets_[slot];
  const auto first = static_cast<std::uint8_t>(*stored);
  if (first < kLongLength) return {stored + 1, first};
  std::uint32_t length = 0;
  std::memcpy(&length, stored + 1, sizeof length);
  return {stored + 5, length};
}

std::optional<std::uint32_t> KeyTable::find(std::string_view key) const {
  if (buckets_.empty()) return std::nullopt;
  const std::uint64_t hashed = hash(key);
  const auto tag = static_cast<std::uint8_t>(hashed);
  for (std::size_t at = bucket_of(hashed); buckets_[at] != kEmpty; at = at + 1 == buckets_.size() ? 0 : at + 1)
    if (tags_[at] == tag && buckets_[at] != kGone && key_of(buckets_[at]) == key) return buckets_[at];
  return std::nullopt;
}

Result<std::uint32_t> KeyTable::add(std::string_view key) {
  if (arena_dead_ > arena_.size() / 2) pack_arena();
  if (arena_.size() + stored_bytes(key) >= kFree)
    return Error(Code::kExhausted, "the keys' bytes together are beyond 4 GiB; split the view over more schedulers");
  make_room();
  std::uint32_t slot = slots();
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else {
    if (offsets_.size() == offsets_.capacity()) offsets_.reserve(offsets_.size() + offsets_.size() / 8 + 16);
    offsets_.push_back(kFree);
  }
  offsets_[slot] = static_cast<std::uint32_t>(arena_.size());
  append(key);
  put(slot, hash(key));
  ++size_;
  return slot;
}

void KeyTable::append(std::string_view key) {
  const std::size_t size = arena_.size() + stored_bytes(key);
  if (size > arena_.capacity()) arena_.reserve(size + size / 8 + 64);
  if (key.size() < kLongLength) {
    arena_.push_back(static_cast<char>(key.size()));
  } else {
    arena_.push_back(static_cast<char>(kLongLength));
    const auto length = static_cast<std::uint32_t>(key.size());
    char raw[sizeof length];
    std::memcpy(raw, &length, sizeof length);
    arena_.insert(arena_.end(), raw, raw + sizeof length);
  }
  arena_.insert(arena_.end(), key.begin(), key.end());
}

std::size_t KeyTable::bucket_of_slot(std::uint32_t slot) const {
  std::size_t at = bucket_of(hash(key_of(slot)));
  while (buckets_[at] != slot) {
    CHECK(buckets_[at] != kEmpty, slot);
    at = at + 1 == buckets_.size() ? 0 : at + 1;
  }
  return at;
}

void KeyTable::remove(std::uint32_t slot) {
  CHECK(in_use(slot), slot);
  buckets_[bucket_of_slot(slot)] = kGone;
  ++gone_;
  arena_dead_ += stored_bytes(key_of(slot));
  offsets_[slot] = kFree;
  free_.push_back(slot);
  --size_;
}

void KeyTable::put(std::uint32_t slot, std::uint64_t hash) {
  std::size_t at = bucket_of(hash);
  while (buckets_[at] != kEmpty && buckets_[at] != kGone) at = at + 1 == buckets_.size() ? 0 : at + 1;
  if (buckets_[at] == kGone) --gone_;
  buckets_[at] = slot;
  tags_[at] = static_cast<std::uint8_t>(hash);
}

void KeyTable::make_room() {
  if ((size_ + gone_ + 1) * 100 <= buckets_.size() * kLoadPercentMost) return;
  // Where removed keys fill it, the same size does, once they are swept out.
  rehash((size_ + 1) * 100 > buckets_.size() * kLoadPercentMost / 2 ? std::max<std::size_t>(16, buckets_.size() + buckets_.size() / 3)
                                                                    : buckets_.size());
}

void KeyTable::rehash(std::size_t buckets) {
  buckets_.assign(buckets, kEmpty);
  buckets_.shrink_to_fit();
  tags_.assign(buckets, 0);
  tags_.shrink_to_fit();
  gone_ = 0;
  for (std::uint32_t slot = 0; slot < slots(); ++slot)
    if (in_use(slot)) put(slot, hash(key_of(slot)));
}

void KeyTable::pack_arena() {
  std::vector<char> old;
  old.swap(arena_);
  arena_dead_ = 0;
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    if (!in_use(slot)) continue;
    const char* stored = old.data() + offsets_[slot];
    std::uint32_t length = static_cast<std::uint8_t>(*stored);
    const bool is_long = length == kLongLength;
    if (is_long) std::memcpy(&length, stored + 1, sizeof length);
    offsets_[slot] = static_cast<std::uint32_t>(arena_.size());
    append({stored + (is_long ? 5 : 1), length});
  }
}

std::size_t KeyTable::memory_bytes() const {
  return buckets_.capacity() * 4 + tags_.capacity() + offsets_.capacity() * 4 + free_.capacity() * 4 + arena_.capacity();
}

}  // namespace isobar::features
