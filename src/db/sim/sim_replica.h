#pragma once

// A replica with a disk and a clock. What it was told to write is there after a crash if it was synced; of what was not, a prefix may be.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "attacks.h"
#include "db/recoverer.h"
#include "db/replica.h"
#include "sim_world.h"

namespace isobar::db {

class SimReplica {
 public:
  SimReplica(SimWorld& world, const ReplicaId& self, std::optional<LyingReplica> liar);

  void crash();
  void restart();
  bool is_up() const { return core_ != nullptr; }
  bool lies() const { return liar_.has_value(); }
  void set_clock_error(Duration error) { clock_error_ = error; }
  bool clock_is_right() const { return std::chrono::abs(clock_error_) < std::chrono::seconds(1); }
  const Replica* core() const { return core_.get(); }
  const ReplicaId& self() const { return self_; }
  /// Everything that it would give to a reader, whether it is at rest or not.
  std::vector<std::pair<std::string, SettledVersion>> all_versions() const;
  /// Of each key those that are newer, and the newest.
  std::map<std::string, std::set<Timestamp>> versions_after(std::uint64_t time) const;
  std::size_t evidence() const { return evidence_; }
  std::size_t fallbacks() const { return fallbacks_; }

 private:
  void receive(const Peer& from, const Message& message);
  void wake();
  void flush();
  void send(const Outgoing& outgoing);
  void watch(const Message& message);
  void schedule_tick();
  void put_to_rest();
  void recover();
  void send_all(const std::vector<Committer::Send>& sends);

  SimWorld& world_;
  ReplicaId self_;
  std::optional<LyingReplica> liar_;
  std::unique_ptr<Settled> settled_;  // as its disk, it outlives crashes
  std::unique_ptr<Replica> core_;
  std::unique_ptr<Recoverer> recoverer_;
  std::vector<std::pair<Peer, Message>> inbox_;
  bool awake_ = false, disk_is_busy_ = false;
  struct Written {
    TxId of;
    std::string bytes;
  };
  std::vector<Written> disk_, unsynced_;
  std::optional<SettleBatch> settling_;
  std::map<TxId, SignedTransaction> seen_;  // to tell the oracle what the records of a decision leave out
  Duration clock_error_{};
  std::uint64_t life_ = 0;  // which start this is: what an earlier one began does not come back
  std::optional<Instant> tick_at_;
  std::size_t evidence_ = 0, fallbacks_ = 0;
};

}  // namespace isobar::db
