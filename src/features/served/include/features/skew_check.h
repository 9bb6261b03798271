#pragma once

/// What was served, made again from the log of events by the code that makes training sets, and compared to the bit.

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/file.h"
#include "features/engine.h"
#include "features/skew.h"

namespace isobar::features {

struct SkewCheckOptions {
  std::uint64_t rows_most = 0;  ///< of the sample, evenly spread over all; 0: all
  std::uint64_t memory_bytes = std::uint64_t{512} << 20;
  fs::path temporary;
  std::stop_token stop{};
};

struct SkewCheck {
  std::uint64_t rows = 0, differing_rows = 0;
  std::uint64_t rows_left_out = 0;    ///< of sources whose columns are others now
  std::string why_left_out;           ///< of the first of those
  std::vector<FeatureSkew> features;  ///< by VIEW:FEATURE
  std::vector<SkewExample> examples;  ///< SkewReport::kExamplesMost of each feature
  std::uint64_t differing() const;    ///< answers
};

/// served   the folder of a served log of this store
/// Errors   as `each_served` and `measure_skew`
Result<SkewCheck> check_skew(const Engine& engine, const fs::path& served, const SkewCheckOptions& options);

/// For people: a line for each feature, the first that differ, and a sum.
std::string render_skew(const SkewCheck& check);
/// For programs: an object, without a line's end.
std::string skew_json(const SkewCheck& check);

}  // namespace isobar::features
