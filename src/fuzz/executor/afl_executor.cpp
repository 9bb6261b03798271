// Targets that others built, over AFL's fork server (AFL++'s docs/…, as far as fuzz targets of 2013 to 2026 speak it). One input at a time:
// two words each way, and for programs a fork. Coverage is a map of bytes, whose places are the blocks here.

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "afl_greeting.h"
#include "afl_pipes.h"
#include "base/file.h"
#include "fuzz/executor.h"
#include "shared_memory.h"
#include "target_process.h"

namespace isobar::fuzz {
namespace {

constexpr std::uint32_t kMapRoom = 8u << 20;
constexpr std::uint32_t kInputBytesMax = 1u << 20;
constexpr Duration kGreetingLimit = 10s;
constexpr Duration kForkLimit = 10s;
/// A child that is killed has so long to be reported.
constexpr Duration kDeathLimit = 5s;

class AflExecutor final : public Executor {
 public:
  explicit AflExecutor(ExecutorOptions options) : options_(std::move(options)) {}
  ~AflExecutor() override {
    process_.reset();
    if (!input_path_.empty()) ::unlink(input_path_.c_str());
  }

  Status begin();

  const TargetShape& shape() const override { return shape_; }
  AggregateMemory aggregates() override { return {{planes_[0].data(), planes_[1].data(), planes_[2].data()}, &no_slot_}; }
  bool has_custom_mutator() const override { return false; }
  // Whose persistent programs take a file, as libAFLDriver does.
  bool is_harness() const override { return marked_persistent_; }
  std::size_t batch_size() const override { return 16; }
  std::uint64_t starts() const override { return starts_; }
  OperandLog operands() const override { return {}; }
  Status run(std::span<const ByteView> inputs, const RunOptions& options,
             const std::function<void(std::size_t, const Outcome&)>& each) override;

 private:
  Status make_input_file();
  Status start_process();
  Status greet();
  std::vector<std::string> environment() const;
  Error at_start(const std::string& what);

  Status give_input(ByteView input);
  Result<Outcome> run_one(ByteView input);
  /// The end of a run, as waitpid tells it; nothing: the fork server is gone.
  std::optional<int> wait_for_end(pid_t child, Outcome& outcome);
  void kill_child(pid_t child);
  Outcome server_is_gone(Outcome outcome);
  void judge(int status, Outcome& outcome) const;
  void read_map(Outcome& outcome, bool all);

  ExecutorOptions options_;
  std::optional<SystemVMemory> map_, shared_input_;
  std::string input_path_;
  Fd input_file_;
  bool shared_inputs_ = false, marked_persistent_ = false, marked_deferred_ = false;
  std::optional<AflPipes> pipes_;
  std::optional<TargetProcess> process_;
  std::uint64_t starts_ = 0;
  bool child_was_killed_ = false;
  pid_t child_ = 0;

  TargetShape shape_;
  std::vector<std::uint8_t> planes_[ISOBAR_FUZZ_PLANES];
  std::uint64_t no_slot_ = 0;
  std::vector<Feature> features_;
};

Status AflExecutor::begin() {
  TRY_ASSIGN(map_, SystemVMemory::create(kMapRoom));
  TRY_ASSIGN(shared_input_, SystemVMemory::create(kInputBytesMax + 4));
  if (const auto file = read_file(program_in_path(options_.command[0]), std::uint64_t{1} << 30); file.ok()) {
    marked_persistent_ = file->find("##SIG_AFL_PERSISTENT##") != std::string::npos;
    marked_deferred_ = file->find("##SIG_AFL_DEFER_FORKSRV##") != std::string::npos;
  }
  TRY(make_input_file());
  return start_process();
}

Status AflExecutor::make_input_file() {
  const char* folder = ::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): read before there are threads
  input_path_ = fmt::format("{}/isobar-fuzz-XXXXXX", folder != nullptr ? folder : "/tmp");
  input_file_ = Fd(::mkostemp(input_path_.data(), O_CLOEXEC));
  if (!input_file_) return errno_error("make a file for the target's input, " + input_path_);
  for (std::string& word : options_.command)
    for (std::size_t at; (at = word.find("@@")) != std::string::npos;) word.replace(at, 2, input_path_);
  return {};
}

std::vector<std::string> AflExecutor::environment() const {
  std::vector<std::string> set{fmt::format("__AFL_SHM_ID={}", map_->id()), fmt::format("__AFL_SHM_FUZZ_ID={}", shared_input_->id()),
                               fmt::format("__AFL_SHM_FUZZ_MAP_SIZE={}", kInputBytesMax + 4), fmt::format("AFL_MAP_SIZE={}", kMapRoom)};
  if (marked_persistent_) set.emplace_back("__AFL_PERSISTENT=1");
  if (marked_deferred_) set.emplace_back("__AFL_DEFER_FORKSRV=1");
  return set;
}

Status AflExecutor::start_process() {
  process_.reset();
  child_ = 0;
  child_was_killed_ = false;
  TRY_ASSIGN(auto pipes, AflPipes::create());
  TRY_ASSIGN(auto process,
             TargetProcess::start(options_, environment(), {},
                                  {{pipes.for_target_to_hear(), 198}, {pipes.for_target_to_tell(), 199}, {input_file_.get(), 0}}));
  pipes.close_targets();
  pipes_ = std::move(pipes);
  process_ = std::move(process);
  ++starts_;
  return greet();
}

Error AflExecutor::at_start(const std::string& what) {
  std::optional<int> status;
  for (int look = 0; look < 20 && !(status = process_->ended()); ++look) ::usleep(5000);
  if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == 127)
    return invalid(fmt::format("the target {} cannot be run", options_.command[0]));
  const std::string how = status ? ", and ended with " + describe_end(*status) : "";
  return unavailable(fmt::format("the target {} {}{}. Was it built by a compiler of AFL's?", options_.command[0], what, how));
}

Status AflExecutor::greet() {
  AflGreeting greeting;
  AflGreeting::Step step = AflGreeting::Hear{};
  while (!std::holds_alternative<AflAgreement>(step)) {
    if (const auto* answer = std::get_if<AflGreeting::Answer>(&step)) {
      if (!pipes_->say(answer->word)) return at_start("closed its fork server's pipe in the greeting");
      step = greeting.next();
    } else if (const auto* skip = std::get_if<AflGreeting::Skip>(&step)) {
      if (!pipes_->skip(skip->bytes, kGreetingLimit)) return at_start("stopped within its greeting");
      step = greeting.next();
    } else {
      const auto word = pipes_->hear(kGreetingLimit);
      if (!word) return at_start("said nothing of a fork server's");
      TRY_ASSIGN(step, greeting.hear(*word).context("the target " + options_.command[0]));
    }
  }
  const auto& agreed = std::get<AflAgreement>(step);
  const std::uint32_t blocks = (agreed.map_bytes + 63) / 64 * 64;
  if (starts_ > 1 && blocks != shape_.blocks) return unavailable("the target has another map than when it was started first");
  shared_inputs_ = agreed.shared_inputs;
  shape_.blocks = blocks;
  for (auto& plane : planes_) plane.resize(blocks);
  return {};
}

// ---- a run ----

Status AflExecutor::give_input(ByteView input) {
  if (shared_inputs_) {
    const auto size = static_cast<std::uint32_t>(input.size());
    std::memcpy(shared_input_->bytes(), &size, 4);
    if (size > 0) std::memcpy(shared_input_->bytes() + 4, input.data(), size);
    return {};
  }
  if (::ftruncate(input_file_.get(), 0) != 0) return errno_error("empty the file of the target's input");
  for (std::size_t at = 0; at < input.size();) {
    const ssize_t wrote = ::pwrite(input_file_.get(), input.data() + at, input.size() - at, static_cast<off_t>(at));
    if (wrote < 0) return errno_error("write the file of the target's input");
    at += static_cast<std::size_t>(wrote);
  }
  // The target reads through the same description of the file.
  ::lseek(input_file_.get(), 0, SEEK_SET);
  return {};
}

void AflExecutor::kill_child(pid_t child) {
  // What the target says is its child is killed if it is of its session.
  if (child > 1 && ::getsid(child) == process_->pid()) ::kill(child, SIGKILL);
  child_was_killed_ = true;
}

std::optional<int> AflExecutor::wait_for_end(pid_t child, Outcome& outcome) {
  const std::uint64_t began = monotonic_nanoseconds();
  const auto limit = static_cast<std::uint64_t>(options_.timeout.count());
  Duration patience = std::min<Duration>(options_.timeout, 20ms);
  while (true) {
    const auto word = pipes_->hear(patience);
    if (word) return static_cast<int>(*word);
    if (pipes_->broken()) return std::nullopt;
    const std::uint64_t took = monotonic_nanoseconds() - began;
    if (outcome.ending != Ending::kOk) {
      if (took > limit + static_cast<std::uint64_t>(kDeathLimit.count())) return std::nullopt;
    } else if (took >= limit) {
      outcome.ending = Ending::kTimeout;
      kill_child(child);
    } else if (options_.memory_bytes != 0 && resident_bytes(child) > options_.memory_bytes) {
      outcome.ending = Ending::kMemory;
      kill_child(child);
    }
    patience = outcome.ending != Ending::kOk
                   ? Duration(20ms)
                   : std::min<Duration>(20ms, Duration(static_cast<std::int64_t>(limit > took ? limit - took : 1)));
  }
}

// 86 and 23: MemorySanitizer's and LeakSanitizer's reports. What a program exits with otherwise is its own affair.
void AflExecutor::judge(int status, Outcome& outcome) const {
  if (outcome.ending != Ending::kOk) return;
  if (WIFSIGNALED(status)) {
    outcome.ending = Ending::kCrash;
    outcome.signal = WTERMSIG(status);
  } else if (WIFEXITED(status) && (WEXITSTATUS(status) == 86 || WEXITSTATUS(status) == 23)) {
    outcome.ending = Ending::kCrash;
    outcome.signal = SIGABRT;
  }
}

Outcome AflExecutor::server_is_gone(Outcome outcome) {
  if (outcome.ending == Ending::kOk) {
    outcome.ending = Ending::kCrash;
    outcome.signal = SIGKILL;
    std::optional<int> status;
    for (int look = 0; look < 20 && !(status = process_->ended()); ++look) ::usleep(1000);
    if (status && WIFSIGNALED(*status)) outcome.signal = WTERMSIG(*status);
  }
  process_.reset();
  return outcome;
}

Result<Outcome> AflExecutor::run_one(ByteView input) {
  if (!process_) TRY(start_process());
  TRY(give_input(input));
  std::memset(map_->bytes(), 0, shape_.blocks);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  Outcome outcome{.input = input};
  const std::uint64_t began = monotonic_nanoseconds();
  const bool killed = std::exchange(child_was_killed_, false);
  std::optional<std::uint32_t> child;
  if (pipes_->say(killed ? 1 : 0)) child = pipes_->hear(kForkLimit);
  if (!child) return server_is_gone(outcome);
  child_ = static_cast<pid_t>(*child);
  if (child_ <= 0) return server_is_gone(outcome);
  const auto status = wait_for_end(child_, outcome);
  outcome.took = Duration(static_cast<std::int64_t>(monotonic_nanoseconds() - began));
  if (!status) return server_is_gone(outcome);
  judge(*status, outcome);
  if (!WIFSTOPPED(*status)) child_ = 0;
  return outcome;
}

// ---- its map ----

void AflExecutor::read_map(Outcome& outcome, bool all) {
  features_.clear();
  const std::uint8_t* map = map_->bytes();
  for (std::uint32_t at = 0; at < shape_.blocks; at += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, map + at, 8);
    if (eight == 0) continue;
    for (std::uint32_t block = std::max(at, 1u); block < at + 8; ++block) {  // the first is always set
      if (map[block] == 0) continue;
      const std::uint8_t bucket = isobar_fuzz_bucket(map[block]);
      features_.push_back({block, ISOBAR_FUZZ_PLANE_COVERAGE, bucket});
      outcome.novel = outcome.novel || (planes_[0][block] | bucket) != planes_[0][block];
      std::uint64_t each = (std::uint64_t{block} << 8 | bucket) * 0x9e3779b97f4a7c15ULL;
      outcome.hash += (each ^ each >> 29) * 0xbf58476d1ce4e5b9ULL;
    }
  }
  outcome.blocks = static_cast<std::uint32_t>(features_.size());
  if (outcome.novel || all || outcome.ending != Ending::kOk) outcome.features = features_;
}

Status AflExecutor::run(std::span<const ByteView> inputs, const RunOptions& options,
                        const std::function<void(std::size_t, const Outcome&)>& each) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].size() > kInputBytesMax)
      return invalid(fmt::format("an input of {} bytes is too large: AFL's targets take {}", inputs[i].size(), kInputBytesMax));
    if (options.fresh && process_ && child_ > 0) kill_child(child_);
    TRY_ASSIGN(Outcome outcome, run_one(inputs[i]));
    read_map(outcome, options.all_features);
    if (options.fresh && process_ && child_ > 0) kill_child(child_);
    each(i, outcome);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Executor>> start_afl(const ExecutorOptions& options) {
  if (options.command.empty()) return invalid("no target was given");
  auto executor = std::make_unique<AflExecutor>(options);
  TRY(executor->begin());
  return std::unique_ptr<Executor>(std::move(executor));
}

}  // namespace isobar::fuzz
