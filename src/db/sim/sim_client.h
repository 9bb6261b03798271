#pragma once

// A client with work: it reads a few keys, writes some of them, several such transactions at a time, and goes on until it has committed as
// much as it was given. A lying one does the same behind its layer of lies, and stops when the faults do.

#include "attacks.h"
#include "db/client.h"
#include "sim_world.h"

namespace isobar::db {

class SimClient {
 public:
  SimClient(SimWorld& world, ClientId self, std::optional<LyingClient> liar);

  void start();
  /// It is gone, with whatever it had begun.
  void vanish() { gone_ = true; }
  void recover(const SignedTransaction& tx);
  bool done() const { return gone_ || committed_ >= world_.options().transactions; }
  bool lies() const { return liar_.has_value(); }
  const Client& core() const { return core_; }
  std::size_t evidence() const { return evidence_; }
  /// Transactions that committed without a vote.
  std::size_t unvoted() const { return unvoted_; }

 private:
  struct Work {
    std::vector<std::string> to_read;
    std::map<std::string, std::optional<std::string>> read, written;
    std::set<std::string> answered = {};
    std::optional<std::size_t> after = {};
    Access access = Access::kWrite;
    std::size_t scanning = 0;  // parts under way
    bool backward = false;
    Oracle::Scanned open = {};  // the part that is asked for
    std::vector<Oracle::Scanned> scanned = {};
  };
  void begin();
  void on(const ReadDone& read);
  void on(const ReadRefused& read);
  void on(const ScanDone& scan);
  void on(const ScanRefused& scan) { give_up(scan.tx); }
  void scan(TxHandle tx, Work& work, std::string from, std::string until, bool backward);
  void proceed(TxHandle tx, Work& work);
  std::string some_key();
  void write_some(TxHandle tx, Work& work);
  void note_scanned(const Ended& ended, Work& work);
  void on(const Ended& ended);
  void give_up(TxHandle tx);
  void flush();
  void schedule_tick();
  void later(Duration delay, std::function<void()> what);

  SimWorld& world_;
  ClientId self_;
  std::optional<LyingClient> liar_;
  Client core_;
  void write(TxHandle tx, Work& work, const std::string& key, std::optional<std::string> value);
  std::map<TxHandle, Work> running_;
  std::optional<std::size_t> last_committed_;  // among what was observed, of one transaction at a time
  std::optional<Instant> tick_at_;
  std::size_t committed_ = 0, evidence_ = 0, unvoted_ = 0;
  bool gone_ = false;
};

}  // namespace isobar::db
