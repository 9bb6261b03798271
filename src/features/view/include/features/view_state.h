#pragma once

/// What is known of a view's keys: events in, in any order; each key's features as of any recent instant out. A pure core, the same for
/// serving (read at now) and for training (events and instants merged by time).
///
/// A key's newest event at an instant is that of the greatest order (time, created, sequence) that is not after the instant. An event from
/// the future is kept and counts when its time has come. A key whose newest event is older than the view's ttl has expired: it is told with
/// its time, without values. An age equal to the ttl is within it.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "features/compiled_view.h"
#include "features/expensive.h"
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

/// Up to where an answer saw the events of a view's key: those of the log's lines up to this one and of no later one, of which those
/// after the watermark had yet to come.
struct SeenUpto {
  std::uint64_t line = 0;
  Instant watermark{};
};

/// Where an expensive feature's value comes from.
enum class ExpensiveValues {
  kStored,  ///< from the row that `set_expensive` was told last: serving, within a budget
  kFresh,   ///< from one made at each reading: training
};

/// One thread at a time; readings change nothing.
class ViewState {
 public:
  struct Options {
    ExpensiveValues expensive = ExpensiveValues::kStored;
    Duration remembered = std::chrono::hours(7 * 24);  ///< how long after its ttl a key is still told to have expired
    FeaturizerResources resources{};                   ///< of each expensive feature
  };
  /// view     must stay where it is
  /// Errors   kInvalidArgument: as KeyedWindows::create; a featurizer's parameters
  static Result<std::unique_ptr<ViewState>> create(const CompiledView& view, const Options& options);
  ~ViewState();

  /// An event after the watermark waits until that has come there.
  /// order   no two events of a key have the same
  Placed insert(const EventOrder& order, const Contribution& contribution);
  /// Takes an event out again.
  struct Retracted {
    bool known = true;         ///< there may have been such an event; false: there was none, and nothing was changed
    bool newest = false;       ///< it was the key's newest event: which was before it is not known here. `rebuild` is due
    std::optional<Span> span;  ///< an aggregate could not forget it: `rebuild` is due, of this
  };
  Retracted retract(const EventOrder& order, const Contribution& contribution);
  struct KeyEvent {
    EventOrder order;
    Contribution contribution;
  };
  /// Makes again what could not forget an event.
  /// newest   the key's newest event that is there; none: there is none, and the key is not known any more
  /// span     as `retract` gave it. events   those of the key in the span, in any order
  void rebuild(std::string_view key, const std::optional<KeyEvent>& newest, std::optional<Span> span, std::span<const KeyEvent> events);

  /// All events up to here have come, but for late ones. It never goes back.
  void advance(Instant watermark);
  Instant watermark() const;
  /// Whether an event waits that `advance` to this instant would take in.
  bool due(Instant at) const;
  /// Lets go of what no reading from the watermark on can see. Cost   O(keys)
  void expire();

  /// As of an instant that is not before the watermark less the sources' lateness, and for which nothing is due.
  /// Cost   ~0.1 µs and some 5 ns for each tile of its windows
  /// wanted   of CompiledView::stored, which are asked for: the others are null, and cost nothing. Empty: all are
  ViewReading read(std::string_view key, Instant at, const std::vector<bool>& wanted = {}) const;

  /// What happened to expensive features since it was last asked.
  struct Note {
    std::string key;
    std::size_t expensive;                  ///< among the view's
    EventOrder order;                       ///< of the event
    Instant time;                           ///< of the event
    bool fresh;                             ///< a row made now would be another
    std::optional<double> error;            ///< of the row that is served, about what is now known
    std::optional<EventOrder> served_upto;  ///< of that row
  };
  std::vector<Note> take_notes();
  /// None: there is too little to make a row of.
  std::optional<ExpensiveWork> work(std::string_view key, std::size_t expensive, Instant at) const;
  std::shared_ptr<const Featurizer> featurizer(std::size_t expensive) const;
  /// Whether it is served now: one that is made of no newer inputs than the one that is there is not.
  bool set_expensive(std::string_view key, std::size_t expensive, ExpensiveRow row);
  /// None: there is none yet.
  const ExpensiveRow* expensive_row(std::string_view key, std::size_t expensive) const;

  /// When a key is forgotten; none: never, or it is not known.
  std::optional<Instant> forgotten_at(std::string_view key) const;
  /// A key's whole state; none: the key is not known.
  std::optional<std::string> encode(std::string_view key) const;
  /// Puts it back, in place of what there is of the key. Errors   kDataLoss: not a state of this view
  Status decode(std::string_view key, std::string_view bytes);
  void each_key(const std::function<void(std::string_view)>& visit) const;
  /// From now on by a view that is made as the one before, though other things of it changed: its ttl, its schedules.
  /// view     must stay where it is. Errors   as `create`
  Status rebind(const CompiledView& view, FeaturizerResources resources);
  /// Forgets a key.
  void erase(std::string_view key);

  std::size_t keys() const;
  const WindowCounts* window_counts() const;  ///< nullptr: the view has no windows
  const CompiledView& view() const;

 private:
  struct Inside;
  explicit ViewState(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace isobar::features
