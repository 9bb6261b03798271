#pragma once

/// A client as a state machine: it runs transactions, checks every quorum by itself, and finishes what others left in its way (Basil §4.1
/// to §5). No clock, socket or thread inside. Whoever runs it must be trusted by the application: nobody else checks what it reads.
///
/// A transaction's timestamp is the client's hybrid clock: never less than what it has seen committed, so that a session reads its own
/// writes and what those depend on. Across sessions the order is serializable, not that of real time.

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "db/committer.h"
#include "db/key_turns.h"
#include "db/now.h"
#include "db/read_quorum.h"
#include "db/scan_quorum.h"
#include "db/signatures.h"
#include "db/statement_batch.h"

namespace isobar::db {

struct ClientConfig {
  CommitterConfig commit;
  Duration read_patience = std::chrono::milliseconds(20);     ///< before all replicas are asked, and then with proofs
  Duration scan_patience = std::chrono::milliseconds(100);    ///< the same, of ranges
  Duration slow_pause = std::chrono::seconds(2);              ///< for which a replica that let it run out is asked last
  std::size_t disputed_most = 1024;                           ///< keys that are read one by one; where it is more a range is read again
  Duration recover_patience = std::chrono::milliseconds(20);  ///< before what stands in the way is finished by this client
  Duration clock_bound = std::chrono::milliseconds(100);      ///< how far ahead of their clocks replicas let a timestamp be
  Duration turn_patience = std::chrono::milliseconds(50);     ///< for another of this client's that is to write the same key
  std::size_t recoveries_most = 256;                          ///< under way at once; further ones are not begun
  /// After so many vain tries a transaction's reads hold older writers off. Before that whoever prepares first goes on, as of several that
  /// read and write one key at once every reader would stop the one before it, and none of them would ever come through.
  std::uint32_t marks_after = 3;
};

/// kUpdate: the transaction is going to write the key, too.
enum class ReadFor { kReading, kUpdate };

/// kRead: it writes nothing. Then replicas are asked to promise what it reads, and where they all do it is done without a vote; what it
/// holds off are older writers that are under way.
enum class Access { kWrite, kRead };

/// All that is there of [from, until), in order or the other way round.
struct ScanOrder {
  std::string from, until;
  std::uint32_t rows_most = 0;  ///< 0: as many as there are
  bool backward = false;
};

struct ReadDone {
  TxHandle tx;
  std::string key;
  ReadValue value;
};
/// The transaction cannot go on: the clocks of replicas are behind this client's by more than they allow, or it has no right to the key.
struct ReadRefused {
  TxHandle tx;
  std::string key;
  AbortReason reason = AbortReason::kClock;
};
/// end  how far it got: the other bound where that was everything; else the next scan begins (backward: ends) there
struct ScanDone {
  TxHandle tx;
  std::uint64_t scan = 0;
  std::vector<std::pair<std::string, std::string>> rows;
  std::string end;
};
struct ScanRefused {
  TxHandle tx;
  std::uint64_t scan = 0;
  AbortReason reason = AbortReason::kClock;
};
struct Ended {
  TxHandle tx;
  TxId id;
  Outcome outcome = Outcome::kAbort;
  AbortReason reason = AbortReason::kNone;
  bool fast = false;       ///< after one round
  bool forgotten = false;  ///< it took so long that no replica remembers what became of it; `outcome` says nothing then
  Timestamp at = {};       ///< its place in the order
};
using ClientEvent = std::variant<ReadDone, ReadRefused, Ended, ScanDone, ScanRefused>;

struct ClientCounters {
  std::uint64_t committed = 0, aborted = 0, fast = 0, recovered = 0;
  std::map<AbortReason, std::uint64_t> reasons;
};

struct ClientOutput {
  std::vector<Committer::Send> sends;
  std::vector<ClientEvent> events;
  std::vector<Evidence> evidence;
};

class Client {
 public:
  /// The rest outlives it. self is a member.
  Client(ClientConfig config, const Membership& members, ClientId self, const Signer& signer, const SignatureScheme& scheme);

  /// tries  how often the same was tried before, in vain
  TxHandle begin(const Now& now, std::uint32_t tries = 0, Access access = Access::kWrite);
  /// The same under a number that the caller has not used before. Not beside the other.
  void begin_as(TxHandle tx, const Now& now, std::uint32_t tries, Access access);
  /// Answered by one `ReadDone` or `ReadRefused`, perhaps of the buffer: what was written before, or read before, is what is read.
  void read(TxHandle tx, const std::string& key, const Now& now, ReadFor what_for = ReadFor::kReading);
  /// The transaction takes it that `key` is still what a committed transaction wrote at `version`, without waiting for anybody; where it is
  /// not, it aborts. Before anything else of it.
  void assume(TxHandle tx, const std::string& key, ReadValue read, const Now& now);
  /// Its number. Answered by one `ScanDone` or `ScanRefused`, with what the transaction wrote itself. Not beside writes of the same one.
  std::uint64_t scan(TxHandle tx, ScanOrder order, const Now& now);
  /// The transaction may write.
  void write(TxHandle tx, const std::string& key, std::optional<std::string> value);
  /// Answered by one `Ended`.
  void commit(TxHandle tx, const Now& now);
  /// Nothing of it stays anywhere.
  void abandon(TxHandle tx, const Now& now);
  /// Finishes what another client began.
  void recover(const SignedTransaction& tx, const Now& now);

  void step(const ReplicaId& from, const Message& message, const Now& now);
  void tick(const Now& now);
  std::optional<Instant> next_tick() const;
  /// Everything that this client has seen or done so far is before it: whoever comes after it sees that.
  std::uint64_t token() const { return last_time_; }
  /// What begins from now on comes after the token, of whatever client it is. False: it is further ahead than replicas allow
  bool come_after(std::uint64_t token, const Now& now);
  /// Transactions that are committed and not handed in yet.
  std::size_t unsigned_transactions() const { return to_hand_in_.size(); }
  /// Signs those, all of them at once, and begins with them.
  void hand_in(const Now& now);
  ClientOutput take() { return std::exchange(output_, {}); }

  const ClientCounters& counters() const { return counters_; }

 private:
  struct Running {
    Timestamp at;
    Access access = Access::kWrite;
    bool marks = false;
    bool asked = false;     // its place in the order is fixed
    bool voted_on = false;  // something was read that is not final by itself
    bool torn = false;      // two of its reads contradict one another: a writer came in between
    std::map<std::string, ReadValue> reads;
    std::map<std::string, Timestamp> scanned;  // what scans found that is younger than the floor
    std::vector<RangeRead> ranges;             // that were scanned; in order, not overlapping
    std::map<std::string, Timestamp> assumed;  // and still being looked at, of one that only reads
    bool commit_waits = false;                 // for those
    std::optional<std::uint64_t> floor;        // of all its scans
    std::map<std::string, std::optional<std::string>> writes;
    std::map<std::string, std::uint64_t> asking;  // by key: the request; kWaits: for its turn
    std::set<std::uint64_t> scans;                // under way
  };
  static constexpr std::uint64_t kWaits = 0;
  struct Asking {
    TxHandle tx;
    std::string key;
    ReadQuorum quorum;
    std::vector<ReplicaId> asked;
    Instant ask_again;
    bool with_proof = false;
  };
  struct Scanning {
    TxHandle tx;
    ScanOrder order;
    bool one_key = false;  // a single read of a transaction that only reads
    struct Shard {
      ShardId shard;
      std::uint64_t request = 0;
      ScanQuorum quorum;
      std::vector<ReplicaId> asked = {};
      bool all_rows = false;  // are asked for from everybody
      std::optional<ScanQuorum::Result> result = std::nullopt;
    };
    std::vector<Shard> shards;
    Instant ask_again;
    ScanQuorum::Result found = {};
    std::set<std::string> missing = {};  // disputed keys that are still being read
  };
  struct Waiting {
    Committer committer;
    std::optional<TxHandle> own;
  };
  /// Of this client's own that are handed in and not decided, who wrote a key: the next of its own need not ask the replicas.
  using OwnWrites = std::map<std::string, std::map<Timestamp, TxId>>;

  void on(const ReplicaId& from, const ReadReply& reply, const Now& now);
  void on(const ReplicaId& from, const ScanReply& reply, const Now& now);
  void on(const ReplicaId& from, const Blocker& blocker, const Now& now);
  template <class Reply>
  void pass_on(const ReplicaId& from, const TxId& id, const Reply& reply, const Now& now);
  Timestamp next_timestamp(const Now& now);
  void start_read(TxHandle tx, const std::string& key, const Now& now);
  std::optional<ReadValue> own_write_before(const std::string& key, const Timestamp& at) const;
  void pass_turns(const std::vector<KeyTurns::Turn>& turns, const Now& now);
  void forget_own_writes(const SignedTransaction& tx);
  void ask(std::uint64_t request, Asking& asking, const Now& now);
  void ask_more(std::uint64_t request, Asking& asking, const Now& now);
  void settle(std::map<TxId, Waiting>::iterator waiting, const Now& now);
  Transaction made_of(const Running& running) const;
  void recover_later(const SignedTransaction& tx, const Now& now);
  void forget_asking(TxHandle tx);
  void drop_reads(TxHandle tx, const Running& running);
  void read_done(TxHandle tx, const std::string& key, ReadValue value, const Now& now);
  bool was_assumed(TxHandle tx, const std::string& key, const std::optional<Timestamp>& version, const Now& now);
  void read_refused(TxHandle tx, const std::string& key, AbortReason reason, const Now& now);
  void take_place(Running& running, const Now& now);
  static bool contradicts_scans(const Running& running, const std::string& key, const Timestamp& version);
  void note_slow(const std::vector<ReplicaId>& asked, const std::function<bool(const ReplicaId&)>& heard, const Now& now);
  std::vector<ReplicaId> in_order_of_asking(ShardId shard, std::uint64_t turn, const Now& now) const;

  // Scans (client_scan.cpp).
  std::uint64_t start_scan(TxHandle tx, ScanOrder order, bool one_key, const Now& now);
  std::uint64_t common_floor(const Timestamp& at) const;
  void ask(Scanning& scan, Scanning::Shard& part, const Now& now);
  void weigh(std::uint64_t number, Scanning& scan, Scanning::Shard& part, bool time_is_over, const Now& now);
  void combine(std::uint64_t number, Scanning& scan, const Now& now);
  void settle_disputes(std::uint64_t number, Scanning& scan, const Now& now);
  void scan_learns(TxHandle tx, const std::string& key, const Now& now);
  void finish_scan(std::uint64_t number, const Now& now);
  static void note_scanned(Running& running, const Scanning& scan);
  static std::vector<std::pair<std::string, std::string>> rows_of(const Running& running, const Scanning& scan);
  void tick_scans(const Now& now);
  void refuse_scan(std::uint64_t number, AbortReason reason, const Now& now);
  Scanning take_scan(std::uint64_t number);
  static void cover(Running& running, RangeRead range);
  static bool covers(const Running& running, const std::string& key);

  ClientConfig config_;
  const Membership& members_;
  ClientId self_;
  const Signer& signer_;
  Verifier verifier_;
  FastPatience patience_;
  std::uint64_t last_time_ = 0, next_handle_ = 1, next_request_ = 1, next_scan_ = 1;
  std::map<TxHandle, Running> running_;
  std::map<std::uint64_t, Asking> asking_;
  std::map<std::uint64_t, Scanning> scans_;
  std::map<std::uint64_t, std::uint64_t> scan_requests_;  // which scan each is of
  std::map<ReplicaId, std::uint64_t> closed_;             // as each said last
  std::map<ReplicaId, Instant> slow_until_;               // those that did not answer in time are asked last for a while
  KeyTurns turns_;
  OwnWrites own_writes_;
  std::map<TxId, Waiting> committers_;
  StatementBatch batch_;          // of what is to be handed in
  std::vector<TxId> to_hand_in_;  // by place in the batch
  std::multimap<Instant, SignedTransaction> recover_at_;
  ClientOutput output_;
  ClientCounters counters_;
};

}  // namespace isobar::db
