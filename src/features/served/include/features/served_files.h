#pragma once

/// What a served log has written, read back.

#include <functional>
#include <string>
#include <vector>

#include "base/file.h"
#include "features/project.h"
#include "features/request_plan.h"
#include "features/skew.h"

namespace isobar::features {

/// Rows that were asked for alike, of one definition.
struct ServedRequest {
  std::shared_ptr<const RequestPlan> plan;
  std::string service;  ///< that was asked for; "": features
};

/// A folder without files, or that is not there, has none. The newest file may end in the middle of a line, which is then left out.
/// visit    called for each row, file by file; the requests of one definition and list of features are one and the same for all of its rows
/// Errors   kDataLoss: a line that is none, with file and number; whatever `visit` returns
Status each_served(const fs::path& folder, const std::function<Status(const ServedRequest& request, ServedRow row)>& visit);
/// How many there are. Cost   reads the files
Result<std::uint64_t> count_served(const fs::path& folder);

}  // namespace isobar::features
