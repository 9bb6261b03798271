#pragma once

/// Transactions of one client that read a key in order to write it take turns at it: of two that do so at once, replicas would abort one.
/// A turn passes on when its transaction is handed in or given up. Nobody waits for long: a transaction that waits at two keys for one
/// that waits for it goes on without its turn, and takes its chance with the replicas.

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/time.h"

namespace isobar::db {

using TxHandle = Id<struct TxHandleTag>;

class KeyTurns {
 public:
  struct Turn {
    TxHandle tx;
    std::string key;
  };
  /// Whether it has its turn now; else it is told by `release` or `expire`, at `until` at the latest.
  bool take(const std::string& key, TxHandle tx, Instant until);
  /// Of a transaction that is handed in or given up: who has a turn now that it had.
  std::vector<Turn> release(TxHandle tx);
  /// Who has waited long enough.
  std::vector<Turn> expire(Instant now);
  std::optional<Instant> next_expiry() const;

 private:
  struct Waiter {
    TxHandle tx;
    Instant until;
  };
  struct Line {
    TxHandle holder;
    std::deque<Waiter> waiting;
  };
  std::map<std::string, Line> lines_;
  std::multimap<TxHandle, std::string> places_;  // of holders and of those who wait
  std::multimap<Instant, Turn> expiries_;        // those of turns that came in time are skipped
};

}  // namespace isobar::db
