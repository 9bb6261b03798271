#pragma once

/// What ssh's own failures mean, and how each is mended.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cloud/remote_shell.h"

namespace isobar::cloud {

/// None: the command ran, whatever came of it. ssh itself fails with 255, which a command may do as well; what it said tells.
std::optional<Error> ssh_failure(const SshTarget& target, int exit_code, std::string_view said);

}  // namespace isobar::cloud
