#pragma once

/// Brings one transaction to its final decision: its client's own, or one that another left behind (Basil §4.2, §4.3, §5). Votes are
/// gathered by shard; when they make the outcome final, it is done after one round; else the logging shard is asked to log it; and where
/// replicas there hold different decisions, they are made to elect one. What anyone finds out on the way, a certificate above all, is taken
/// as it is.

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/time.h"
#include "db/evidence.h"
#include "db/fast_patience.h"
#include "db/messages.h"
#include "db/verifier.h"

namespace isobar::db {

struct CommitterConfig {
  Duration resend_least = std::chrono::milliseconds(40);  ///< doubles up to the most
  Duration resend_most = std::chrono::seconds(2);
};

class Committer {
 public:
  /// Of another client's. The rest outlives it. patience  of all of this client's
  Committer(const CommitterConfig& config, const Membership& members, Verifier& verifier, FastPatience& patience, SignedTransaction tx);
  /// Of the client's own. others: whom it depends on and did not hand in itself
  Committer(const CommitterConfig& config, const Membership& members, Verifier& verifier, FastPatience& patience, SignedTransaction tx,
            std::vector<SignedTransaction> others);

  struct Send {
    ReplicaId to;
    Message message;
  };
  /// proof  of the transaction, where it is the client's own and was signed only now
  void start(Instant now, std::vector<Send>& out, std::optional<BatchProof> proof = std::nullopt);
  void on(const ReplicaId& from, const VoteReply& reply, Instant now, std::vector<Send>& out);
  void on(const ReplicaId& from, const LoggedReply& reply, Instant now, std::vector<Send>& out);
  void on(const ReplicaId& from, const DecidedReply& reply, Instant now, std::vector<Send>& out);
  void on(const ReplicaId& from, const GoneReply& reply, Instant now, std::vector<Send>& out);
  void tick(Instant now, std::vector<Send>& out);

  Instant next_tick() const { return std::min(resend_at_, fast_until_.value_or(resend_at_)); }
  bool started() const { return started_; }
  bool done() const { return certificate_.has_value(); }
  /// Nobody remembers any more what became of it.
  bool gone() const { return gone_; }
  /// Once it is done.
  const Certificate& certificate() const { return *certificate_; }
  const SignedTransaction& transaction() const { return tx_; }
  const TxId& id() const { return id_; }
  /// Of the first abort vote, while or after it went that way.
  AbortReason reason() const { return reason_; }
  /// The youngest of those that stood in its way, as far as replicas said: who tries again comes behind it.
  std::uint64_t in_the_way_until() const { return in_the_way_until_; }
  const std::optional<SignedTransaction>& blocker() const { return blocker_; }
  bool fast() const { return fast_; }
  std::vector<Evidence> take_evidence() { return std::exchange(evidence_, {}); }

 private:
  enum class Stage { kVotes, kLogging, kFallback, kDone };
  struct ShardVotes {
    std::map<std::uint32_t, Vote> by_index;
    std::uint32_t commits = 0, aborts = 0;
  };

  void compare_votes(const std::vector<Vote>& votes);
  void weigh_votes(Instant now, std::vector<Send>& out);
  std::optional<Certificate> final_by_votes() const;
  /// What stage 2 may be asked for by these votes. settled: no further vote would change the way.
  struct Leaning {
    Outcome decision;
    bool settled;
  };
  std::optional<Leaning> leaning() const;
  LogDecision log_request(Outcome decision) const;
  void ask_to_log(Outcome decision, Instant now, std::vector<Send>& out);
  void weigh_logged(Instant now, std::vector<Send>& out);
  void invoke_fallback(Instant now, std::vector<Send>& out);
  void resend(std::vector<Send>& out);
  void finish(Certificate certificate, bool fast, std::vector<Send>& out);
  void to_all(const Message& message, std::vector<Send>& out) const;
  void to_loggers(const Message& message, std::vector<Send>& out) const;
  void push_back_resend(Instant now);

  const CommitterConfig& config_;
  const Membership& members_;
  Verifier& verifier_;
  FastPatience& patience_;
  SignedTransaction tx_;
  TxId id_;
  std::optional<Prepare> prepare_;  // while it is the client's own and nothing has gone amiss
  Stage stage_ = Stage::kVotes;
  std::map<ShardId, ShardVotes> votes_;
  std::optional<ConflictProof> conflict_;
  std::optional<LogDecision> asked_;
  std::map<ReplicaId, Logged> logged_;
  std::optional<Instant> enough_since_, fast_until_;
  Duration resend_after_;
  Instant resend_at_;
  bool started_ = false;
  std::optional<Certificate> certificate_;
  AbortReason reason_ = AbortReason::kNone;
  std::optional<SignedTransaction> blocker_;
  std::uint64_t in_the_way_until_ = 0;
  std::set<ReplicaId> gone_for_;
  bool fast_ = false, gone_ = false;
  std::vector<Evidence> evidence_;
};

}  // namespace isobar::db
