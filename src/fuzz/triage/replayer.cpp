#include <fmt/format.h>

#include "base/child.h"
#include "fuzz/triage.h"

namespace isobar::fuzz {
namespace {

constexpr int kTimedOut = 124;  // of coreutils' timeout
constexpr std::string_view kSanitizers =
    "abort_on_error=1:symbolize=0:detect_leaks=0:allocator_may_return_null=1:disable_coredump=1:handle_abort=1";

}  // namespace

Replayer::Replayer(std::vector<std::string> command, Duration timeout, bool is_harness)
    : command_(std::move(command)), timeout_(timeout), is_harness_(is_harness) {}

Result<std::optional<CrashReport>> Replayer::run(const fs::path& input) const {
  // SIGABRT, so that a run that takes too long says where it is.
  std::vector<std::string> words{"timeout", "--signal=ABRT", "--kill-after=1", fmt::format("{:.3f}", to_seconds(timeout_)), "env"};
  for (const char* name : {"ASAN", "MSAN", "TSAN"}) words.push_back(fmt::format("{}_OPTIONS={}", name, kSanitizers));
  words.push_back(fmt::format("UBSAN_OPTIONS={}:print_stacktrace=1:halt_on_error=1", kSanitizers));
  words.push_back(fmt::format("{}=1", ISOBAR_FUZZ_ENV_STACKS));
  bool placed = false;
  for (std::string word : command_) {
    for (std::size_t at; (at = word.find("@@")) != std::string::npos; placed = true) word.replace(at, 2, input.string());
    words.push_back(std::move(word));
  }
  std::string standard_input;
  if (is_harness_ && !placed) {
    words.push_back(input.string());
  } else if (!placed) {
    TRY_ASSIGN(standard_input, read_file(input, std::uint64_t{1} << 30));
  }
  TRY_ASSIGN(const ChildOutput output, run_child(words, standard_input, timeout_ + 20s));
  const bool timed_out = output.exit_code == kTimedOut || output.exit_code == 137;
  if (!timed_out && output.exit_code < 128 && output.err.find("ERROR: ") == std::string::npos && !(is_harness_ && output.exit_code != 0))
    return std::optional<CrashReport>();
  return std::optional<CrashReport>(read_crash_report(output.err, output.exit_code, timed_out));
}

}  // namespace isobar::fuzz
