#pragma once

/// What a campaign's crashes are: each run again by itself, told apart by where it died, and one of each kind made as small as it can be.

#include <functional>

#include "fuzz/corpus.h"
#include "fuzz/crash_report.h"

namespace isobar::fuzz {

/// The input without what `holds` does not need: blocks are taken out, then bytes are made '0'.
/// holds     whether a smaller input is still as wanted; called at most tries_max times
/// Cost      O(tries × its cost)
Result<Bytes> minimized(Bytes input, const std::function<Result<bool>(ByteView)>& holds, std::size_t tries_max);

/// Runs an input in a process of its own, as a person would by hand, and reads what it prints.
class Replayer {
 public:
  /// command   as ExecutorOptions has it; input goes to @@, to the harness as a file, or to standard input
  Replayer(std::vector<std::string> command, Duration timeout, bool is_harness);
  /// Not symbolized. None: it ran to its end.
  Result<std::optional<CrashReport>> run(const fs::path& input) const;

 private:
  std::vector<std::string> command_;
  Duration timeout_;
  bool is_harness_;
};

struct CrashGroup {
  std::string signature;
  CrashReport report;            ///< of the smallest
  std::vector<fs::path> inputs;  ///< smallest first
  std::size_t bytes = 0;         ///< of the smallest
  std::optional<fs::path> minimized;
  std::size_t minimized_bytes = 0;
};

struct Triage {
  std::vector<CrashGroup> groups;  ///< those with the most inputs first
  std::vector<fs::path> vanished;  ///< inputs that did not crash again
};

struct TriageOptions {
  std::size_t tries = 500;  ///< of minimising one group; 0: none
  fs::path into;            ///< where minimised inputs are written
  std::function<void(std::string_view)> say;
};

/// executor   of the same target: minimising tries inputs there, which is much quicker, and holds each that seems right against the
/// replayer
Result<Triage> triage(const std::vector<fs::path>& inputs, const Replayer& replayer, Executor& executor, const TriageOptions& options);

std::string triage_text(const Triage& triage);
/// SARIF 2.1.0, for code scanning services.
std::string triage_sarif(const Triage& triage, std::string_view version);

}  // namespace isobar::fuzz
