#pragma once

/// How a replica that was away, or was not told, learns what was committed meanwhile: it compares with each other replica of its shard what
/// both know of each second of timestamps, and fetches what it has not. Every transaction comes with its certificate, so whoever supplies
/// it need not be believed; one who withholds some keeps nobody from having them of another.
///
/// Seconds that have just passed are left out, as their writebacks are still under way. What is decided long after its timestamp is found
/// by the rounds that begin further back: every one looks at the last minute again, every 64th at everything. What is in a checkpoint is
/// compared by its digest (state_transfer.h), and after a while not here any more.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>
#include <vector>

#include "db/messages.h"
#include "db/now.h"

namespace isobar::db {

struct CatchUpConfig {
  Duration period = std::chrono::seconds(1);    ///< between rounds; each asks the next replica
  Duration lag = std::chrono::seconds(3);       ///< by the replica's own clock: younger ones are not compared
  Duration patience = std::chrono::seconds(2);  ///< for an answer
};

/// Of one replica; pure. Cost: some 100 bytes for each committed transaction that is not forgotten
class CatchUp {
 public:
  CatchUp(CatchUpConfig config, const std::vector<ReplicaId>& others);

  void committed(const TxId& id, const Timestamp& at);
  /// Windows that end by then are compared no more. until: nanoseconds
  void forget(std::uint64_t until);

  struct Request {
    ReplicaId to;
    Message message;
  };
  /// The next question, when it is time for one. stuck  transactions whose fate is asked for beside it
  std::vector<Request> tick(const Now& now, const std::vector<TxId>& stuck);
  Instant next_tick() const { return next_; }
  /// What to ask after this answer. It is looked at once, when it was waited for.
  std::vector<Request> on(const ReplicaId& from, const WindowsCompared& compared, const Now& now);
  /// After what `from` supplied was taken.
  std::vector<Request> supplied(const ReplicaId& from, const Now& now);

  /// For another that asks. Cost: linear in what it asks about
  WindowsCompared compare(const CompareWindows& asked) const;

 private:
  struct Window {
    Hash mixed{};  // all of them, by exclusive or: to see that something is missing, not to prove anything
    std::vector<TxId> ids;
  };
  struct Other {
    ReplicaId id;
    std::uint64_t agreed = 0;  // up to this window
    std::uint64_t rounds = 0;
    std::optional<Instant> asked;
    CompareWindows question;
    std::set<TxId> wanted;
  };
  CompareWindows question(std::uint64_t from, const Now& now) const;
  std::vector<Request> ask(Other& other, const Now& now);
  std::vector<Request> fetch(Other& other, const Now& now);
  Other* find(const ReplicaId& id);

  CatchUpConfig config_;
  std::map<std::uint64_t, Window> windows_;
  std::unordered_set<TxId> known_;
  std::vector<Other> others_;
  std::size_t turn_ = 0;
  Instant next_;
};

}  // namespace isobar::db
