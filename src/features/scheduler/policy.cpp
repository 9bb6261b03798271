#include "features/policy.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/text.h"

namespace isobar::features {

namespace {

double hours(Duration span) { return to_seconds(span) / 3600; }

/// A policy whose score is one expression: all but those with a parameter.
struct Simple {
  std::string_view name, idea;
  double (*score)(const KeyFacts&);
  Mark mark = Mark::kNone;
  Queue queue = Queue::kLatestPerKey;
  bool all_at_once = false;
};

// Of events there is nothing to score: the queue has their order. Random is a race: each key draws from the same exponential distribution
// when it begins to wait, and the lowest wins; as that distribution has no memory, whoever waits has the same chance at any time.
constexpr std::array kSimple = {
    Simple{"regret-plain", "the most error since its last refresh", [](const KeyFacts& k) { return k.regret; }},
    Simple{"regret-per-cost", "the most error since its last refresh for what a refresh of it costs",
           [](const KeyFacts& k) { return k.regret / k.cost; }},
    Simple{"round-robin", "the one whose last refresh is the longest ago", [](const KeyFacts& k) { return -k.mark; }, Mark::kTurn},
    Simple{"fifo", "the oldest event, whatever its key", [](const KeyFacts&) { return 0.0; }, Mark::kNone, Queue::kOldestEvent},
    Simple{"lifo", "the newest event, whatever its key", [](const KeyFacts&) { return 0.0; }, Mark::kNone, Queue::kNewestEvent},
    Simple{"key-lifo", "the one whose newest event is newest", [](const KeyFacts& k) { return to_seconds(k.newest_event); }},
    Simple{"random", "any, with equal chances", [](const KeyFacts& k) { return -k.mark; }, Mark::kRace},
    Simple{"query-proportional", "the one asked for most often since its last refresh",
           [](const KeyFacts& k) { return static_cast<double>(k.queries); }},
    Simple{"last-query", "the one asked for last", [](const KeyFacts& k) { return k.mark; }, Mark::kLastQuery},
    Simple{"max-pending", "the one with the most unprocessed inputs", [](const KeyFacts& k) { return static_cast<double>(k.pending); }},
    Simple{"min-past", "the one refreshed the fewest times", [](const KeyFacts& k) { return -static_cast<double>(k.refreshes); }},
    Simple{"oldest", "the one that waits longest", [](const KeyFacts& k) { return -to_seconds(k.waiting_since); }},
    Simple{"batch", "none until the allowance is enough for all that wait, then all of them",
           [](const KeyFacts& k) { return -to_seconds(k.waiting_since); }, Mark::kNone, Queue::kLatestPerKey, true},
};

class SimplePolicy final : public Policy {
 public:
  explicit SimplePolicy(const Simple& rule) : rule_(rule) {}
  std::string_view name() const override { return rule_.name; }
  std::string_view idea() const override { return rule_.idea; }
  double score(const KeyFacts& key) const override { return rule_.score(key); }
  Mark mark() const override { return rule_.mark; }
  Queue queue() const override { return rule_.queue; }
  bool all_at_once() const override { return rule_.all_at_once; }

 private:
  Simple rule_;
};

/// Regret + ε · time waited. All that wait gain ε an hour alike, so regret − ε · (when the wait began) has the same order and stands still.
class RegretWithFloor final : public Policy {
 public:
  explicit RegretWithFloor(double floor_per_hour) : floor_per_hour_(floor_per_hour) {}
  std::string_view name() const override { return kDefaultPolicy; }
  std::string_view idea() const override { return "the most error since its last refresh, and a little for each hour of waiting"; }
  double score(const KeyFacts& key) const override { return key.regret - floor_per_hour_ * hours(key.waiting_since); }

 private:
  double floor_per_hour_;
};

}  // namespace

Result<std::unique_ptr<Policy>> make_policy(std::string_view name, const PolicyOptions& options) {
  if (!std::isfinite(options.floor_per_hour) || options.floor_per_hour < 0)
    return invalid(fmt::format("a floor of {} an hour is not possible; give 0 or more", options.floor_per_hour));
  if (name == kDefaultPolicy) return std::unique_ptr<Policy>(std::make_unique<RegretWithFloor>(options.floor_per_hour));
  for (const Simple& rule : kSimple)
    if (rule.name == name) return std::unique_ptr<Policy>(std::make_unique<SimplePolicy>(rule));
  const auto names = policy_names();
  const auto near = closest(name, names);
  return invalid(
      fmt::format("there is no policy '{}'; {}", name, near ? fmt::format("did you mean '{}'?", *near) : "there are " + join(names, ", ")));
}

std::vector<std::string> policy_names() {
  std::vector<std::string> names{std::string(kDefaultPolicy)};
  for (const Simple& rule : kSimple) names.emplace_back(rule.name);
  return names;
}

}  // namespace isobar::features
