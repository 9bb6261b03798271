#pragma once

/// Runs inputs in a target, whatever the target does: it dies, loops, forks, closes its descriptors, takes all memory. No wait of an
/// executor is unbounded, and what a run did is told also when it did not return.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "fuzz/aggregates.h"

namespace isobar::fuzz {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

enum class Ending : std::uint8_t {
  kOk,
  kCrash,    ///< a signal, or a sanitizer's report
  kTimeout,  ///< killed, as it took longer than the limit
  kMemory,   ///< killed, as it took more memory than the limit
  kExit,     ///< a harness that ended its process
};
std::string_view name_of(Ending ending);

struct Outcome {
  Ending ending = Ending::kOk;
  int signal = 0;     ///< of kCrash
  int exit_code = 0;  ///< of kExit
  bool novel = false, rejected = false, invalid = false, diff = false;
  Duration took{0};
  std::uint64_t hash = 0;    ///< of the blocks that ran, with their classes
  std::uint32_t blocks = 0;  ///< how many ran
  /// Listed of novel runs, or of all if asked for; only keys that the target has. Valid within the call.
  std::span<const Feature> features;
  /// The input that ran, if the harness' own mutator made it; else what was given.
  ByteView input;
};

/// Operands of compares in the run that was logged last, in the order in which they came.
struct OperandLog {
  std::span<const isobar_fuzz_operands> integers;
  std::span<const isobar_fuzz_buffers> buffers;
};

struct RunOptions {
  bool log_operands = false;      ///< of one input
  bool all_features = false;      ///< also of runs that are not novel
  bool fresh = false;             ///< in a new process, which nothing has run in before, and which ends after it
  bool custom_mutator = false;    ///< the harness' LLVMFuzzerCustomMutator changes each input first
  std::uint32_t custom_room = 0;  ///< bytes it may grow an input to
  std::uint64_t custom_seed = 0;
};

struct ExecutorOptions {
  std::vector<std::string> command;  ///< the target and its arguments; "@@" stands for a file with the input
  Duration timeout = std::chrono::seconds(1);
  std::uint64_t memory_bytes = std::uint64_t{2} << 30;  ///< resident; 0: no limit
  std::string sites_file;                               ///< where the target's places are written at its start; empty: nowhere
  int processor = -1;                                   ///< target and fuzzer run there; -1: anywhere
  bool quiet = true;                                    ///< the target's output is dropped
  std::vector<std::string> environment;                 ///< NAME=value, added
};

class Executor {
 public:
  virtual ~Executor() = default;
  virtual const TargetShape& shape() const = 0;
  /// Where runs are held against: the fuzzer's aggregates live here, so that a target tells novelty itself.
  virtual AggregateMemory aggregates() = 0;
  virtual bool has_custom_mutator() const = 0;
  /// Whether it is a function that runs many inputs, rather than a program that reads one.
  virtual bool is_harness() const = 0;
  /// How many inputs are best given at once.
  virtual std::size_t batch_size() const = 0;

  /// Runs each input, in order, and tells of each. A batch goes on behind an input that killed the target.
  /// Errors   kUnavailable: the target cannot be started (again), and why; `each` was called for those before
  virtual Status run(std::span<const ByteView> inputs, const RunOptions& options,
                     const std::function<void(std::size_t, const Outcome&)>& each) = 0;
  virtual OperandLog operands() const = 0;
  /// Processes started so far for this target.
  virtual std::uint64_t starts() const = 0;
};

/// A target that isobar-cc built, as a process that copies itself: a harness runs batches in a worker, a program is forked for each input.
/// Errors   kInvalidArgument: no such file, or it was not built so; kUnavailable: it died, or said nothing for ten seconds
Result<std::unique_ptr<Executor>> start_zygote(const ExecutorOptions& options);

/// A target of AFL's or AFL++'s, of any age, by its fork server: coverage alone, one input at a time.
/// Errors   as start_zygote
Result<std::unique_ptr<Executor>> start_afl(const ExecutorOptions& options);

/// Whichever of the two the file was built for.
/// Errors   kInvalidArgument: for neither, and what would be
Result<std::unique_ptr<Executor>> start_target(const ExecutorOptions& options);

}  // namespace isobar::fuzz
