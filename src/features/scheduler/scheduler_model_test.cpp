// The scheduler against a slow, obvious one: everything is kept as it was told, and the greatest score is searched for among all keys, by
// the definitions of the paper's table. Random histories of inputs, queries, labels, refreshes that succeed, fail or come late, and time.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "features/scheduler.h"

namespace isobar::features {
namespace {

constexpr std::int64_t kStart = 1'700'000'000;
Instant at_second(std::int64_t second) { return Instant::from_unix_seconds(kStart + second); }

struct SlowKey {
  std::vector<std::int64_t> waiting;  ///< seconds at which the inputs arrived that its row lacks
  std::vector<double> errors;         ///< since the last refresh
  std::uint64_t newest = 0, served = 0;
  std::int64_t newest_event = INT64_MIN, last_query = -1;
  int queries = 0, refreshes = 0, known_as = 0;
  std::uint64_t turn = 0;
  double race = 0, cost = 0;
};

class SlowScheduler {
 public:
  explicit SlowScheduler(const SchedulerConfig& config) : config_(config), random_(config.seed) {}

  void input(const std::string& name, std::int64_t event, std::uint64_t version, std::int64_t now) {
    SlowKey& key = keys_.try_emplace(name, SlowKey{.known_as = static_cast<int>(keys_.size())}).first->second;
    if (version <= key.newest) return;
    key.newest = version;
    key.newest_event = std::max(key.newest_event, event);
    const bool joins = key.waiting.empty() && !under_way_.contains(name);
    key.waiting.push_back(now);
    if (joins) join(key);
  }
  void query(const std::string& name, std::int64_t now) {
    if (!keys_.contains(name)) return;
    ++keys_[name].queries;
    keys_[name].last_query = now;
  }
  void feedback(const std::string& name, double error, std::optional<std::uint64_t> served) {
    if (!keys_.contains(name)) return;
    SlowKey& key = keys_[name];
    if (!served || *served == key.served) key.errors.push_back(std::min(error, config_.error_most));
  }
  std::optional<std::pair<std::string, std::uint64_t>> next(std::int64_t now) {
    const SlowKey* best = nullptr;
    std::string name;
    for (const auto& [candidate, key] : keys_)
      if (!key.waiting.empty() && !under_way_.contains(candidate) && (best == nullptr || goes_before(key, *best, now))) {
        best = &key;
        name = candidate;
      }
    if (best == nullptr) return std::nullopt;
    if (!overdue(*best, now) && !(config_.cold_first && best->served == 0)) race_ = std::max(race_, best->race);
    under_way_[name] = {best->newest, best->waiting};
    keys_[name].waiting.clear();
    return std::pair{name, under_way_[name].version};
  }
  void finished(const std::string& name, double cost) {
    SlowKey& key = keys_[name];
    const Order order = under_way_[name];
    under_way_.erase(name);
    key.cost = static_cast<float>(key.cost <= 0 ? cost : key.cost + 0.25 * (cost - key.cost));
    if (order.version > key.served) {
      key.served = order.version;
      key.errors.clear();
      key.queries = 0;
      ++key.refreshes;
      key.turn = ++turns_;
    }
    if (!key.waiting.empty()) join(key);
  }
  void failed(const std::string& name, std::int64_t now) {
    SlowKey& key = keys_[name];
    key.waiting.insert(key.waiting.end(), under_way_[name].inputs.size(), 0);
    key.waiting.assign(key.waiting.size(), now);
    under_way_.erase(name);
    key.errors.clear();
    key.turn = ++turns_;
    join(key);
  }
  double regret(const std::string& name) const {
    double sum = 0;
    for (const double error : keys_.at(name).errors) sum += error;
    return sum;
  }
  const std::map<std::string, SlowKey>& keys() const { return keys_; }

 private:
  struct Order {
    std::uint64_t version = 0;
    std::vector<std::int64_t> inputs;
  };
  void join(SlowKey& key) {
    if (config_.policy == "random") key.race = race_ + random_.exponential(1);
  }
  bool overdue(const SlowKey& key, std::int64_t now) const {
    return config_.staleness_most && std::chrono::seconds(now - key.waiting.front()) > *config_.staleness_most;
  }
  double score(const SlowKey& key) const {
    const std::string& policy = config_.policy;
    if (config_.cold_first && key.served == 0) return std::numeric_limits<double>::infinity();
    double regret = 0;
    for (const double error : key.errors) regret += error;
    const double hours_waiting = static_cast<double>(1'000'000 - key.waiting.front()) / 3600;
    if (policy == "regret") return regret + config_.policy_options.floor_per_hour * hours_waiting;
    if (policy == "regret-plain") return regret;
    if (policy == "regret-per-cost") return regret / (key.cost <= 0 ? config_.cost_first : key.cost);
    if (policy == "round-robin") return -static_cast<double>(key.turn);
    if (policy == "key-lifo") return static_cast<double>(key.newest_event);
    if (policy == "random") return -key.race;
    if (policy == "query-proportional") return key.queries;
    if (policy == "last-query") return static_cast<double>(key.last_query);
    if (policy == "max-pending") return static_cast<double>(key.waiting.size());
    if (policy == "min-past") return 1.0 / (key.refreshes + 1);
    return -static_cast<double>(key.waiting.front());  // oldest
  }
  bool goes_before(const SlowKey& a, const SlowKey& b, std::int64_t now) const {
    const auto rank = [&](const SlowKey& key) {
      return std::tuple(!overdue(key, now), overdue(key, now) ? 0 : -score(key), key.waiting.front(), key.known_as);
    };
    return rank(a) < rank(b);
  }

  SchedulerConfig config_;
  Random random_;
  std::map<std::string, SlowKey> keys_;
  std::map<std::string, Order> under_way_;
  double race_ = 0;
  std::uint64_t turns_ = 0;
};

/// One random history, told to both.
class History {
 public:
  explicit History(const SchedulerConfig& config) : fast_(std::move(Scheduler::create(config)).value()), slow_(config) {}

  void step() {
    now_ += *rc::gen::weightedElement<int>({{3, 0}, {3, 1}, {1, 400}});
    const std::string key(1, static_cast<char>('a' + *rc::gen::inRange(0, 8)));
    switch (*rc::gen::inRange(0, 10)) {
      case 0:
      case 1:
      case 2: return input(key);
      case 3: return fast_.query(key, at_second(now_)), slow_.query(key, now_);
      case 4:
      case 5: return feedback(key);
      case 6:
      case 7: return next();
      case 8: return finish();
      default: return fail();
    }
  }
  void compare() const {
    std::size_t pending = 0;
    for (const auto& [name, key] : slow_.keys()) {
      const Explanation e = fast_.explain(name, at_second(now_));
      RC_ASSERT(e.pending == key.waiting.size());
      RC_ASSERT(e.served.value() == key.served);
      RC_ASSERT(std::abs(e.regret - slow_.regret(name)) < 1e-9);
      pending += e.where == Explanation::Where::kWaiting ? 1U : 0U;
    }
    RC_ASSERT(fast_.gauges(at_second(now_)).keys_pending == pending);
  }

 private:
  void input(const std::string& key) {
    const std::int64_t event = now_ - *rc::gen::inRange(0, 50);
    // Now and then one that was delivered before.
    const std::uint64_t version =
        *rc::gen::weightedElement<int>({{9, 1}, {1, 0}}) == 1 ? ++versions_ : std::max<std::uint64_t>(versions_, 1);
    RC_ASSERT(fast_.input(key, at_second(event), InputVersion(version), at_second(now_)).ok());
    slow_.input(key, event, version, now_);
  }
  void feedback(const std::string& key) {
    // Eighths, so that sums are exact in any order.
    const double error = *rc::gen::inRange(0, 80) / 8.0;
    std::optional<std::uint64_t> served;
    if (*rc::gen::arbitrary<bool>() && slow_.keys().contains(key))
      served = slow_.keys().at(key).served - (*rc::gen::inRange(0, 4) == 0 ? 1 : 0);
    std::optional<InputVersion> version;
    if (served) version = InputVersion(*served);
    RC_ASSERT(fast_.feedback(key, {error, version}, at_second(now_)).ok() == slow_.keys().contains(key));
    slow_.feedback(key, error, served);
  }
  void next() {
    // Its place among those that wait is told before it goes.
    const Next chosen = fast_.next(at_second(now_));
    const auto expected = slow_.next(now_);
    RC_ASSERT(chosen.refresh.has_value() == expected.has_value());
    if (!expected) return;
    RC_ASSERT(chosen.refresh->key == expected->first);
    RC_ASSERT(chosen.refresh->version.value() == expected->second);
    under_way_.push_back(*expected);
  }
  void finish() {
    if (under_way_.empty()) return;
    const auto [key, version] = take();
    const double cost = *rc::gen::inRange(1, 64) / 64.0;
    RC_ASSERT(fast_.finished(key, InputVersion(version), cost, at_second(now_)).ok());
    slow_.finished(key, cost);
  }
  void fail() {
    if (under_way_.empty()) return;
    const auto [key, version] = take();
    RC_ASSERT(fast_.failed(key, InputVersion(version), at_second(now_)).ok());
    slow_.failed(key, now_);
  }
  std::pair<std::string, std::uint64_t> take() {
    const auto at = under_way_.begin() + *rc::gen::inRange(0, static_cast<int>(under_way_.size()));
    const auto order = *at;
    under_way_.erase(at);
    return order;
  }

  Scheduler fast_;
  SlowScheduler slow_;
  std::int64_t now_ = 0;
  std::uint64_t versions_ = 0;
  std::vector<std::pair<std::string, std::uint64_t>> under_way_;
};

TEST(SchedulerModel, EveryPolicyChoosesAsASearchThroughAllKeysWould) {
  for (const std::string& policy : policy_names()) {
    if (policy == "fifo" || policy == "lifo" || policy == "batch") continue;  // these have tests of their own
    const bool held = rc::check("policy " + policy, [&] {
      SchedulerConfig config;
      config.policy = policy;
      config.budget = {CostUnit::kRefreshes, std::numeric_limits<double>::infinity(), 1};
      config.error_most = 8;
      config.cold_first = *rc::gen::inRange(0, 4) == 0;
      if (*rc::gen::arbitrary<bool>()) config.staleness_most = std::chrono::seconds(*rc::gen::inRange(1, 900));
      History history(config);
      const int steps = *rc::gen::inRange(20, 200);
      for (int i = 0; i < steps; ++i) history.step();
      history.compare();
    });
    EXPECT_TRUE(held) << policy;
  }
}

TEST(SchedulerModel, EventsGoInTheirOrderAndThoseOlderThanTheRowThatIsServedAreSkipped) {
  for (const bool oldest_first : {true, false}) {
    const bool held = rc::check(oldest_first ? "fifo" : "lifo", [&] {
      SchedulerConfig config;
      config.policy = oldest_first ? "fifo" : "lifo";
      config.budget = {CostUnit::kRefreshes, std::numeric_limits<double>::infinity(), 1};
      config.events_most = static_cast<std::size_t>(*rc::gen::inRange(1, 30));
      Scheduler fast = std::move(Scheduler::create(config)).value();
      std::vector<std::pair<std::string, std::uint64_t>> waiting, under_way;
      std::map<std::string, std::uint64_t> served;
      std::uint64_t versions = 0;
      for (const int move : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 8))) {
        if (move < 4) {
          const std::string key(1, static_cast<char>('a' + move));
          RC_ASSERT(fast.input(key, at_second(0), InputVersion(++versions), at_second(0)).ok());
          if (waiting.size() == config.events_most) waiting.erase(waiting.begin());
          waiting.emplace_back(key, versions);
        } else if (move < 6) {
          std::erase_if(waiting, [&](const auto& event) { return event.second <= served[event.first]; });
          const auto refresh = fast.next(at_second(0)).refresh;
          RC_ASSERT(refresh.has_value() == !waiting.empty());
          if (!refresh) continue;
          const auto expected = oldest_first ? waiting.begin() : waiting.end() - 1;
          RC_ASSERT(refresh->key == expected->first && refresh->version.value() == expected->second);
          under_way.push_back(*expected);
          waiting.erase(expected);
        } else if (!under_way.empty()) {
          const auto [key, version] = under_way.front();
          under_way.erase(under_way.begin());
          const bool newest = *fast.finished(key, InputVersion(version), 0.1, at_second(0)) == Accepted::kNewest;
          RC_ASSERT(newest == (version > served[key]));
          served[key] = std::max(served[key], version);
        }
      }
    });
    EXPECT_TRUE(held);
  }
}

TEST(SchedulerModel, NoMoreIsRefreshedThanTheBudgetAllowsAndNothingIsLeftOfIt) {
  EXPECT_TRUE(rc::check([] {
    SchedulerConfig config;
    config.policy = *rc::gen::elementOf(policy_names());
    const double rate = *rc::gen::inRange(1, 40) / 8.0;
    // What accrues from one look to the next must have room.
    config.budget = {CostUnit::kRefreshes, rate, rate + *rc::gen::inRange(1, 6)};
    Scheduler s = std::move(Scheduler::create(config)).value();
    std::uint64_t version = 0, refreshes = 0;
    // There is always more to do than the budget allows, so that all of it goes.
    for (int second = 0; second <= 60; ++second) {
      for (int key = 0; key < 12; ++key)
        RC_ASSERT(s.input(std::to_string(key), at_second(second), InputVersion(++version), at_second(second)).ok());
      while (const auto refresh = s.next(at_second(second)).refresh) {
        ++refreshes;
        RC_ASSERT(s.finished(refresh->key, refresh->version, 0.1, at_second(second)).ok());
      }
    }
    const double allowed = config.budget.burst + 60 * config.budget.per_second;
    RC_ASSERT(static_cast<double>(refreshes) <= allowed);
    // A batch begins with up to as many keys as there are saved up.
    RC_ASSERT(static_cast<double>(refreshes) >= allowed - config.budget.burst - rate - (config.policy == "batch" ? 12 : 0));
  }));
}

}  // namespace
}  // namespace isobar::features
