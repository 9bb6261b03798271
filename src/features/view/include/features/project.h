#pragma once

/// A definition with all its views compiled, and what each source feeds.

#include <memory>

#include "features/compiled_view.h"

namespace isobar::features {

class Project {
 public:
  /// definition   one that was checked (`parse_definition`)
  static Result<std::shared_ptr<const Project>> create(Definition definition);

  const Definition& definition() const { return definition_; }
  /// In the order of the definition's views.
  const std::vector<CompiledView>& views() const { return views_; }
  std::optional<std::size_t> find_view(std::string_view name) const;

  struct SourceUse {
    const Source* source;
    Schema schema;
    std::size_t timestamp;                           ///< the column of events' times
    std::optional<std::size_t> created;              ///< the column that says when a record was made
    std::vector<std::size_t> views;                  ///< that it feeds
    std::vector<std::vector<std::size_t>> gathered;  ///< for each of those, which of its columns make an event of the view
    bool same_columns(std::size_t use) const { return gathered[use].empty(); }
  };
  /// In the order of the definition's sources.
  const std::vector<SourceUse>& sources() const { return sources_; }
  std::optional<std::size_t> find_source(std::string_view name) const;

  /// An event's time, and when its record was made (its time, where no column says it). sequence   its place in the log
  /// Errors   kInvalidArgument: no time
  Result<EventOrder> order_of(std::size_t source, const Row& row, std::uint64_t sequence) const;
  /// The event of a source as the use-th view that it feeds has it. Cost   nothing where their columns are the same
  const Row& event_of(std::size_t source, std::size_t use, const Row& row, Row& space) const;

 private:
  Project() = default;
  Definition definition_;
  std::vector<CompiledView> views_;
  std::vector<SourceUse> sources_;
};

}  // namespace isobar::features
