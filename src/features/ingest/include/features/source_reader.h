#pragma once

/// A source that is read from elsewhere, part by part, each from where the store says that it stands.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "features/engine.h"

namespace isobar::features {

/// What was read of one partition.
struct SourceBatch {
  PartitionId partition;
  std::optional<Position> after;  ///< where the partition stood
  Position upto;                  ///< beyond it
  std::vector<SourceRow> rows;    ///< may be none
  std::uint64_t refused = 0;      ///< records that are no rows of the source, and were left out; `problem` says the first
  std::string problem;
};

/// One thread at a time.
class SourceReader {
 public:
  virtual ~SourceReader() = default;
  /// What comes next, of any partition; waits for it for about `patience`. None: nothing came.
  /// Errors   kUnavailable: where it is read from does not answer; others: it never will, and a person must act. A reader that failed is
  ///          made again
  virtual Result<std::optional<SourceBatch>> next(Duration patience) = 0;
  /// Tells where it is read from that the store has all up to there. Not of all kinds.
  virtual void taken(const SourceBatch& batch) { static_cast<void>(batch); }
  /// Whether all was read that there was when `next` last gave nothing: a file's end.
  virtual bool at_end() const { return false; }
};

/// Of a source of any kind but push. engine   says where the partitions stand
/// Errors   as `next`
Result<std::unique_ptr<SourceReader>> open_source(const Source& source, const Engine& engine);

}  // namespace isobar::features
