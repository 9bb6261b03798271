#pragma once

/// A client as a state machine: it runs transactions, checks every quorum by itself, and finishes what others left in its way (Basil §4.1
/// to §5). No clock, socket or thread inside. Whoever runs it must be trusted by the application: nobody else checks what it reads.
///
/// A transaction's timestamp is the client's hybrid clock: never less than what it has seen committed, so that a session reads its own
/// writes and what those depend on. Across sessions the order is serializable, not that of real time.

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.h"
#include "db/committer.h"
#include "db/now.h"
#include "db/read_quorum.h"
#include "db/signatures.h"

namespace isobar::db {

struct ClientConfig {
  CommitterConfig commit;
  Duration read_patience = std::chrono::milliseconds(20);     ///< before all replicas are asked, and then with proofs
  Duration recover_patience = std::chrono::milliseconds(20);  ///< before what stands in the way is finished by this client
  std::size_t recoveries_most = 256;                          ///< under way at once; further ones are not begun
};

using TxHandle = Id<struct TxHandleTag>;

struct ReadDone {
  TxHandle tx;
  std::string key;
  ReadValue value;
};
/// The clocks of replicas are behind this client's by more than they allow: the transaction cannot go on.
struct ReadRefused {
  TxHandle tx;
  std::string key;
};
struct Ended {
  TxHandle tx;
  TxId id;
  Outcome outcome = Outcome::kAbort;
  AbortReason reason = AbortReason::kNone;
  bool fast = false;  ///< after one round
};
using ClientEvent = std::variant<ReadDone, ReadRefused, Ended>;

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

  TxHandle begin(const Now& now);
  /// Answered by one `ReadDone` or `ReadRefused`, perhaps of the buffer: what was written before, or read before, is what is read.
  void read(TxHandle tx, const std::string& key, const Now& now);
  void write(TxHandle tx, const std::string& key, std::optional<std::string> value);
  /// Answered by one `Ended`.
  void commit(TxHandle tx, const Now& now);
  /// Nothing of it stays anywhere.
  void abandon(TxHandle tx);
  /// Finishes what another client began.
  void recover(const SignedTransaction& tx, const Now& now);

  void step(const ReplicaId& from, const Message& message, const Now& now);
  void tick(const Now& now);
  std::optional<Instant> next_tick() const;
  ClientOutput take() { return std::exchange(output_, {}); }

  const ClientCounters& counters() const { return counters_; }

 private:
  struct Running {
    Timestamp at;
    std::map<std::string, ReadValue> reads;
    std::map<std::string, std::optional<std::string>> writes;
    std::map<std::string, std::uint64_t> asking;  // by key: the request
  };
  struct Asking {
    TxHandle tx;
    std::string key;
    ReadQuorum quorum;
    std::size_t asked = 0;  // replicas
    Instant ask_again;
    bool with_proof = false;
  };
  struct Waiting {
    Committer committer;
    std::optional<TxHandle> own;
  };

  void on(const ReplicaId& from, const ReadReply& reply, const Now& now);
  void on(const ReplicaId& from, const Blocker& blocker, const Now& now);
  template <class Reply>
  void pass_on(const ReplicaId& from, const TxId& id, const Reply& reply, const Now& now);
  void ask(std::uint64_t request, Asking& asking, const Now& now);
  void ask_more(std::uint64_t request, Asking& asking, const Now& now);
  void settle(std::map<TxId, Waiting>::iterator waiting, const Now& now);
  SignedTransaction sign(const Running& running) const;
  void recover_later(const SignedTransaction& tx, const Now& now);
  void drop_reads(const Running& running);

  ClientConfig config_;
  const Membership& members_;
  ClientId self_;
  const Signer& signer_;
  Verifier verifier_;
  std::uint64_t last_time_ = 0, next_handle_ = 1, next_request_ = 1;
  std::map<TxHandle, Running> running_;
  std::map<std::uint64_t, Asking> asking_;
  std::map<TxId, Waiting> committers_;
  std::multimap<Instant, SignedTransaction> recover_at_;
  ClientOutput output_;
  ClientCounters counters_;
};

}  // namespace isobar::db
