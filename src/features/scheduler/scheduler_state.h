#pragma once

// What a scheduler holds. A key with unprocessed inputs and no refresh under way is *listed*: it is in the list of those that wait, and,
// with a policy of keys, in the heap. Sizes are watched here: there may be millions of keys.

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "features/scheduler.h"
#include "indexed_heap.h"
#include "key_table.h"
#include "waiting_list.h"

namespace isobar::features {

/// In the place of a Cause.
inline constexpr std::uint32_t kNotByOrder = 3;

struct KeyState {
  Duration newest_event{0};  // since the origin, as all times here
  InputVersion newest, served;
  Duration waiting_since{0};  // meaningful while pending > 0
  double mark = 0, regret = 0;
  float cost = 0;             // mean of what was measured, the newest a quarter of it; 0: never
  std::uint32_t pending = 0;  // arrived since the last refresh was begun
  std::uint32_t queries = 0;
  std::uint32_t refreshed_second = 0;
  std::uint32_t refreshes : 29 = 0;
  std::uint32_t cause : 2 = kNotByOrder;
  std::uint32_t listed : 1 = 0;
};
static_assert(sizeof(KeyState) == 72);

/// Grows without moving what is there, and without room for more than a page to spare.
class KeyStates {
 public:
  KeyState& operator[](std::uint32_t slot) { return pages_[slot / kPage][slot % kPage]; }
  const KeyState& operator[](std::uint32_t slot) const { return pages_[slot / kPage][slot % kPage]; }
  void make(std::uint32_t slot) {
    if (slot / kPage >= pages_.size()) pages_.push_back(std::make_unique<KeyState[]>(kPage));
    (*this)[slot] = KeyState();
  }
  std::size_t memory_bytes() const { return pages_.size() * (kPage * sizeof(KeyState) + sizeof(void*)); }

 private:
  static constexpr std::uint32_t kPage = 512;
  std::vector<std::unique_ptr<KeyState[]>> pages_;
};

class Scheduler::State {
 public:
  State(SchedulerConfig settings, std::unique_ptr<Policy> chosen, Allowance budget);

  struct LongerWaiting {
    const KeyStates* keys;
    bool operator()(std::uint32_t a, std::uint32_t b) const {
      const Duration a_since = (*keys)[a].waiting_since, b_since = (*keys)[b].waiting_since;
      return a_since != b_since ? a_since < b_since : a < b;
    }
  };
  struct UnderWay {
    std::uint32_t pending = 0;
    double charged = 0;
    Cause cause = Cause::kScore;
  };
  using Order = std::pair<std::uint32_t, InputVersion>;
  struct Event {
    std::uint32_t slot = 0;
    InputVersion version;
  };
  struct Choice {
    std::uint32_t slot = 0;
    Cause cause = Cause::kScore;
  };

  bool of_events() const { return policy->queue() != Queue::kLatestPerKey; }
  Duration tick(Instant at);  ///< moves time on; returns it since the origin
  Duration since_origin(Instant at) const { return at - origin.value_or(at); }
  Result<std::uint32_t> slot_for(std::string_view key);
  double expected_cost(const KeyState& key) const;
  double charge_for(std::uint32_t slot) const;
  double score(const KeyState& key) const;
  bool overdue(const KeyState& key, Duration now) const;
  bool is_under_way(std::uint32_t slot) const;
  bool goes_before(std::uint32_t a, std::uint32_t b, Duration now) const;

  void list(std::uint32_t slot);
  void unlist(std::uint32_t slot);
  void rescore(std::uint32_t slot);
  void add_regret(KeyState& key, double error);
  void clear_regret(KeyState& key);
  void push_event(std::uint32_t slot, InputVersion version);
  void drop_event(Event event);
  void skip_superseded_events();

  std::optional<Choice> choose();
  /// None: `choice` may begin; else until when it may not.
  std::optional<Next> must_save_up(const Choice& choice);
  Refresh begin(const Choice& choice);
  void settle_bill(const UnderWay& order, double cost);
  /// by_order   why it was chosen; none: the row was not computed by order
  void served(std::uint32_t slot, InputVersion version, std::optional<Cause> by_order);

  SchedulerConfig config;
  std::unique_ptr<Policy> policy;
  Allowance allowance;
  Random random;
  KeyTable table;
  KeyStates keys;
  IndexedHeap<LongerWaiting> heap;
  WaitingList waiting;
  std::size_t waiting_count = 0;
  std::deque<Event> events;  ///< of `fifo` and `lifo`: oldest first
  std::map<Order, UnderWay> under_way;
  std::optional<Instant> origin;
  Duration now{0};
  double regret_sum = 0, race = 0;
  std::uint64_t turn = 0;
  std::size_t batch_left = 0;
  bool closed = false;
  Counters counters;
};

}  // namespace isobar::features
