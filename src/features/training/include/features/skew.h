#pragma once

/// Whether what was served is what a training set would have: answers that were kept are recomputed as of their instants, and compared.

#include <cstdint>
#include <string>
#include <vector>

#include "features/as_of_join.h"

namespace isobar::features {

/// One request's row as it was answered.
struct ServedRow {
  Instant at;                     ///< as of when
  Row inputs;                     ///< as RequestPlan::inputs
  std::vector<Answered> answers;  ///< as RequestPlan::outputs
};

struct FeatureSkew {
  std::string name;              ///< as it is answered
  std::uint64_t compared = 0;    ///< answers
  std::uint64_t mismatches = 0;  ///< both are there, and differ in a bit, or by status
  std::uint64_t missing = 0;     ///< a value is recomputed, where none was served
  std::uint64_t extra = 0;       ///< a value was served, where none is recomputed
  /// Of numbers that both have, the mean of 2·|a − b| / (|a| + |b|): 0 to 2.
  double smape = 0;
  std::string example;  ///< of the first that differs: when, served, recomputed
};

struct SkewReport {
  std::uint64_t rows = 0, differing_rows = 0;
  std::vector<FeatureSkew> features;
};

/// events    those that could be served from; as they arrived, as options say so
/// Errors    as join_as_of; kInvalidArgument: a row that is none of the plan
Result<SkewReport> measure_skew(const RequestPlan& plan, const std::vector<ServedRow>& served, const EventStream& events,
                                const JoinOptions& options);

}  // namespace isobar::features
