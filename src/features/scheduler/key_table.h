#pragma once

// Keys, which are opaque bytes, to slots, small dense numbers. Open addressing with a byte of each hash beside the slots: a search touches
// the bytes of a key only when that byte agrees, and keys stand one after another in one arena. Beside its own bytes a key takes 7 to 12
// bytes here.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::features {

class KeyTable {
 public:
  explicit KeyTable(std::uint64_t hash_seed) : seed_(hash_seed) {}

  std::size_t size() const { return size_; }
  std::optional<std::uint32_t> find(std::string_view key) const;
  /// The key must not be there.
  /// Errors   kExhausted: the bytes of all keys together would be beyond 4 GiB
  Result<std::uint32_t> add(std::string_view key);
  /// The slot must be in use; it is given to the next key that comes.
  void remove(std::uint32_t slot);
  std::string_view key_of(std::uint32_t slot) const;
  /// One more than the greatest slot ever in use.
  std::uint32_t slots() const { return static_cast<std::uint32_t>(offsets_.size()); }
  bool in_use(std::uint32_t slot) const { return offsets_[slot] != kFree; }

  std::size_t memory_bytes() const;

 private:
  static constexpr std::uint32_t kFree = UINT32_MAX, kEmpty = UINT32_MAX, kGone = UINT32_MAX - 1;

  std::uint64_t hash(std::string_view key) const;
  std::size_t bucket_of(std::uint64_t hash) const;
  void put(std::uint32_t slot, std::uint64_t hash);
  std::size_t bucket_of_slot(std::uint32_t slot) const;
  void make_room();
  void rehash(std::size_t buckets);
  void pack_arena();
  void append(std::string_view key);

  std::uint64_t seed_;
  std::vector<std::uint32_t> buckets_;  ///< slot, kEmpty or kGone
  std::vector<std::uint8_t> tags_;      ///< a byte of the hash, for each bucket
  std::vector<std::uint32_t> offsets_;  ///< slot → its length and bytes in the arena
  std::vector<std::uint32_t> free_;
  std::vector<char> arena_;
  std::size_t size_ = 0, gone_ = 0, arena_dead_ = 0;
};

}  // namespace isobar::features
