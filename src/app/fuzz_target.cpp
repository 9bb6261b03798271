#include "fuzz_target.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "base/bytes.h"
#include "base/file.h"

namespace isobar::app {

void add_fuzz_target(CLI::App* command, FuzzTargetOptions& options) {
  command->add_option("TARGET", options.command, "The program, and its arguments behind --; @@ among them is a file with the input.")
      ->required();
  command->add_option("--timeout,-t", options.timeout, "Of one run.")->capture_default_str();
  command->add_option("--memory,-m", options.memory, "Of one run, resident; 0: any.")->capture_default_str();
  command->add_flag("--target-output", options.output, "Show what the target prints.");
}

Result<fuzz::ExecutorOptions> executor_options(const FuzzTargetOptions& options) {
  fuzz::ExecutorOptions out;
  out.command = options.command;
  out.quiet = !options.output;
  TRY_ASSIGN(out.timeout, parse_duration(options.timeout).context("--timeout"));
  if (out.timeout < 1ms) return invalid("--timeout: at least 1ms");
  TRY_ASSIGN(const auto memory, parse_bytes(options.memory, kMiB).context("--memory"));
  out.memory_bytes = memory.value;
  return out;
}

Result<StartedTarget> started_with_sites(const FuzzTargetOptions& options) {
  TRY_ASSIGN(auto target, executor_options(options));
  std::string name = (fs::temp_directory_path() / "isobar-sites-XXXXXX").string();
  const Fd file(::mkstemp(name.data()));
  if (!file) return errno_error("make a temporary file, " + name);
  target.sites_file = name;
  auto executor = fuzz::start_target(target);
  const auto text = read_file(name, std::uint64_t{1} << 30);
  std::error_code ignored;
  fs::remove(name, ignored);
  if (!executor.ok()) return executor.error();
  if (!text.ok()) return text.error();
  StartedTarget started{.executor = std::move(*executor), .sites = {}};
  TRY_ASSIGN(started.sites, fuzz::SiteTable::parse(*text, started.executor->shape()));
  return started;
}

}  // namespace isobar::app
