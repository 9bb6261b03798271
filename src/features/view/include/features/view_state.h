#pragma once

/// What is known of a view's keys: events in, in any order; each key's features as of any recent instant out. A pure core, the same for
/// serving (read at now) and for training (events and instants merged by time).
///
/// A key's newest event at an instant is that of the greatest order (time, created, sequence) that is not after the instant. An event from
/// the future is kept and counts when its time has come. A key whose newest event is older than the view's ttl has expired: it is told with
/// its time, without values. An age equal to the ttl is within it.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "features/compiled_view.h"
#include "features/json_value.h"
#include "features/keyed_windows.h"

namespace isobar::features {

struct ViewReading {
  enum class Status {
    kNotFound,  ///< no event of the key has ever been seen, or all were forgotten
    kExpired,   ///< its newest event is older than the ttl; there are no values
    kFound,
  };
  Status status = Status::kNotFound;
  EventOrder newest{};                ///< of the newest event; nothing where the key is not found
  std::vector<Value> values;          ///< as CompiledView::stored; of kFound alone
  std::vector<FieldStatus> statuses;  ///< of each: kPresent, kNullValue, or kInvalid: a sum beyond its type, a NaN
};

/// Where an expensive feature's value comes from.
enum class ExpensiveValues {
  kStored,  ///< what `set_expensive` was told last: serving, within a budget
  kFresh,   ///< computed at each reading from what came until then: training
};

/// An expensive feature's row, and the order of the newest input in it.
struct ExpensiveRow {
  EventOrder upto{};
  Value value;
};

/// One thread at a time; readings change nothing.
class ViewState {
 public:
  struct Options {
    ExpensiveValues expensive = ExpensiveValues::kStored;
    Duration remembered = std::chrono::hours(7 * 24);  ///< how long after its ttl a key is still told to have expired
  };
  /// view     must stay where it is
  /// Errors   kInvalidArgument: as KeyedWindows::create; a featurizer's parameters
  static Result<std::unique_ptr<ViewState>> create(const CompiledView& view, Options options);
  ~ViewState();

  /// order   no two events of a view have the same
  Placed insert(const EventOrder& order, const Contribution& contribution);
  /// Takes an event out again. Where the result says kRebuild, or the key's newest event was this one, `rebuild` is due.
  struct Retracted {
    Retraction windows;
    bool newest = false;  ///< it was a newest event, and which was before it is not known here
  };
  Retracted retract(const EventOrder& order, const Contribution& contribution);
  /// Makes a key's span, and its newest event, again.
  struct KeyEvent {
    EventOrder order;
    Contribution contribution;
  };
  /// events   those of the key that are there in the span, in any order; with the newest of all among them
  void rebuild(std::string_view key, Span span, std::span<const KeyEvent> events);

  /// All events up to here have come, but for late ones.
  void advance(Instant watermark);
  /// Lets go of what no reading from the watermark on can see. Cost   O(keys)
  void expire();

  /// As of an instant that is not before the watermark less the sources' lateness. Cost   ~0.1 µs and some 5 ns for each tile of its
  /// windows
  ViewReading read(std::string_view key, Instant at) const;

  /// The points that an expensive feature's row would be computed from, the newest last; none: there are too few, or nothing new.
  struct ExpensiveInput {
    EventOrder upto{};
    std::vector<double> points;
  };
  std::optional<ExpensiveInput> expensive_input(std::string_view key, std::size_t expensive, Instant at) const;
  /// Ignored where an older row than the one that is there.
  void set_expensive(std::string_view key, std::size_t expensive, ExpensiveRow row);

  /// A key's whole state; none: the key is not known.
  std::optional<std::string> encode(std::string_view key) const;
  /// Errors   kDataLoss
  Status decode(std::string_view key, std::string_view bytes);
  void each_key(const std::function<void(std::string_view)>& visit) const;

  std::size_t keys() const;
  const WindowCounts* window_counts() const;  ///< nullptr: the view has no windows
  const CompiledView& view() const;

 private:
  struct Inside;
  explicit ViewState(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace isobar::features
