#pragma once

/// A view of a definition, ready to be computed: its condition, expressions and windows, compiled once. Streams, backfills and training
/// sets all go through this, so that a feature is learnt from exactly as it is served.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "features/definition.h"
#include "features/expression.h"

namespace isobar::features {

/// What one event gives to one view.
struct Contribution {
  std::string key;  ///< of features/key_codec.h; empty where the view has one row for all
  Row newest;       ///< values of the features that are columns or expressions, as CompiledView::newest_features lists them
  Row arguments;    ///< of the aggregates, as CompiledView::arguments types them
  Row inputs;  ///< of the expensive features: for each its value, and for ridge the item beside it; of those made outside all that they are
               ///< given
  std::string problem;  ///< of the first expression that has no result for the event, whose value is then null; "": none
};

/// Immutable. Safe from any thread.
class CompiledView {
 public:
  /// definition   one that was checked (`parse_definition`)
  /// Errors       kInvalidArgument: what the checks should have found
  static Result<CompiledView> create(const Definition& definition, const View& view);

  const std::string& name() const { return view_.name; }
  const View& view() const { return view_; }
  /// The columns that make its key, in order.
  const std::vector<Column>& keys() const { return keys_; }
  /// The features that are not on demand, by name: what a reading of the view has.
  const std::vector<Column>& stored() const { return stored_; }
  /// How late an event of any of its sources may come.
  Duration lateness() const { return lateness_; }

  /// event    a row of one of its sources, in the columns of the first
  /// None     the event does not count
  /// Errors   kInvalidArgument: the condition has no result for it, a key is null or cannot be cast; the message names it
  /// Cost     ~0.1 µs and a few ns for each node of its expressions
  Result<std::optional<Contribution>> contribution(const Row& event) const;

  /// Where in `stored` the k-th value of Contribution::newest goes.
  std::span<const std::size_t> newest_features() const { return newest_features_; }
  const std::vector<AggregateSpec>& aggregates() const { return aggregates_; }
  const std::vector<Type>& argument_types() const { return argument_types_; }
  const std::vector<Window>& windows() const { return windows_; }
  /// A feature that is an aggregate: where in `stored` it goes, and which value of a windows' reading it is.
  struct Windowed {
    std::size_t stored, reading;
  };
  std::span<const Windowed> windowed_features() const { return windowed_features_; }
  /// An expensive feature: where in `stored` it goes, what it is, and where its value is in Contribution::inputs.
  struct Expensive {
    std::size_t stored, input;
    ExpensiveFeature feature;
  };
  const std::vector<Expensive>& expensive_features() const { return expensive_; }
  /// Of the place-th value of Contribution::inputs.
  std::size_t input_count() const { return inputs_.size(); }
  Type input_type(std::size_t place) const { return inputs_[place].expression->type(); }

  /// The key's bytes of the key columns' values. Errors   kInvalidArgument: as `encode_key`, with the column's name
  Result<std::string> key_bytes(std::span<const Value> values) const;

 private:
  CompiledView() = default;
  /// What gives one value: a column as it is, or an expression.
  struct Giver {
    std::string what;  ///< for messages
    std::size_t column = 0;
    std::optional<Expression> expression;
  };
  Status compile_keys(const Definition& definition, const Schema& source);
  Status compile_feature(const Schema& source, const Feature& feature);
  Status compile_newest(const Schema& source, const Feature& feature, std::size_t stored);
  Status compile_aggregate(const Schema& source, const AggregateFeature& aggregate, std::size_t stored);
  Status compile_expensive(const Schema& source, const ExpensiveFeature& expensive, std::size_t stored);
  Result<std::size_t> argument_of(const Schema& source, const std::string& sql);
  void place_readings();
  static Row evaluate(const std::vector<Giver>& givers, const Row& event, std::string& problem);

  View view_;
  std::vector<Column> keys_, stored_;
  Duration lateness_{0};
  std::optional<Expression> where_;
  std::vector<std::size_t> key_places_;  ///< among the source's columns
  std::vector<Type> key_types_;
  std::vector<Giver> newest_, arguments_, inputs_;
  std::vector<std::size_t> newest_features_;
  std::vector<AggregateSpec> aggregates_;
  std::vector<Type> argument_types_;
  std::vector<Window> windows_;
  struct Wanted {
    std::size_t stored, aggregate, window;
  };
  std::vector<Wanted> wanted_;
  std::vector<Windowed> windowed_features_;
  std::vector<Expensive> expensive_;
};

}  // namespace isobar::features
