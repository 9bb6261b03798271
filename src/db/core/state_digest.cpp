#include "db/state_digest.h"

#include "crypto/expand.h"
#include "db/statements.h"

namespace isobar::db {

std::uint32_t bucket_of(std::string_view key, std::uint32_t buckets) {
  return static_cast<std::uint32_t>(number_of(hash_of(purpose::kKeyBucket, key)) % buckets);
}

// The key and its version as 2 KiB that nobody chose: its digest is the key of a stream cipher, and the stream is the element. Values are
// hashed by themselves, so that an element costs the same whatever their size.
StateDigest::Lanes StateDigest::element(const std::string& key, const SettledVersion& version) {
  Encoder text;
  text(key)(version.version)(version.writer)(version.value.has_value());
  text(version.value ? hash_of(purpose::kElement, *version.value) : Hash{});
  const Hash seed = hash_of(purpose::kElement, text.take());
  std::array<std::uint8_t, 2048> bytes;
  crypto::expand(seed, bytes);
  Lanes lanes;
  for (std::size_t i = 0; i < lanes.of.size(); ++i) lanes.of[i] = static_cast<std::uint16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8);
  return lanes;
}

void StateDigest::add(const std::string& key, const SettledVersion& version) {
  Bucket& bucket = buckets_[bucket_of(key, buckets())];
  const Lanes more = element(key, version);
  for (std::size_t i = 0; i < more.of.size(); ++i) bucket.lanes.of[i] = static_cast<std::uint16_t>(bucket.lanes.of[i] + more.of[i]);
  bucket.changed = true;
}

void StateDigest::remove(const std::string& key, const SettledVersion& version) {
  Bucket& bucket = buckets_[bucket_of(key, buckets())];
  const Lanes less = element(key, version);
  for (std::size_t i = 0; i < less.of.size(); ++i) bucket.lanes.of[i] = static_cast<std::uint16_t>(bucket.lanes.of[i] - less.of[i]);
  bucket.changed = true;
}

std::string StateDigest::bucket(std::uint32_t bucket) const {
  std::string bytes;
  for (const std::uint16_t lane : buckets_[bucket].lanes.of) {
    bytes += static_cast<char>(lane);
    bytes += static_cast<char>(lane >> 8);
  }
  return bytes;
}

bool StateDigest::restore(std::uint32_t bucket, std::string_view bytes) {
  if (bucket >= buckets_.size() || bytes.size() != sizeof(Lanes)) return false;
  Bucket& into = buckets_[bucket];
  for (std::size_t i = 0; i < into.lanes.of.size(); ++i)
    into.lanes.of[i] =
        static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[2 * i]) | static_cast<unsigned char>(bytes[2 * i + 1]) << 8);
  return into.changed = true;
}

const std::vector<Hash>& StateDigest::leaves() {
  for (std::size_t i = 0; i < buckets_.size(); ++i)
    if (std::exchange(buckets_[i].changed, false)) leaves_[i] = leaf_of(buckets_[i].lanes);
  return leaves_;
}

Hash StateDigest::leaf_of(const Lanes& lanes) {
  return hash_of(purpose::kBucket, {reinterpret_cast<const char*>(lanes.of.data()), sizeof(lanes.of)});
}

Hash root_of(const std::vector<Hash>& leaves) { return MerkleTree(leaves).root(); }

}  // namespace isobar::db
