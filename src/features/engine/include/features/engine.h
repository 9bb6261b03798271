#pragma once

/// The feature store as it runs: events in, features out, a definition that can be replaced while both go on.
///
/// Every event is first a line of the log, in one atomic write with the position of its source; when that is durable it is applied to the
/// state in memory, where it is seen by readers, and only then is it acknowledged. States are written behind, key by key; after a crash
/// the log is played again from the oldest event that no written state has. So nothing that was acknowledged is lost, and nothing counts
/// twice. Features that a new definition adds are made from the whole log.
///
/// All calls are safe from any thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "features/definition_plan.h"
#include "features/request_plan.h"
#include "features/scheduler.h"
#include "features/store.h"

namespace isobar::features {

/// A row as it was answered, and all that it takes to answer it again.
struct ServedAnswer {
  std::shared_ptr<const RequestPlan> plan;
  Row inputs;                     ///< as RequestPlan::inputs
  Instant at;                     ///< as of when
  std::vector<SeenUpto> seen;     ///< of each of the plan's parts
  std::vector<Answered> answers;  ///< as RequestPlan::outputs
};
/// Who keeps a sample of the answers. Called from any thread that answers; neither call may block.
class AnswerSample {
 public:
  virtual ~AnswerSample() = default;
  /// Whether the next row is one of the sample.
  virtual bool wants() = 0;
  virtual void take(ServedAnswer answer) = 0;
};

struct EngineConfig {
  /// The engine gathers by itself what waits for one flush, so the store need not.
  StoreConfig store{.group_delay = {.value = 1ms, .least = 0ms, .most = 1s, .sim = {0ms, 50ms}}};
  /// How far beyond now an event's time may be. One that is further is refused, since it would be the newest for ever.
  Knob<Duration> future_most{.value = 5min, .least = 0ms, .most = 24h * 365, .sim = {0ms, 1h}};
  /// How long a key whose state changed waits to be written. It bounds what is played again after a crash.
  Knob<Duration> write_behind{.value = 10s, .least = 0ms, .most = 1h, .sim = {0ms, 1s}};
  /// For how long the log has events; 0: for ever. Beyond it training sets and new features have no past.
  Knob<Duration> keep_events{.value = 0ms, .least = 0ms, .most = 24h * 365 * 100, .sim = {0ms, 0ms}};
  /// Where what goes wrong beside an answer is written down; "": nowhere.
  fs::path log_file;
  /// What featurizers of definitions may run.
  OutsidePrograms programs{};
  /// How often a reading of a view is looked at for drift, at most.
  Knob<Duration> drift_every{.value = 50ms, .least = 0ms, .most = 1h, .sim = {0ms, 1s}};
  /// Told of answers; none: nobody is. It outlives the engine.
  AnswerSample* sample = nullptr;
  /// How many rows may wait to be taken in; a push that would be beyond it is refused.
  Knob<std::size_t> rows_most{.value = 1'000'000, .least = 1, .most = 100'000'000, .sim = {10, 1000}};
};

/// A record of a source: a row in its columns, or that it is gone.
struct SourceRow {
  Row row;
  bool deleted = false;  ///< of a source with a key: the record of the row's key is no more
};

/// Rows that are to be taken in together.
struct Arrival {
  std::string source;
  std::vector<SourceRow> rows;
  std::string id;                  ///< an idempotency key; "": none
  std::optional<Advance> advance;  ///< where the source, which can be read again, then stands
  bool skip_invalid = false;       ///< a row that cannot be taken is left out and counted; else none of them is taken
};

struct Taken {
  Outcome outcome = Outcome::kApplied;
  std::size_t rows = 0;     ///< that are in the log now; of a repetition none
  std::size_t refused = 0;  ///< rows that were left out
  std::size_t late = 0;     ///< of those in the log: that came too late for some window of some view
  std::size_t invalid = 0;  ///< of those: for which some view's expression had no result; `problem` says the first
  std::string problem;
};

/// An answer's error, told back.
struct FeedbackReport {
  std::string view, feature;        ///< feature: ""; the view's only expensive one
  std::vector<Value> key;           ///< the view's key columns
  std::optional<double> error;      ///< either this
  std::optional<Value> label;       ///< or what the prediction should have been
  std::optional<Value> prediction;  ///< of the label
};

struct SourceStatus {
  std::string source;
  std::uint64_t events = 0, deletions = 0, refused = 0, late = 0, invalid = 0;
  Instant newest{};     ///< time of the newest event
  Instant last_seen{};  ///< when the last one came
};
struct ViewStatus {
  std::string view;
  std::size_t keys = 0;
  std::uint64_t read = 0, not_found = 0, expired = 0, nulls = 0;
};
struct ExpensiveStatus {
  std::string view, feature;
  Counters counters;
  Gauges gauges;
};
/// How a feature's values, as they are read, differ from those that were read first (engine/drift.h). None: too few were.
struct DriftStatus {
  std::string view, feature;
  std::optional<double> psi, nulls_then, nulls_now;
};
struct EngineStatus {
  std::uint64_t definition_version = 0;
  std::uint64_t log_events = 0;       ///< the sequence of the newest
  std::uint64_t unwritten_keys = 0;   ///< whose states are to be written behind
  std::uint64_t replayed_events = 0;  ///< when the engine was opened
  std::uint64_t disk_bytes = 0;
  std::vector<SourceStatus> sources;
  std::vector<ViewStatus> views;
  std::vector<ExpensiveStatus> expensive;
  std::vector<DriftStatus> drift;
};

/// A row of the log, for training sets and exports.
struct LoggedEvent {
  std::uint64_t sequence = 0;
  std::string source;
  EventOrder order;
  Instant arrived;          ///< when it was taken in: what could be known when
  Row row;                  ///< in the columns that the source has now
  bool removed = false;     ///< the record of `order` is withdrawn: it was deleted, or a correction of it follows
  bool superseded = false;  ///< it came after the version that follows it, and was never served
  Instant withdrawn{};      ///< of what is removed: the event time from which it is no more, that of the version that follows it or of its
                            ///< deletion; never before its own
};

class Engine {
 public:
  /// Opens the store in a folder, or makes one, and plays what its states lack.
  /// clock    outlives the engine
  /// Errors   as Store::open
  static Result<std::unique_ptr<Engine>> open(const fs::path& folder, const EngineConfig& config, const Clock& clock);
  virtual ~Engine() = default;  ///< waits for what was handed in, and writes all states

  /// Makes it what a definition says; features whose making changed are made again from the log before it returns. A definition that says
  /// the same as the one that is there changes nothing, not a byte.
  /// Errors   kInvalidArgument: as `plan_definition`; kUnavailable, kExhausted: the store cannot be written
  virtual Result<DefinitionPlan> apply(const Definition& definition, const std::string& file) = 0;
  /// nullptr: nothing was applied yet.
  virtual std::shared_ptr<const Project> project() const = 0;
  virtual Registry registry() const = 0;

  using PushDone = std::function<void(Result<Taken>)>;
  /// Takes rows in. `done` is called, from a thread of the engine's, when they are durable and seen by readers; all of them are, or none.
  /// Errors, told to `done`, at once or later   kNotFound: no such source; kInvalidArgument: a row that is not of its columns, without its
  ///          time, or from the future; the message has the row's number; kExhausted: too much waits; kUnavailable
  virtual void push(Arrival arrival, PushDone done) = 0;
  /// The same, and waits.
  Result<Taken> push(Arrival arrival);
  /// Where a source that can be read again stands. None: at its beginning.
  virtual Result<std::optional<Position>> position(const PartitionId& of) const = 0;

  /// Compiled once, then found by its request. Errors   as RequestPlan::create; kNotFound: nothing was applied yet
  virtual Result<std::shared_ptr<const RequestPlan>> plan(const RequestSpec& spec) = 0;
  /// rows   as the plan's inputs. One answer for each output of each row, row by row; all of them as of one instant, now.
  /// Errors  kInvalidArgument: a key that cannot be cast, with the row's number; kConflict: the definition was replaced: plan again
  virtual Result<std::vector<Answered>> answer(const RequestPlan& plan, std::span<const Row> rows) = 0;
  /// One row of a view. keys   the view's key columns. wanted   as ViewState::read has it
  virtual Result<ViewReading> read(std::string_view view, std::span<const Value> keys, const std::vector<bool>& wanted) = 0;
  Result<ViewReading> read(std::string_view view, std::span<const Value> keys) { return read(view, keys, {}); }

  /// Errors   kNotFound: no such view, feature or key; kInvalidArgument
  virtual Status feedback(const FeedbackReport& report) = 0;
  virtual Result<Explanation> explain(std::string_view view, std::string_view feature, std::span<const Value> keys) = 0;

  /// The values of a view that are read from now on are what later ones are compared with. Errors   kNotFound
  virtual Status restart_drift(std::string_view view) = 0;
  virtual EngineStatus status() const = 0;
  /// All events of the log, in the order in which they came, as of now. Errors   kDataLoss, kUnavailable; whatever `visit` returns
  virtual Status each_event(const std::function<Status(const LoggedEvent&)>& visit) const = 0;
  virtual Status checkpoint(const fs::path& folder) = 0;
  /// What it stands on; rows of views that are not the engine's may be kept there.
  virtual Store& store() = 0;
};

}  // namespace isobar::features
