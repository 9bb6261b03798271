#pragma once

/// A line of the log on its way into the views: what it gives to each, and the giving.

#include "epoch.h"
#include "log_record.h"

namespace isobar::features {

struct Line {
  std::uint64_t number = 0;
  std::size_t source = 0;  ///< among the project's
  LogRecord record;        ///< in the columns that the source has now
  struct ForView {
    std::size_t view;
    std::optional<Contribution> gone, come;
  };
  std::vector<ForView> views;
  std::string problem;  ///< the first expression without a result; "": none

  /// It came after the version that counts: it is in the log alone.
  bool superseded() const { return record.added && record.removed && record.added->order == record.removed->order; }
};

/// The bytes of the key that names a record, of a source with a key. Errors   kInvalidArgument: as `encode_key`
Result<std::string> record_key(const Project::SourceUse& of, const Row& row);

/// What a line gives to the views of an epoch. only   the views that are asked about; empty: all
Line prepare(const Epoch& epoch, std::size_t source, LogRecord record, std::uint64_t number, std::span<const std::size_t> only = {});

/// The rows of history that a line makes, of views that events are taken out of again.
void append_history(const Epoch& epoch, const Line& line, std::vector<RowWrite>& into);

struct Given {
  bool late = false;
};
/// Gives a line to a view, and marks its keys as unwritten.
/// store    has the view's history up to this line
/// notes    what expensive features made of it are added
/// Errors   kDataLoss, kUnavailable: of the store
Result<Given> give(const Store& store, const Epoch& epoch, const Line& line, const Line::ForView& to, Instant now,
                   std::vector<ViewState::Note>& notes);

}  // namespace isobar::features
