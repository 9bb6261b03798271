#include "later_options.h"

#include <CLI/CLI.hpp>

namespace isobar::app {

void add_later_options(CLI::App& command, const std::vector<LaterOption>& options) {
  for (const auto& option : options) {
    const auto refuse = [option] { throw CLI::ValidationError(option.names.substr(option.names.rfind(',') + 1), option.reason); };
    CLI::Option* added = option.takes_value ? command.add_option_function<std::string>(
                                                  option.names, [refuse](const std::string&) { refuse(); }, "Not available yet.")
                                            : command.add_flag_callback(option.names, refuse, "Not available yet.");
    added->group(kLaterGroup);
  }
}

void add_accepted_flag(CLI::App& command, const std::string& names, const std::string& why) {
  command.add_flag_function(
      names, [](std::int64_t) {}, "Accepted for compatibility: " + why);
}

}  // namespace isobar::app
