#pragma once

// The load of a client that lies: transactions that read keys and write what they read into one another's places, so that what all of them
// sum up to stays, whoever lies. What does not end in a while is left as it is, and the next begun.

#include <memory>

#include "lies.h"
#include "load_plan.h"

namespace isobar::db {

struct LyingReport {
  std::uint64_t begun = 0, committed = 0, aborted = 0, left = 0;  ///< left: without having ended
  std::uint64_t refused = 0;                                      ///< aborted for their timestamp
  std::uint64_t reads = 0;
  LieCounts lies;
};

class LyingLoad {
 public:
  /// options  of the kind kYcsb, as for `run_load`; what is to do with time is not used. Errors   those of ClientLoop
  static Result<std::unique_ptr<LyingLoad>> start(const LoadOptions& options, LoadAttack attack, ClusterFile cluster, Secret secret);
  LyingReport report();

 private:
  /// One transaction, or two of the same keys that are handed in together.
  struct Group {
    std::vector<TxHandle> transactions;
    std::size_t reading = 0, open = 0;
    bool left = false;
  };
  struct Work {
    std::uint64_t group = 0;
    std::vector<std::string> keys;
    std::map<std::string, std::optional<std::string>> read;
  };

  LyingLoad(const LoadOptions& options, LoadAttack attack, const Membership& members, ClientId self);
  void begin();
  void read(std::uint64_t group, const std::vector<std::string>& keys);
  void write_blindly(std::uint64_t group, const std::vector<std::string>& keys);
  void all_read(std::uint64_t group);
  void give_back(std::uint64_t group);
  void leave(std::uint64_t group);
  void on(const ReadDone& done);
  void on(const ReadRefused& refused);
  // It scans nothing.
  void on(const ScanDone&) {}
  void on(const ScanRefused&) {}
  void on(const Ended& ended);

  LoadOptions options_;
  LoadAttack attack_;
  LoadPlanner planner_;
  Lies lies_;
  std::uint64_t next_group_ = 1;
  std::map<std::uint64_t, Group> groups_;
  std::map<TxHandle, Work> open_;
  LyingReport report_;
  std::unique_ptr<ClientLoop> loop_;  // last: when it ends, nothing is told any more
};

}  // namespace isobar::db
