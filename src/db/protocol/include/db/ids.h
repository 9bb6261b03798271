#pragma once

/// Who and what: shards, replicas, clients, timestamps, and digests of contents.

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include "base/id.h"
#include "db/canonical.h"

namespace isobar::db {

using ClientId = Id<struct ClientTag>;
using ShardId = Id<struct ShardTag>;
using Epoch = Id<struct EpochTag>;  ///< of the membership; certificates name theirs
using View = std::uint32_t;         ///< of one transaction's fallback; 0: any client may propose

/// A replica is named by its place in its shard, never by its host: two that share a host are two.
struct ReplicaId {
  ShardId shard;
  std::uint32_t index = 0;  ///< 0 … 5f
  friend auto operator<=>(const ReplicaId&, const ReplicaId&) = default;
};
template <class Io>
void describe(Io& io, Like<ReplicaId> auto& id) {
  io(id.shard)(id.index);
}

/// Who is at the other end of a channel, or signs.
using Peer = std::variant<ClientId, ReplicaId>;

/// A transaction's place in the one order that all of them have: by time, then by client. {0, 0} is that of what was there at first.
struct Timestamp {
  std::uint64_t time = 0;  ///< nanoseconds since 1970, by the client's hybrid clock
  ClientId client;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};
template <class Io>
void describe(Io& io, Like<Timestamp> auto& timestamp) {
  io(timestamp.time)(timestamp.client);
}

using Hash = std::array<std::uint8_t, 32>;

/// The digest of a transaction's whole content.
struct TxId {
  Hash hash{};
  friend auto operator<=>(const TxId&, const TxId&) = default;
};
template <class Io>
void describe(Io& io, Like<TxId> auto& id) {
  io(id.hash);
}

/// What a digest is made of and for. The names are part of the protocol.
namespace purpose {
inline constexpr std::string_view kTransaction = "isobar.db.tx";
inline constexpr std::string_view kKeyPlace = "isobar.db.place";
inline constexpr std::string_view kLeaf = "isobar.db.leaf";
inline constexpr std::string_view kInner = "isobar.db.inner";
inline constexpr std::string_view kBatch = "isobar.db.batch";
inline constexpr std::string_view kElectors = "isobar.db.elect";
inline constexpr std::string_view kKeyBucket = "isobar.db.key";
inline constexpr std::string_view kElement = "isobar.db.elem";
inline constexpr std::string_view kBucket = "isobar.db.bucket";
inline constexpr std::string_view kScan = "isobar.db.scan";
}  // namespace purpose

Hash hash_of(std::string_view purpose, std::string_view bytes);
/// The first eight bytes as a number: for choosing a shard or a leader by the whole digest.
std::uint64_t number_of(const Hash& hash);
/// The first six bytes in hexadecimal, for people.
std::string short_name(const TxId& id);
std::string to_text(const Timestamp& timestamp);

}  // namespace isobar::db

template <>
struct std::hash<isobar::db::TxId> {
  std::size_t operator()(const isobar::db::TxId& id) const noexcept { return isobar::db::number_of(id.hash); }
};
