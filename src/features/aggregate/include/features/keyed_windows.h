#pragma once

/// The windowed aggregates of a view, for every key: events in, in any order; values at any instant out.
///
/// One structure a key serves all windows and aggregates. It has
///   a head     the newest few events as they came, in their order, so that a read in the recent past finds what was there then
///   tiles      at each of the plan's levels, those in which there were events: a time, and a block of states
///   a total    if a window is unbounded
///   events     in an ExactWindow, if a window is exact
/// An event goes to the head, and from there, when newer ones push it out, to one tile of each level. A late one goes to its tile like any
/// other, as long as that is retained; after that no window can be read any more that would have it, and it is counted.
///
/// Memory   a key: ~200 bytes, its head (24 + 40·arguments bytes an event), 48 bytes and a block for each tile that has events, at most
///          Σ retain/hop over the levels. A block has 16 bytes for a count or an extreme of numbers, 32 for a sum of integers, 48 for a
///          sum, mean or variance of floats, 64 for a first or last, and what sketches have grown to (AggregateSet::bytes).
/// Threads  one at a time; reads are const and change nothing. A core that owns a share of the keys owns one of these.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "features/aggregate.h"
#include "features/window.h"

namespace isobar::features {

/// What became of an event.
enum class Placed {
  kMerged,  ///< it is, or will be, in every window that covers it
  kLate,    ///< no window that can still be read covers it; it is counted, and is nowhere
};

/// What became of an event that was to be taken out.
struct Retraction {
  enum class What {
    kDone,
    kLate,     ///< it is in no tile any more
    kUnknown,  ///< there was no such event, and nothing was changed
    kRebuild,  ///< some aggregate cannot forget it: call `rebuild` with the events of `span`, without it. Nothing was changed
  };
  What what = What::kDone;
  Span span{};
};

struct Event {
  EventOrder order;
  std::vector<Value> arguments;
};

struct Reading {
  bool found = false;         ///< the key is known; if it is not, all is as of no events
  std::vector<Value> values;  ///< window by window, in each by aggregate
  struct Quality {
    bool end_rounded = false;  ///< events after the instant, within one finest tile of it, are in: they are no longer in the head
    bool incomplete = false;   ///< the window begins before what is retained
  };
  std::vector<Quality> windows;
  struct Problem {
    std::size_t value;
    std::string what;
  };
  std::vector<Problem> problems;  ///< values that are null because they are beyond their type
};

struct WindowCounts {
  std::uint64_t merged = 0, late = 0, retracted = 0, retracted_unknown = 0, rebuilt = 0;
};

struct Shape;

class KeyedWindows {
 public:
  struct Options {
    Duration lateness{0};         ///< how far before the watermark reads are still complete
    std::size_t head_events = 8;  ///< how many events of a key are kept as they came; 0: none
  };
  /// Errors   as AggregateSet::create and WindowPlan::create
  static Result<std::unique_ptr<KeyedWindows>> create(const std::vector<AggregateSpec>& aggregates, std::vector<Type> arguments,
                                                      const std::vector<Window>& windows, Options options);
  ~KeyedWindows();

  /// order       no two events of a key have the same
  /// arguments   null or of their declared types, which is the caller's to see to
  /// Cost        with four aggregates and three levels 0.3 µs while the keys are in the cache, 0.8 µs with a million, the map included
  Placed insert(std::string_view key, const EventOrder& order, std::span<const Value> arguments);

  /// An update is a retraction of what was and an insertion of what is.
  Retraction retract(std::string_view key, const EventOrder& order, std::span<const Value> arguments);
  /// Makes all tiles of a span again from the events that are there. events   all those of the key in the span, in any order
  /// span             as `retract` gave it
  void rebuild(std::string_view key, Span span, std::span<const Event> events);

  /// All events up to here have come, but for late ones. It never goes back. Whoever computes it keeps a single clock from running ahead of
  /// all.
  void advance(Instant watermark);
  Instant watermark() const { return watermark_; }
  /// Lets go of what is no longer retained, and of keys that have nothing left. Cost   O(keys + tiles): call it now and then
  void expire();

  /// As of an instant. Pure.
  /// wanted   of each value, whether it is asked for; the others are null, and cost nothing. Empty: all are
  Reading read(std::string_view key, Instant at, const std::vector<bool>& wanted = {}) const;

  /// A key's whole state, as stored with a checkpoint; none: the key is not known.
  std::optional<std::string> encode(std::string_view key) const;
  /// Puts it back, in place of what there is of the key.
  /// Errors   kDataLoss: not a state of these aggregates and windows
  Status decode(std::string_view key, std::string_view bytes);

  /// Forgets a key.
  void erase(std::string_view key);

  std::size_t keys() const;
  const WindowCounts& counts() const { return counts_; }
  const AggregateSet& aggregates() const { return *set_; }
  const WindowPlan& plan() const { return plan_; }
  /// Of all keys, by adding up. Cost   O(keys + tiles + events)
  std::size_t bytes() const;

 private:
  struct Map;
  KeyedWindows(AggregateSet set, WindowPlan plan, Options options);
  Shape shape() const;

  std::unique_ptr<const AggregateSet> set_;
  WindowPlan plan_;
  Options options_;
  Instant watermark_ = Instant::from_unix_nanos(INT64_MIN);
  std::array<std::int64_t, 3> first_tiles_;
  WindowCounts counts_;
  std::unique_ptr<Map> map_;
};

}  // namespace isobar::features
