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
  std::vector<SeenUpto> seen{};   ///< as JoinOptions::as_served asks for it
};

/// An answer that differs.
struct SkewExample {
  std::string feature;  ///< VIEW:FEATURE
  std::string key;      ///< the values of the view's keys
  Instant at;
  Answered served, recomputed;
};

struct FeatureSkew {
  std::string name;              ///< as it is answered
  std::string feature;           ///< VIEW:FEATURE
  bool left_out = false;         ///< it is refreshed by a schedule: stale by design, and not compared where rows say what they had seen
  std::uint64_t compared = 0;    ///< answers
  std::uint64_t mismatches = 0;  ///< both are there, and differ in a bit, or by status
  std::uint64_t missing = 0;     ///< a value is recomputed, where none was served
  std::uint64_t extra = 0;       ///< a value was served, where none is recomputed
  /// Of numbers that both have, the mean of 2·|a − b| / (|a| + |b|): 0 to 2.
  double smape = 0;
  std::uint64_t differing() const { return mismatches + missing + extra; }
};

struct SkewReport {
  std::uint64_t rows = 0, differing_rows = 0;
  std::vector<FeatureSkew> features;
  std::vector<SkewExample> examples;  ///< the first that differ, kExamplesMost of each feature
  static constexpr std::size_t kExamplesMost = 3;
};

/// "at 2026-01-01T00:00:00Z 1.0 (PRESENT) was served, and null (NOT_FOUND) is recomputed"
std::string describe(const SkewExample& example);

/// Two answers that are INVALID are the same, as their values have no JSON that could tell them apart. What was served as unknown, though
/// it is recomputed as known and expired, is the same when it is so old that serving forgets it.
/// events    those that could be served from; as they arrived, as options say so
/// Errors    as join_as_of; kInvalidArgument: a row that is none of the plan
Result<SkewReport> measure_skew(const RequestPlan& plan, const std::vector<ServedRow>& served, const EventStream& events,
                                const JoinOptions& options);

}  // namespace isobar::features
