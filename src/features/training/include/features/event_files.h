#pragma once

/// The events of a plan's sources from files: those that its definition names, or others that are given in their place.

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/file.h"
#include "features/event_stream.h"
#include "features/request_plan.h"

namespace isobar::features {

struct EventFileOptions {
  std::map<std::string, fs::path> files;                 ///< by source, in the place of what the definition says
  std::set<std::string> without;                         ///< sources that have no events
  bool as_of_knowledge = false;                          ///< then a source needs a column that says when a record was created
  std::uint64_t memory_bytes = std::uint64_t{64} << 20;  ///< of sources with a key, whose records are sorted
  fs::path temporary;                                    ///< for what is more than that
};

/// Events are in the order of their files, and have arrived when they were created, or at their time where nothing says it. Where a source
/// has a key, a later row of a record is its next version (features/as_of_join.h says what follows). plan     outlives what is returned
/// Errors   kInvalidArgument: a source whose events are in no file, a source that is given and not asked for, no column of creation as of
///          knowledge; kNotFound: no such file. Each with the mend
Result<std::unique_ptr<EventStream>> open_event_files(const RequestPlan& plan, const EventFileOptions& options);

}  // namespace isobar::features
