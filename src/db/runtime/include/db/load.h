#pragma once

/// Work for a database, to see how much it bears: transactions of the benchmarks that the field compares by, many open at once, from one
/// client. A transaction that is aborted is tried again with the same keys, after a pause that grows, and counts when it commits.

#include <cstdint>
#include <map>
#include <string>

#include "base/time.h"
#include "db/client.h"
#include "db/cluster_file.h"

namespace isobar::db {

enum class LoadKind {
  kYcsb,       ///< YCSB-T: `pairs` keys, each read and written
  kSmallbank,  ///< six kinds of transaction on a customer's two accounts or two customers'; nine of ten on a thousand hot customers
  kRetwis,     ///< a small Twitter: a new user, a follow, a post, a timeline of up to ten reads
};

struct LoadOptions {
  LoadKind kind = LoadKind::kYcsb;
  std::uint32_t pairs = 1;       ///< of YCSB-T
  std::uint64_t keys = 100'000;  ///< customers, of Smallbank; users, of Retwis
  double zipf = 0;               ///< skew of the keys; 0: all alike; below 1
  std::size_t value_bytes = 100;
  std::uint32_t at_once = 16;  ///< transactions open at a time
  Duration warm_up = std::chrono::seconds(1), run = std::chrono::seconds(10);
  std::uint64_t seed = 1;
};

struct LoadReport {
  std::uint64_t committed = 0;  ///< of those that ended within `run`
  std::uint64_t aborted = 0;    ///< attempts
  std::uint64_t fast = 0;       ///< commits after one round
  std::map<AbortReason, std::uint64_t> reasons;
  double seconds = 0;
  double p50_ms = 0, p99_ms = 0;  ///< of a transaction, its retries included
  double cpu_seconds = 0;         ///< of this process, in `run`
  double per_second() const { return seconds > 0 ? static_cast<double>(committed) / seconds : 0; }
};

/// Errors   those of opening a client; kUnavailable: nothing was committed, and which replicas are not connected
Result<LoadReport> run_load(const LoadOptions& options, ClusterFile cluster, Secret secret);

}  // namespace isobar::db
