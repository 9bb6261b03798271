#pragma once

/// The versions of a shard's keys and who has read them: what the concurrency check looks at (MVTSO, Basil §4.2, steps 3 to 6). A
/// transaction that is prepared counts like a committed one: its writes can be read, and its reads stand against writers. In memory.

#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "db/messages.h"

namespace isobar::db {

class VersionStore {
 public:
  VersionStore(const Membership& members, ShardId shard) : members_(members), shard_(shard) {}

  struct Version {
    TxId writer;
    std::optional<std::string> value;
  };
  struct Found {
    Timestamp version;
    const Version* content;
  };
  /// The newest older than `at`.
  std::optional<Found> committed_before(const std::string& key, const Timestamp& at) const;
  std::optional<Found> prepared_before(const std::string& key, const Timestamp& at) const;

  struct Objection {
    AbortReason reason;
    TxId other;
  };
  /// What stands against `tx` here; one that is committed rather than one that is prepared.
  std::optional<Objection> objection(const Transaction& tx, const TxId& id) const;

  void prepare(const Transaction& tx, const TxId& id);
  /// Whether or not it was prepared.
  void commit(const Transaction& tx, const TxId& id);
  void abort(const Transaction& tx, const TxId& id);

  bool keeps(const std::string& key) const { return members_.shard_of(key) == shard_; }
  /// Every committed version, for whoever compares states.
  std::map<std::string, std::map<Timestamp, Version>> committed() const;

 private:
  struct Reader {
    TxId reader;
    Timestamp version;  // what it read
    bool committed = false;
  };
  struct Key {
    std::map<Timestamp, Version> committed, prepared;
    std::multimap<Timestamp, Reader> readers;  // by the reader's own timestamp
  };
  const Key* find(const std::string& key) const;
  void note_reads(const Transaction& tx, const TxId& id, bool committed);
  void drop_reads(const Transaction& tx, const TxId& id);

  const Membership& members_;
  ShardId shard_;
  std::unordered_map<std::string, Key> keys_;
};

}  // namespace isobar::db
