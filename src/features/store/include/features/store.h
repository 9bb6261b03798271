#pragma once

/// What of a feature store outlives its process, on RocksDB: where sources stand, states, latest rows, history, definitions.
///
/// A commit is one atomic write. Those that callers hand in within `group_delay` go to disk together with one flush; none is seen by a
/// read, nor acknowledged, before it is durable. Of a process killed at any instant all that was acknowledged is there, once.
///
/// After a write that failed (a full disk) the store is read alone, since nobody can say what of it reached the disk: closed and opened
/// again it tells, by its offsets. All calls are safe from any thread. docs/formats/feature-store.md has the layout.

#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/file.h"
#include "base/knob.h"
#include "features/commit.h"
#include "features/view_registry.h"

namespace isobar::features {

struct StoreConfig {
  /// How long a commit may wait for others to share its flush to disk. Freshness pays for what throughput gains.
  Knob<Duration> group_delay{.value = 20ms, .least = 0ms, .most = 1s, .sim = {0ms, 50ms}};
  /// From how much on a group is written without waiting any longer.
  Knob<ByteCount> group_bytes{.value = {4 * kMiB}, .least = {1}, .most = {256 * kMiB}, .sim = {{1}, {kMiB}}};
  /// How much may wait; beyond it commits are refused.
  Knob<ByteCount> queue_bytes{.value = {64 * kMiB}, .least = {kMiB}, .most = {4 * kGiB}, .sim = {{kMiB}, {8 * kMiB}}};
  /// For how long the id of a push is remembered, and a repetition of it recognised.
  Knob<Duration> push_memory{.value = 24h, .least = 1s, .most = 24h * 365, .sim = {1s, 10s}};
  Knob<ByteCount> cache_bytes{.value = {64 * kMiB}, .least = {kMiB}, .most = {64 * kGiB}, .sim = {{kMiB}, {kMiB}}};
};

struct RowKey {
  ViewId view{};
  std::string_view key;
};

struct LatestRow {
  enum class Status {
    kNotFound,  ///< never written, deleted, or forgotten
    kExpired,   ///< older than the ttl: there is its time, and no row
    kFound,
  };
  Status status = Status::kNotFound;
  EventOrder order{};
  std::string row;
  friend bool operator==(const LatestRow&, const LatestRow&) = default;
};

struct HistoryRow {
  std::string_view key;
  EventOrder order;
  std::optional<std::string_view> row;  ///< none: from then on there was no such entity
};

struct StoredState {
  std::string_view key;
  std::uint8_t level;
  std::int64_t bucket;
  std::string_view state;
};

/// What they are given is valid until they return; false: no more.
using HistoryVisitor = std::function<bool(const HistoryRow&)>;
using StateVisitor = std::function<bool(const StoredState&)>;

/// The store as of one instant, all of it: what is committed, or expires, after that changes nothing. Not to outlive its store; while one
/// is there, nothing that expires leaves the disk. Errors, of all reads   kNotFound: no such view; kDataLoss: the bytes on the disk are not
/// those that were written; kUnavailable
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual Instant at() const = 0;
  /// None: nothing of it is in the store.
  virtual Result<std::optional<Position>> offset(const PartitionId& of) const = 0;
  /// As many as keys, in their order. Cost   one multi-get
  virtual Result<std::vector<LatestRow>> latest(std::span<const RowKey> keys) const = 0;
  /// One key's rows, newest first, beginning with those of `newest`.
  virtual Status history(RowKey of, Instant newest, const HistoryVisitor& visit) const = 0;
  /// All rows of a view, by key, and each key's newest first.
  virtual Status scan_history(ViewId view, const HistoryVisitor& visit) const = 0;
  /// All states of a view, by key, level and bucket.
  virtual Status scan_states(ViewId view, const StateVisitor& visit) const = 0;
  /// One key's states of one level, by bucket, from one on.
  virtual Status states(RowKey of, std::uint8_t level, std::int64_t first_bucket, const StateVisitor& visit) const = 0;
  /// One state. None: it is not there.
  virtual Result<std::optional<std::string>> state(RowKey of, std::uint8_t level, std::int64_t bucket) const = 0;
};

class Store {
 public:
  /// Opens the store in a folder, or makes one if the folder is empty or not there.
  /// clock    says what has expired; it outlives the store
  /// Errors   kUnavailable: another process has it open; kInvalidArgument: the folder holds something else, or a store of a newer format,
  ///          or a knob is out of its bounds; kDataLoss: it is damaged. The message says which and what to do
  static Result<std::unique_ptr<Store>> open(const fs::path& folder, const StoreConfig& config, const Clock& clock);
  virtual ~Store() = default;  ///< what was submitted is written first

  /// Hands a commit in; the future says what became of it, once it is durable. Commits are taken in the order they are handed in.
  /// Errors   kExhausted: too much waits. In the future: kNotFound: no such view; kConflict: a source stands elsewhere than `after` says
  ///          (the message says where) and the commit is neither new nor a replay; kInvalidArgument; kUnavailable, kExhausted (the disk is
  ///          full): the write failed, and so will all that follow
  virtual Result<std::future<Result<Outcome>>> submit(Commit commit) = 0;
  /// The same, and waits.
  Result<Outcome> commit(Commit commit);

  /// Makes the registry what a definition says: views by name, with their lifetimes. Those that are new are given numbers; those that are
  /// no longer there lose them, and all their data at once. Atomic; what changes nothing writes nothing, and makes no version.
  /// Errors   kInvalidArgument: a name twice, or empty; a span that is negative
  virtual Result<Registry> apply(std::string definition, std::span<const ViewSpec> views) = 0;
  virtual Registry registry() const = 0;
  /// As it was applied. Errors   kNotFound: there is no such version
  virtual Result<Registry> registry(std::uint64_t version) const = 0;

  /// As of now. Errors and cost as Snapshot's
  virtual Result<std::vector<LatestRow>> latest(std::span<const RowKey> keys) const = 0;
  virtual std::unique_ptr<const Snapshot> snapshot() const = 0;

  /// A copy in a folder that is not there yet, as of one instant between two commits, which waits for no more than a last flush. Files are
  /// linked where the file system can. It is opened like any store.
  /// Errors   kAlreadyExists; kUnavailable, kExhausted
  virtual Status checkpoint(const fs::path& folder) = 0;
  /// Rewrites all that is on the disk, so that what expired or was dropped leaves it now. Cost   reads and writes the whole store
  virtual Status compact() = 0;
  /// What tables occupy on the disk.
  virtual std::uint64_t disk_bytes() const = 0;
};

}  // namespace isobar::features
