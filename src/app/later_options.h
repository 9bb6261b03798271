#pragma once

// Options that users of such tools know, and whose action comes later. They are understood, so that using one is refused by
// name with what to do instead, rather than as an unknown word.

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace isobar::app {

/// The heading in the help under which these options stand.
inline constexpr const char* kLaterGroup = "Later";

struct LaterOption {
  std::string names;  ///< as CLI11 takes them: "-p,--provision"
  bool takes_value = false;
  std::string reason;  ///< "cloning a workdir from git is not available yet; clone it and pass --workdir"
};

void add_later_options(CLI::App& command, const std::vector<LaterOption>& options);

/// A flag that changes nothing here, for scripts that pass it.
void add_accepted_flag(CLI::App& command, const std::string& names, const std::string& why);

}  // namespace isobar::app
