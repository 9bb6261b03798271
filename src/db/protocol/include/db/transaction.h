#pragma once

/// A transaction as its client hands it in: everything it read, by version, and everything it writes.

#include <optional>
#include <string>
#include <vector>

#include "db/statements.h"

namespace isobar::db {

struct Read {
  std::string key;
  Timestamp version;  ///< {0, 0}: there was none
  friend auto operator<=>(const Read&, const Read&) = default;
};
template <class Io>
void describe(Io& io, Like<Read> auto& read) {
  io(read.key)(read.version);
}

struct Write {
  std::string key;
  std::optional<std::string> value;  ///< none: the key is deleted
  friend auto operator<=>(const Write&, const Write&) = default;
};
template <class Io>
void describe(Io& io, Like<Write> auto& write) {
  io(write.key)(write.value);
}

/// All keys k with from ≤ k < until were read, whatever they are: those that `reads` does not name at their newest version up to `floor`,
/// or at none. What is as old as the floor was final when it was read (a quorum had promised to let nothing in below it), so that a scan of
/// thousands of rows names those alone that are younger. A writer in between that `reads` does not name is a phantom.
struct RangeRead {
  std::string from, until;
  std::uint64_t floor = 0;  ///< a time
  bool holds(std::string_view key) const { return from <= key && key < until; }
  friend auto operator<=>(const RangeRead&, const RangeRead&) = default;
};
template <class Io>
void describe(Io& io, Like<RangeRead> auto& range) {
  io(range.from)(range.until)(range.floor);
}

/// A read of a version whose writer was not decided yet. If the writer aborts, so does the reader.
struct Dependency {
  std::string key;
  Timestamp version;
  TxId writer;
  friend auto operator<=>(const Dependency&, const Dependency&) = default;
};
template <class Io>
void describe(Io& io, Like<Dependency> auto& dependency) {
  io(dependency.key)(dependency.version)(dependency.writer);
}

/// Keys ascend strictly within `reads`, within `writes` and within `dependencies`; `ranges` ascend and do not overlap; `participants` are
/// exactly the shards of all keys, ascending, which is all shards where there are ranges.
struct Transaction {
  Epoch epoch;
  Timestamp timestamp;  ///< names the client, too
  std::vector<ShardId> participants;
  std::vector<Read> reads;
  std::vector<RangeRead> ranges;
  std::vector<Write> writes;
  std::vector<Dependency> dependencies;
  friend bool operator==(const Transaction&, const Transaction&) = default;

  TxId id() const;
  const Write* write_of(std::string_view key) const;
  const Read* read_of(std::string_view key) const;
  const RangeRead* range_of(std::string_view key) const;
};
template <class Io>
void describe(Io& io, Like<Transaction> auto& tx) {
  io(tx.epoch)(tx.timestamp)(tx.participants)(tx.reads)(tx.ranges)(tx.writes)(tx.dependencies);
}

/// Nobody but the client whose timestamp it carries can have made it.
struct SignedTransaction {
  Transaction tx;
  BatchProof proof;  ///< of the client's `RequestStatement`: what it hands in at one time is signed at once
  friend bool operator==(const SignedTransaction&, const SignedTransaction&) = default;
};
template <class Io>
void describe(Io& io, Like<SignedTransaction> auto& tx) {
  io(tx.tx)(tx.proof);
}

struct TransactionLimits {
  std::size_t keys_most = 500'000;
  std::size_t ranges_most = 10'000;
  std::size_t bytes_most = 32U << 20;  ///< of all keys and values
};

/// Whether `tx` has the form above, is of this epoch, and reads nothing that is newer than itself.
/// Errors   kInvalidArgument: what is wrong, naming the key
Status check_form(const Transaction& tx, const Membership& members, const TransactionLimits& limits = {});

/// The shards of all keys, ascending.
std::vector<ShardId> participants_of(const Transaction& tx, const Membership& members);

/// The shard that logs the decision when the votes alone do not make it durable (Basil §4.2, stage 2), chosen by the whole id.
ShardId logging_shard(const Transaction& tx, const TxId& id);

/// Whether one of the two must not commit if the other did: one read a version that the other's write hides from where it stands.
/// That they touch the same key is not enough, as a transaction that read exactly what the other wrote may well commit.
bool conflict(const Transaction& a, const Transaction& b);

}  // namespace isobar::db
