#pragma once

/// A client of a database as a thread: connections to all replicas, and the core that runs transactions over them. Calls block, and may
/// come from any thread; many transactions can be open at once.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "db/client.h"
#include "db/cluster_file.h"

namespace isobar::db {

struct Committed {
  TxId id;
  bool fast = false;  ///< after one round
};

class Session {
 public:
  /// Errors   kInvalidArgument: not a client's secret. That replicas can be reached is found out by using them
  static Result<std::unique_ptr<Session>> open(ClusterFile cluster, Secret secret);
  /// Contradictions that it comes across are kept there (evidence_file.h). Errors   those of reading what is there
  Status keep_evidence(const fs::path& file);
  ~Session();

  /// Whoever comes after it, in whatever session, sees all that this one has seen and done.
  std::uint64_t token();
  /// Errors   kInvalidArgument: the token is of a time that is still to come
  Status come_after(std::uint64_t token);
  /// tries  how often the same was tried before, in vain
  TxHandle begin(std::uint32_t tries = 0, Access access = Access::kWrite);
  /// patience  for the whole call. Errors   kDeadlineExceeded: too few replicas answer, and which do not; kInvalidArgument: no such
  ///           transaction is open; kUnavailable: this machine's clock is ahead of the replicas'
  Result<std::optional<std::string>> get(TxHandle tx, const std::string& key, Duration patience, ReadFor what_for = ReadFor::kReading);
  /// Several at once, each with its version; in the order of `keys`, which are all different. Errors   as of `get`
  Result<std::vector<ReadValue>> read(TxHandle tx, std::vector<std::string> keys, Duration patience, ReadFor what_for = ReadFor::kReading);
  /// Before anything else of it: see Client::assume.
  void assume(TxHandle tx, std::string key, ReadValue read);
  struct Page {
    std::vector<std::pair<std::string, std::string>> rows;
    std::optional<std::string> next;  ///< where the rest begins (backward: ends); none: this was all
  };
  /// As much of the range as comes at once, with what the transaction wrote itself. Errors   as of `get`
  Result<Page> scan(TxHandle tx, const ScanOrder& order, Duration patience);
  Status put(TxHandle tx, const std::string& key, std::optional<std::string> value);
  /// Errors   kConflict: aborted, and why; begin again. kDeadlineExceeded: what became of it is not known yet; it is finished by whoever
  ///          meets it next
  Result<Committed> commit(TxHandle tx, Duration patience) { return commit(tx, {}, patience); }
  /// The same, after the last writes.
  Result<Committed> commit(TxHandle tx, std::vector<Write> writes, Duration patience);
  void abandon(TxHandle tx);

  struct ReplicaStatus {
    ReplicaId replica;
    std::string address;
    std::optional<StatusReply> reply;  ///< none: it does not answer
    std::string problem;               ///< why not
    Duration clock_ahead{};            ///< of this machine's clock, give or take the way there
  };
  /// Of every replica, as far as they answer within `patience`.
  std::vector<ReplicaStatus> status(Duration patience);
  /// Replicas that are not connected, with why: "replica 0.3 (127.0.0.1:7403): connection refused".
  std::vector<std::string> unreachable();

 private:
  struct Inside;
  struct Gathering;
  Error not_answered(std::string_view what, Duration patience);
  explicit Session(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

/// "a later reader has already read what it would overwrite": what an abort's reason means, for people.
std::string_view explain(AbortReason reason);

}  // namespace isobar::db
