#pragma once

/// A digest of everything that a shard holds, kept up to date with each change: no key but those that changed is looked at again. Keys fall
/// into buckets by their digest. A bucket is a sum in a group of 1,024 numbers of 16 bits, to which each key with its version adds the
/// numbers that its own digest expands to (LtHash: Bellare and Micciancio, EUROCRYPT '97; 1,024 lanes give more than 128 bits). Buckets
/// are the leaves of a Merkle tree, whose root replicas sign; those whose roots differ see by the leaves which buckets do.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/ids.h"

namespace isobar::db {

inline constexpr std::uint32_t kBucketsMost = 1024;

std::uint32_t bucket_of(std::string_view key, std::uint32_t buckets);

/// The newest committed version of a key.
struct SettledVersion {
  Timestamp version;
  TxId writer;
  std::optional<std::string> value;  ///< none: deleted
};
template <class Io>
void describe(Io& io, Like<SettledVersion> auto& v) {
  io(v.version)(v.writer)(v.value);
}

/// Memory: 2 KiB a bucket.
class StateDigest {
 public:
  /// buckets  1 … kBucketsMost
  explicit StateDigest(std::uint32_t buckets) : buckets_(buckets), leaves_(buckets, leaf_of(Lanes{})) {}

  std::uint32_t buckets() const { return static_cast<std::uint32_t>(buckets_.size()); }
  /// Cost: 2 µs each.
  void add(const std::string& key, const SettledVersion& version);
  void remove(const std::string& key, const SettledVersion& version);

  /// One for each bucket. Cost: a hash of 2 KiB for each that changed since the last time
  const std::vector<Hash>& leaves();

  std::string bucket(std::uint32_t bucket) const;
  /// Errors: false, if it is not a bucket's
  bool restore(std::uint32_t bucket, std::string_view bytes);

 private:
  struct Lanes {
    std::array<std::uint16_t, 1024> of{};
  };
  struct Bucket {
    Lanes lanes;
    bool changed = false;
  };
  static Hash leaf_of(const Lanes& lanes);
  static Lanes element(const std::string& key, const SettledVersion& version);

  std::vector<Bucket> buckets_;
  std::vector<Hash> leaves_;
};

Hash root_of(const std::vector<Hash>& leaves);

}  // namespace isobar::db
