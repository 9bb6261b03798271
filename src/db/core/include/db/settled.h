#pragma once

/// What of a shard's data has come to rest: of every key the newest version up to a time, and who wrote it, with the certificate, so that
/// whoever reads it needs to believe nobody. It stands on ordered keys and values that outlive the process, and keeps the digest that
/// replicas sign. One thread applies; any may look.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include "base/result.h"
#include "db/certificate.h"
#include "db/state_digest.h"

namespace isobar::db {

/// Ordered keys and values. All of a `write` is there after a crash, or nothing of it.
class KeyValues {
 public:
  virtual ~KeyValues() = default;
  struct Change {
    std::string key;
    std::optional<std::string> value;  ///< none: it goes
  };
  using Entry = std::pair<std::string, std::string>;
  /// Errors of all   kDataLoss: damaged; kUnavailable: the disk refuses
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  virtual Status write(std::span<const Change> changes) = 0;
  /// What is told of each entry, and whether to go on.
  using Visitor = std::function<bool(std::string_view key, std::string_view value)>;
  /// All of [from, until) in order, or the other way round.
  virtual Status visit(std::string_view from, std::string_view until, bool backward, const Visitor& visitor) const = 0;
  /// The first that begin with `prefix` and come behind `after`, until `bytes_most` are full; at least one if there is one.
  Result<std::vector<Entry>> scan(std::string_view prefix, std::string_view after, std::size_t bytes_most) const;
};

/// versions  of each key the newest up to `until`, as far as it is known and was not handed over before
struct SettleBatch {
  std::uint64_t until = 0;
  std::vector<std::pair<std::string, SettledVersion>> versions;
  std::vector<Decided> writers;  ///< of those
};

struct SettledState {
  std::uint64_t until = 0;
  std::vector<Hash> leaves;
};

class Settled {
 public:
  /// buckets  as many as all replicas of the shard have. Errors   kDataLoss: what is there is damaged, or has other buckets
  static Result<std::unique_ptr<Settled>> open(std::unique_ptr<KeyValues> values, std::uint32_t buckets = kBucketsMost);

  /// Of each key the newer of what comes and what is there stays. Durable afterwards.
  Result<SettledState> apply(const SettleBatch& batch);
  SettledState state() const { return state_; }
  std::uint32_t buckets() const { return digest_.buckets(); }

  /// What cannot be read is none here, and a `failure`: nothing that rests on it may leave the replica.
  std::optional<SettledVersion> find(const std::string& key) const;
  std::optional<Decided> decided(const TxId& id) const;
  using Visitor = std::function<bool(std::string_view key, SettledVersion version)>;
  /// All keys of [from, until), in order or the other way round, as long as the visitor says so. Deleted ones, too.
  void visit(std::string_view from, std::string_view until, bool backward, const Visitor& visitor) const;
  struct Part {
    std::vector<std::pair<std::string, SettledVersion>> versions;
    std::optional<std::string> next;  ///< the last key, if there are more
  };
  Part bucket(std::uint32_t bucket, const std::string& after, std::size_t bytes_most) const;
  std::optional<Error> failure() const;

 private:
  Settled(std::unique_ptr<KeyValues> values, std::uint32_t buckets) : values_(std::move(values)), digest_(buckets) {}
  struct Changes;
  Status load();
  Status replace(const std::string& key, const SettledVersion& version, Changes& changes);
  Status count_writers(const SettleBatch& batch, Changes& changes) const;
  Result<std::int64_t> newest_of(const TxId& id, std::int64_t more) const;
  template <class T>
  Result<std::optional<T>> read(const std::string& key, std::string_view what) const;
  void note(const Error& why) const;
  std::string bucket_place_of(const std::string& key) const;

  std::unique_ptr<KeyValues> values_;
  StateDigest digest_;  // the applying thread's
  SettledState state_;  // the same
  mutable std::atomic<bool> failed_ = false;
  mutable std::mutex mutex_;
  mutable std::optional<Error> failure_;  // guarded by mutex_
};

}  // namespace isobar::db
