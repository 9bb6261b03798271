#pragma once

/// Who takes part in one epoch, and by which keys each is known. Each shard has n = 5f + 1 replicas, of which at most f lie.

#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "db/ids.h"

namespace isobar::db {

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

/// f, and the sizes that follow from it (Basil, SOSP '21, §4 and §5; table 1.2 of the design).
class FaultBudget {
 public:
  explicit constexpr FaultBudget(std::uint32_t f) : f_(f) {}
  constexpr std::uint32_t f() const { return f_; }
  constexpr std::uint32_t replicas() const { return 5 * f_ + 1; }
  /// One correct replica is among so many.
  constexpr std::uint32_t one_correct() const { return f_ + 1; }
  /// Two of these share f + 1 replicas, one of them correct, and it refuses one of two transactions in conflict.
  constexpr std::uint32_t commit_quorum() const { return 3 * f_ + 1; }
  /// One correct replica saw a conflict.
  constexpr std::uint32_t abort_quorum() const { return f_ + 1; }
  /// Every correct replica voted so: whoever asks later finds a commit quorum, and no abort quorum.
  constexpr std::uint32_t fast_commit_quorum() const { return 5 * f_ + 1; }
  /// 2f + 1 correct replicas voted so: never will there be a commit quorum.
  constexpr std::uint32_t fast_abort_quorum() const { return 3 * f_ + 1; }
  /// Two of these share 2f + 1 correct replicas, and a correct one logs one decision in a view.
  constexpr std::uint32_t log_quorum() const { return 4 * f_ + 1; }
  /// Meets a majority of itself in the correct loggers of any certificate.
  constexpr std::uint32_t election_quorum() const { return 4 * f_ + 1; }
  /// 2f + 1 correct replicas are at most one view behind.
  constexpr std::uint32_t next_view_quorum() const { return 3 * f_ + 1; }

 private:
  std::uint32_t f_;
};

/// What a client may do, by what keys begin with; the empty text is the beginning of every key.
struct Rights {
  std::vector<std::string> read, write;
};

struct Membership {
  Epoch epoch{1};
  FaultBudget budget{1};
  std::vector<std::vector<PublicKey>> shards;  ///< by shard, by index
  std::map<ClientId, PublicKey> clients;
  std::map<ClientId, Rights> rights;  ///< of those that may not do everything

  /// None: no such replica in this epoch.
  const PublicKey* key_of(const ReplicaId& replica) const;
  const PublicKey* key_of(ClientId client) const;
  bool may_read(ClientId client, std::string_view key) const;
  /// All keys k with from ≤ k < until.
  bool may_read(ClientId client, std::string_view from, std::string_view until) const;
  bool may_write(ClientId client, std::string_view key) const;
  /// The shard that keeps a key, by the key's digest.
  ShardId shard_of(std::string_view key) const;
  std::vector<ReplicaId> replicas_of(ShardId shard) const;
  /// Of its shard, but for itself.
  std::vector<ReplicaId> others_of(const ReplicaId& self) const;
};

}  // namespace isobar::db
