#pragma once

/// What a member says and can be held to: small statements, signed many at a time. The leaves of a batch are hashed into a Merkle tree,
/// and one signature covers its root together with the epoch, the signer and the number of leaves; each statement carries the siblings on
/// its way to the root. So a signature costs a share of one, and a reader that has checked a root once pays hashes alone (Basil §4.4).
/// Leaves, inner nodes and roots are digests with different purposes, so none of them can be passed off as another.

#include <span>
#include <variant>
#include <vector>

#include "db/membership.h"
#include "db/signatures.h"

namespace isobar::db {

enum class Outcome : std::uint8_t { kCommit, kAbort, kLast = kAbort };
std::string_view name_of(Outcome outcome);

/// A replica's one and only vote on a transaction (ST1R).
struct VoteStatement {
  TxId tx;
  Outcome vote = Outcome::kAbort;
  friend auto operator<=>(const VoteStatement&, const VoteStatement&) = default;
};
template <class Io>
void describe(Io& io, Like<VoteStatement> auto& s) {
  io(s.tx)(s.vote);
}

/// The decision that a replica of the logging shard has on record, and the view it is in now (ST2R).
struct LoggedStatement {
  TxId tx;
  Outcome decision = Outcome::kAbort;
  View decided_in = 0, current = 0;
  friend auto operator<=>(const LoggedStatement&, const LoggedStatement&) = default;
};
template <class Io>
void describe(Io& io, Like<LoggedStatement> auto& s) {
  io(s.tx)(s.decision)(s.decided_in)(s.current);
}

/// A replica's vote for the leader of `view` (ElectFB): what it has on record, and that it takes part in no earlier view any more.
struct ElectStatement {
  TxId tx;
  Outcome decision = Outcome::kAbort;
  View view = 0;
  friend auto operator<=>(const ElectStatement&, const ElectStatement&) = default;
};
template <class Io>
void describe(Io& io, Like<ElectStatement> auto& s) {
  io(s.tx)(s.decision)(s.view);
}

/// What the leader of `view` proposes (DecFB).
struct FallbackStatement {
  TxId tx;
  Outcome decision = Outcome::kAbort;
  View view = 0;
  friend auto operator<=>(const FallbackStatement&, const FallbackStatement&) = default;
};
template <class Io>
void describe(Io& io, Like<FallbackStatement> auto& s) {
  io(s.tx)(s.decision)(s.view);
}

/// A client's word that the transaction is its own (the signature of ST1).
struct RequestStatement {
  TxId tx;
  friend auto operator<=>(const RequestStatement&, const RequestStatement&) = default;
};
template <class Io>
void describe(Io& io, Like<RequestStatement> auto& s) {
  io(s.tx);
}

/// Of a replica: that it accepts no transaction with a time up to `until` any more; that each which it did accept is decided; and that
/// `root` is the digest of what it knows to be committed up to then.
struct CheckpointStatement {
  std::uint64_t until = 0;  ///< nanoseconds since 1970, as in timestamps
  Hash root{};
  friend auto operator<=>(const CheckpointStatement&, const CheckpointStatement&) = default;
};
template <class Io>
void describe(Io& io, Like<CheckpointStatement> auto& s) {
  io(s.until)(s.root);
}

/// The order is part of the protocol: a statement's digest starts with its place here.
using Statement = std::variant<VoteStatement, LoggedStatement, ElectStatement, FallbackStatement, RequestStatement, CheckpointStatement>;

inline constexpr std::uint32_t kBatchMost = 1024, kBatchLevels = 10;
/// From a leaf upwards. Kept in place: votes are copied and decoded too often to allocate for each.
using Siblings = boost::container::static_vector<Hash, kBatchLevels>;

struct BatchProof {
  std::uint32_t count = 1, index = 0;  ///< leaves of the batch, and which of them this is
  Siblings siblings;
  Signature signature{};
  friend bool operator==(const BatchProof&, const BatchProof&) = default;
};
template <class Io>
void describe(Io& io, Like<BatchProof> auto& proof) {
  io(proof.count)(proof.index)(proof.siblings)(proof.signature);
}

/// A replica's statement with who says so, and the proof.
template <class S>
struct Attested {
  ReplicaId signer;
  S statement;
  BatchProof proof;
  friend bool operator==(const Attested&, const Attested&) = default;
};
template <class Io, class S>
void describe(Io& io, const Attested<S>& attested) {
  io(attested.signer)(attested.statement)(attested.proof);
}
template <class Io, class S>
void describe(Io& io, Attested<S>& attested) {
  io(attested.signer)(attested.statement)(attested.proof);
}

using Vote = Attested<VoteStatement>;
using Logged = Attested<LoggedStatement>;
using Elect = Attested<ElectStatement>;
using Proposal = Attested<FallbackStatement>;
using Checkpoint = Attested<CheckpointStatement>;

Hash leaf_of(const Statement& statement);
Hash inner_of(const Hash& left, const Hash& right);
/// What is signed for a batch.
std::string batch_text(Epoch epoch, const Peer& signer, std::uint32_t count, const Hash& root);
/// The statement in a batch of its own. Cost: one signature.
BatchProof sign_alone(const Statement& statement, const Peer& signer, Epoch epoch, const Signer& key);

/// A tree over the leaves in order; a node without a sibling moves up as it is.
class MerkleTree {
 public:
  /// leaves  1 … kBatchMost
  explicit MerkleTree(std::vector<Hash> leaves);
  const Hash& root() const { return levels_.back().front(); }
  Siblings siblings(std::uint32_t index) const;

 private:
  std::vector<std::vector<Hash>> levels_;
};

/// The root that a leaf at `index` of `count` leads to. None: the number of siblings is not that of such a tree.
std::optional<Hash> root_from(const Hash& leaf, std::uint32_t index, std::uint32_t count, std::span<const Hash> siblings);

}  // namespace isobar::db
