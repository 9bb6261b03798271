#include <fmt/format.h>

#include "afl_pipes.h"
#include "base/file.h"
#include "fuzz/executor.h"

namespace isobar::fuzz {

Result<std::unique_ptr<Executor>> start_target(const ExecutorOptions& options) {
  if (options.command.empty()) return invalid("no target was given");
  TRY_ASSIGN(const std::string file, read_file(program_in_path(options.command[0]), std::uint64_t{4} << 30).context("the target"));
  const auto has = [&](std::string_view text) { return file.find(text) != std::string::npos; };
  if (has(ISOBAR_FUZZ_ENV_SHARED)) return start_zygote(options);
  if (has("__AFL_SHM_ID")) return start_afl(options);
  if (file.starts_with("#!"))
    return invalid(fmt::format("the target {} is a script: name the program that it starts, and its arguments", options.command[0]));
  return invalid(fmt::format("the target {} was not built to be fuzzed: build it with isobar-cc or isobar-c++, or a compiler of AFL++'s",
                             options.command[0]));
}

}  // namespace isobar::fuzz
