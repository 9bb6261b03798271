#pragma once

/// Which key goes next. A policy gives every key with unprocessed input a score; the greatest goes first, among equals the one that has
/// waited longest, then the one that was known first. A score depends on facts of its own key alone, so it changes only when something
/// happens to that key, and a heap finds the greatest in O(log n). Where an idea depends on the time that passes (a floor that rises while
/// a key waits, a uniform choice among all that wait), the score is a form of it that keeps the order without changing.
///
/// Source   ralf (PVLDB 17(3), 2023), the policies of its experiments; Olston and Widom (SIGMOD '02) for why error, not change, is the
/// signal.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace isobar::features {

/// What a policy may look at. Times are since the scheduler's first event.
struct KeyFacts {
  double regret = 0;            ///< Σ error of the answers since the last refresh; the errors' own unit
  double cost = 1;              ///< what a refresh of it takes: measured, or what is expected; CPU-seconds, > 0
  Duration waiting_since{0};    ///< when the oldest input arrived that its row does not contain
  Duration newest_event{0};     ///< event time of its newest input
  std::uint32_t pending = 0;    ///< inputs that its row does not contain
  std::uint32_t queries = 0;    ///< since the last refresh
  std::uint32_t refreshes = 0;  ///< ever
  double mark = 0;              ///< what the policy asked to have kept, below
};

/// What besides its score is kept of a key, in one word: no policy needs two of them.
enum class Mark : std::uint8_t {
  kNone,
  kTurn,       ///< the number of the refresh, over all keys, that was its last; 0: never
  kLastQuery,  ///< seconds since the first event; −1: never
  kRace,       ///< an exponential draw after the last winner's, made when the key begins to wait (see `random`)
};

/// What waits: keys, each with its newest input alone, or single events as they came.
enum class Queue : std::uint8_t { kLatestPerKey, kOldestEvent, kNewestEvent };

class Policy {
 public:
  virtual ~Policy() = default;
  virtual std::string_view name() const = 0;
  /// In one sentence, for people.
  virtual std::string_view idea() const = 0;
  virtual double score(const KeyFacts& key) const = 0;
  virtual Mark mark() const { return Mark::kNone; }
  virtual Queue queue() const { return Queue::kLatestPerKey; }
  /// Whether refreshes wait until the allowance is enough for all keys that wait, and all of those then go.
  virtual bool all_at_once() const { return false; }
};

struct PolicyOptions {
  /// Of `regret`: what an hour of waiting counts as, in the unit of the errors, so that no key waits for ever. The default suits scaled
  /// errors (MASE, 0 or 1); 0 takes the floor away.
  double floor_per_hour = 0.01;
};

/// Errors   kInvalidArgument: no such policy (the message names the nearest), or a floor that is negative or not finite
Result<std::unique_ptr<Policy>> make_policy(std::string_view name, const PolicyOptions& options = {});

/// Every name that `make_policy` takes, the default first.
std::vector<std::string> policy_names();

inline constexpr std::string_view kDefaultPolicy = "regret";

}  // namespace isobar::features
