#pragma once

/// A whole cluster in one thread, from a seed: replicas with disks and clocks, clients with work, liars among both, and a network that
/// loses, delays, repeats, reorders and cuts. First anything goes; then the network heals, whoever was down comes back, up to f replicas of
/// each shard go on lying, and every transaction that a correct replica holds must be decided in bounded time. The oracle looks at
/// everything that correct participants did.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "db/checkpoints.h"

namespace isobar::db {

struct SimOptions {
  std::uint64_t seed = 1;
  std::uint32_t f = 1, shards = 1;
  std::uint32_t correct_clients = 3, lying_clients = 0;
  std::uint32_t at_once = 1;         ///< transactions that a client has open
  std::uint32_t lying_replicas = 0;  ///< of each shard; more than f: only that it shows is expected
  std::uint32_t keys = 4;
  std::uint32_t transactions = 8;      ///< committed by each correct client, before it has done its work
  double loss = 0, duplicates = 0;     ///< of messages
  double crashes = 0, partitions = 0;  ///< a second, of each replica, of the network
  double lost_clients = 0;             ///< chance that a correct client is gone after one of its transactions was begun
  bool wrong_clocks = false;           ///< of up to f replicas of each shard
  CheckpointConfig checkpoints;        ///< how soon things are closed, and forgotten
  Duration delay_mean = std::chrono::microseconds(300);
  Duration faults_for = std::chrono::seconds(3);
  Duration decided_within = std::chrono::seconds(60);  ///< after the faults

  /// One of the many mixtures of all of this.
  static SimOptions draw(std::uint64_t seed);
  std::string text() const;
};

struct SimVerdict {
  std::vector<std::string> violations;
  std::size_t unvoted = 0;  ///< readers that were done without a vote
  std::size_t committed = 0, aborted = 0, recovered = 0, fallbacks = 0, crashes = 0, evidence = 0;
  std::uint64_t messages = 0;
  bool ok() const { return violations.empty(); }
  SimVerdict& operator+=(const SimVerdict& other);
};

SimVerdict simulate(const SimOptions& options);

}  // namespace isobar::db
