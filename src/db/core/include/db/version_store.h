#pragma once

/// The versions of a shard's keys and who has read them: what the concurrency check looks at (MVTSO, Basil §4.2, steps 3 to 6). A
/// transaction that is prepared counts like a committed one: its writes can be read, and its reads stand against writers. In memory, but
/// for what has come to rest: of that the newest version of each key is in the store, and no reader is of interest any more.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "db/messages.h"
#include "db/settled.h"

namespace isobar::db {

class VersionStore {
 public:
  VersionStore(const Membership& members, ShardId shard) : members_(members), shard_(shard) {}

  struct Version {
    TxId writer;
    std::optional<std::string> value;
  };
  using Found = SettledVersion;
  /// The newest older than `at`.
  std::optional<Found> committed_before(const std::string& key, const Timestamp& at) const;
  std::optional<Found> prepared_before(const std::string& key, const Timestamp& at) const;

  struct Scanned {
    ScannedPart part;
    std::vector<std::string> undecided;  ///< keys of that part with a prepared version that is newer
  };
  /// What the request asks for, of this shard's keys. bytes_most  of what is found; at least one key is looked at. Cost: linear in the
  /// keys that are looked at, deleted ones included
  Scanned scan(const ScanRequest& request, std::size_t bytes_most) const;

  struct Objection {
    AbortReason reason;
    TxId other;
    bool committed = false;  ///< the other is
  };
  /// What stands against `tx` here; one that is committed rather than one that is prepared.
  std::optional<Objection> objection(const Transaction& tx, const TxId& id) const;

  void prepare(const Transaction& tx, const TxId& id);
  /// Whether or not it was prepared.
  void commit(const Transaction& tx, const TxId& id);
  void abort(const Transaction& tx, const TxId& id);

  /// From now on what is here and newer than there counts. It outlives this, or the next call. until: the time of the newest that may be
  /// there
  void look_into(const Settled* settled, std::uint64_t until) { settled_ = settled, settled_until_ = until; }
  /// What it wrote and read is no longer here: it is at rest.
  void forget(const Transaction& tx, const TxId& id);

  bool keeps(const std::string& key) const { return members_.shard_of(key) == shard_; }
  /// Every committed version that is not at rest, for whoever compares states.
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
  struct RangeReader {
    TxId reader;
    RangeRead range;
    bool committed = false;
  };
  class Scan;
  Key& make(const std::string& key);
  std::optional<Objection> missed_in(const RangeRead& range, const Transaction& tx, const TxId& id) const;
  std::optional<Objection> missed_at_rest_in(const RangeRead& range, const Transaction& tx, const TxId& id) const;
  std::optional<Objection> hides_from_ranges(const Write& write, const Transaction& tx, const TxId& id) const;
  bool names(const RangeReader& reader, const Timestamp& at, const std::string& key) const;
  const Key* find(const std::string& key) const;
  /// What is at rest of the key, if it lies between.
  std::optional<SettledVersion> settled_between(const std::string& key, const Timestamp& after, const Timestamp& before) const;
  void note_reads(const Transaction& tx, const TxId& id, bool committed);
  void drop_reads(const Transaction& tx, const TxId& id);

  const Membership& members_;
  ShardId shard_;
  using Keys = std::unordered_map<std::string, Key>;
  void erase_if_empty(Keys::iterator key);
  Keys keys_;
  std::set<std::string, std::less<>> order_;             // of keys_
  std::multimap<Timestamp, RangeReader> range_readers_;  // by the reader's own timestamp
  const Settled* settled_ = nullptr;
  std::uint64_t settled_until_ = 0;
};

}  // namespace isobar::db
