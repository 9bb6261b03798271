#pragma once

// A target on the command line, as all commands of `fuzz` take it.

#include "fuzz/executor.h"
#include "fuzz/sites.h"

namespace CLI {
class App;
}

namespace isobar::app {

struct FuzzTargetOptions {
  std::vector<std::string> command;
  std::string timeout = "1s", memory = "2GB";
  bool output = false;
};

void add_fuzz_target(CLI::App* command, FuzzTargetOptions& options);
/// Errors   kInvalidArgument: --timeout or --memory
Result<fuzz::ExecutorOptions> executor_options(const FuzzTargetOptions& options);

struct StartedTarget {
  std::unique_ptr<fuzz::Executor> executor;
  fuzz::SiteTable sites;
};
/// Starts it, and reads its list of places through a file that is gone afterwards.
Result<StartedTarget> started_with_sites(const FuzzTargetOptions& options);

}  // namespace isobar::app
