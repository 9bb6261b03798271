#pragma once

/// A training set as a file: the rows of a file of entities, each with its features after its own columns.
///
/// One row for each, in their order. Where both files are CSV, or both JSON Lines, a row's own text stays as it is, to the byte, and the
/// features are written behind it; otherwise columns that nobody knows have the type that all of their values have.

#include "features/as_of_join.h"
#include "features/table.h"

namespace isobar::features {

struct TrainingSetSpec {
  TableFile entities;
  std::string time_column = "event_timestamp";  ///< of the entities: as of when; without an offset it is UTC
  TableFile out;
  bool statuses = false;  ///< beside each feature a column NAME__status, in Feast's words
};

/// The same files, definition and events give the same file, to the byte. If anything fails, there is no file, or the one that was there.
/// Errors   kInvalidArgument: a column that is not there, a value that is not of its column's type, a name that is a column and a feature;
/// the
///          message has file, row, column and mend; as join_as_of
Result<JoinReport> write_training_set(const RequestPlan& plan, const TrainingSetSpec& spec, const EventStream& events,
                                      const JoinOptions& options);

}  // namespace isobar::features
