#pragma once

/// Features that cost something to compute: what is kept of each key, of which a row can be made at any time; the making, which is what
/// costs, and is done elsewhere; and the feature's value as of an instant, which then costs nothing.
///
/// | featurizer | kept of a key | a row | the feature |
/// | --- | --- | --- | --- |
/// | stl-arima, ets, seasonal | the means of the last steps | a Forecast from the last complete step | what it says of the step of the
/// instant, and of those after it | | ridge | the last ratings, 10,000 at most | a vector | the vector | | command, library | the newest
/// events | a value | the value |

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "features/compiled_view.h"
#include "features/forecast.h"
#include "features/outside.h"

namespace isobar::features {

/// The factors of items, by the bytes of their key. Vectors are all of one length.
using ItemFactors = std::map<std::string, std::vector<double>, std::less<>>;

/// What a feature stands on beside its inputs; nothing where it needs none, or is not going to be made.
struct FeaturizerResource {
  std::shared_ptr<const ItemFactors> items;
  std::shared_ptr<OutsideFeaturizer> outside;
};
using FeaturizerResources = std::vector<FeaturizerResource>;

/// An expensive feature's row.
struct ExpensiveRow {
  EventOrder upto{};      ///< of the newest input in it
  std::int64_t base = 0;  ///< of a forecast: the step of the last point that it knows
  std::variant<Forecast, std::vector<double>, Value> made;
};

/// A copy of what a row is made of.
struct ExpensiveWork {
  EventOrder upto{};
  std::int64_t base = 0;
  std::vector<double> points;                                          ///< of a forecast
  std::vector<std::pair<const std::vector<double>*, double>> ratings;  ///< of ridge: the item's factors, the rating
  std::vector<Row> events;                                             ///< of what is made outside: the newest, the oldest first
};

/// What is kept of a key.
class ExpensiveInput {
 public:
  virtual ~ExpensiveInput() = default;
  struct Added {
    bool fresh = false;  ///< a row made now would be another than one made before
    /// What a row foretold is now known: the step, and its value.
    std::optional<std::pair<std::int64_t, double>> known;
  };
  /// inputs   as Contribution::inputs, this feature's. Null, and numbers that are not finite, change nothing
  virtual Added add(const EventOrder& order, std::span<const Value> inputs) = 0;
  virtual void remove(const EventOrder& order, std::span<const Value> inputs) = 0;
  /// None: there is too little to make a row of.
  virtual std::optional<ExpensiveWork> work(Instant at) const = 0;
  virtual void encode(std::string& out) const = 0;
  virtual Status decode(ByteReader& reader) = 0;
};

/// Immutable. Safe from any thread.
class Featurizer {
 public:
  virtual ~Featurizer() = default;
  /// lateness   how late a value may come
  /// resource   of ridge the items; none: kInvalidArgument. Of what is made outside the maker; none: nothing can be made
  /// Errors     kInvalidArgument: parameters that the featurizer cannot work with
  static Result<std::shared_ptr<const Featurizer>> create(const ExpensiveFeature& feature, Duration lateness, FeaturizerResource resource);
  /// How many of Contribution::inputs are its.
  virtual std::size_t inputs() const = 0;
  virtual std::unique_ptr<ExpensiveInput> input() const = 0;
  /// Cost   what the schedule's budget is for: 12 µs for stl-arima of 48 points, O(d³) for ridge
  virtual Result<ExpensiveRow> make(const ExpensiveWork& work) const = 0;
  /// Who makes rows of many keys together, and may take long over it; nullptr: `make` does, here.
  virtual OutsideFeaturizer* outside() const { return nullptr; }
  /// Whether it is made outside, so that there is no row of it without `outside`.
  virtual bool is_outside() const { return false; }
  virtual Value value(const ExpensiveRow& row, Instant at) const = 0;
  /// Whether a row already has all that is known with a step, so that another would be the same.
  virtual bool has(const ExpensiveRow& row, std::int64_t step) const = 0;
  /// How wrong a row was about a step that is now known, by the schedule's loss. None: it said nothing of it.
  virtual std::optional<double> error(const ExpensiveRow& row, std::int64_t step, double value, const ExpensiveInput& input) const = 0;
};

void encode_row(std::string& out, const ExpensiveRow& row);
/// Errors   kDataLoss
Result<ExpensiveRow> decode_row(ByteReader& reader);

}  // namespace isobar::features
