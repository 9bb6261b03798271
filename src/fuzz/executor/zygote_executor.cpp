// The fuzzer's side of a campaign with a target of our own (isobar/fuzz_abi.h). A batch costs two switches between processes, whatever the
// number of inputs in it, so that isolation costs little more than a loop in one process would.

#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "fuzz/executor.h"
#include "shared_memory.h"
#include "target_process.h"

namespace isobar::fuzz {
namespace {

constexpr Duration kStartLimit = 10s;
/// How long a run that is over its time may take to say what it did, before it is killed.
constexpr Duration kGrace = 100ms;
/// Nothing happens for so long although nothing runs: the zygote itself is beyond help.
constexpr Duration kSilenceLimit = 10s;
constexpr std::uint64_t kBatchesBetweenLooks = 64;

enum class Verdict { kNone, kTimeout, kMemory };

class ZygoteExecutor final : public Executor {
 public:
  ZygoteExecutor(ExecutorOptions options, std::unique_ptr<SharedMemory> shared)
      : options_(std::move(options)), shared_(std::move(shared)) {}
  ~ZygoteExecutor() override {
    end_process();
    if (!input_file_.empty()) ::unlink(input_file_.c_str());
  }

  Status begin() {
    TRY(place_input());
    TRY(start_process());
    shape_ = *read_shape();
    return {};
  }

  const TargetShape& shape() const override { return shape_; }
  AggregateMemory aggregates() override {
    AggregateMemory memory{};
    for (std::uint32_t plane = 0; plane < ISOBAR_FUZZ_PLANES; ++plane)
      memory.planes[plane] = shared_->at(isobar_fuzz_plane_offset(shape_.blocks, plane));
    memory.best = reinterpret_cast<std::uint64_t*>(shared_->at(isobar_fuzz_slots_offset(shape_.blocks)));
    return memory;
  }
  bool has_custom_mutator() const override { return has_mutator_; }
  bool is_harness() const override { return persistent_; }
  std::size_t batch_size() const override { return persistent_ ? 256 : 16; }
  std::uint64_t starts() const override { return starts_; }
  OperandLog operands() const override { return {integers_, buffers_}; }
  Status run(std::span<const ByteView> inputs, const RunOptions& options,
             const std::function<void(std::size_t, const Outcome&)>& each) override;

 private:
  // the process
  Status place_input();
  Status start_process();
  Result<TargetShape> read_shape() const;
  void end_process();

  // one batch
  struct Batch {
    std::span<const ByteView> inputs;
    const RunOptions& options;
    const std::function<void(std::size_t, const Outcome&)>& each;
    std::size_t first = 0;   ///< of the inputs
    std::uint32_t told = 0;  ///< runs of which `each` has heard
    Verdict verdict = Verdict::kNone;
  };
  Result<std::size_t> lay_out(Batch& batch);
  Status carry_out(Batch& batch);
  Status need_worker(bool fresh);
  void hand_over(std::uint32_t flags);
  bool wait_for_answer(Batch& batch);
  bool watch(Batch& batch, std::uint64_t began);
  void end_worker();
  void tell(Batch& batch, std::uint32_t until);
  void tell_death(Batch& batch);
  Outcome outcome_of(const Batch& batch, std::uint32_t place);
  void keep_operands();
  void look_at_memory();

  ExecutorOptions options_;
  std::unique_ptr<SharedMemory> shared_;
  std::optional<TargetProcess> process_;
  TargetShape shape_;
  bool persistent_ = true, has_mutator_ = false, worker_ = false;
  std::string input_file_;
  std::uint64_t starts_ = 0, batches_ = 0;
  std::vector<Feature> features_;
  std::vector<isobar_fuzz_operands> integers_;
  std::vector<isobar_fuzz_buffers> buffers_;
};

// ---- the process ----

Status ZygoteExecutor::place_input() {
  const bool wanted = std::ranges::any_of(options_.command, [](const std::string& word) { return word.find("@@") != std::string::npos; });
  if (!wanted) return {};
  const char* folder = ::getenv("TMPDIR");
  std::string name = fmt::format("{}/isobar-fuzz-XXXXXX", folder != nullptr ? folder : "/tmp");
  const int file = ::mkstemp(name.data());
  if (file < 0) return errno_error("make a file for the target's input, " + name);
  ::close(file);
  input_file_ = name;
  for (std::string& word : options_.command)
    for (std::size_t at; (at = word.find("@@")) != std::string::npos;) word.replace(at, 2, name);
  return {};
}

Status ZygoteExecutor::start_process() {
  isobar_fuzz_shared& shared = **shared_;
  shared.state = ISOBAR_FUZZ_STARTING;
  shared.worker_pid = 0;
  shared.forks = shared.dead = 0;
  shared.answered = shared.taken = shared.batches;
  worker_ = false;
  std::vector<std::string> environment{fmt::format("{}={}", ISOBAR_FUZZ_ENV_SHARED, shared_->descriptor())};
  if (!options_.sites_file.empty()) environment.push_back(fmt::format("{}={}", ISOBAR_FUZZ_ENV_SITES, options_.sites_file));
  if (!input_file_.empty()) environment.push_back(fmt::format("{}={}", ISOBAR_FUZZ_ENV_FILE, input_file_));
  TRY_ASSIGN(auto process, TargetProcess::start(options_, environment, {shared_->descriptor()}));
  process_ = std::move(process);
  ++starts_;
  const std::uint64_t began = monotonic_nanoseconds();
  while (load(shared.state) == ISOBAR_FUZZ_STARTING) {
    wait_while(shared.state, ISOBAR_FUZZ_STARTING, 20ms);
    if (load(shared.state) != ISOBAR_FUZZ_STARTING) break;
    if (const auto status = process_->ended()) {
      process_.reset();
      if (WIFEXITED(*status) && WEXITSTATUS(*status) == 127)
        return invalid(fmt::format("the target {} cannot be run", options_.command[0]));
      return unavailable(
          fmt::format("the target {} ended at its start, with {}, and never asked for inputs. Was it built by isobar-cc or isobar-c++?",
                      options_.command[0], describe_end(*status)));
    }
    if (monotonic_nanoseconds() - began > static_cast<std::uint64_t>(kStartLimit.count())) {
      end_process();
      return unavailable(fmt::format("the target {} has run for {} and not asked for inputs. Was it built by isobar-cc or isobar-c++?",
                                     options_.command[0], format_duration(kStartLimit)));
    }
  }
  if (load(shared.state) != ISOBAR_FUZZ_READY) {
    shared.message[sizeof shared.message - 1] = 0;
    const std::string why = shared.message;
    end_process();
    return invalid(fmt::format("the target {}: {}", options_.command[0], why));
  }
  persistent_ = shared.persistent != 0;
  has_mutator_ = shared.has_mutator != 0;
  TRY_ASSIGN(const TargetShape now, read_shape());
  if (starts_ > 1 && !(now == shape_)) return unavailable("the target has other blocks or domains than when it was started first");
  return {};
}

Result<TargetShape> ZygoteExecutor::read_shape() const {
  const isobar_fuzz_shared& shared = **shared_;
  TargetShape shape{.blocks = shared.blocks, .slots = shared.slots};
  shape.valid = (shared.planes & ISOBAR_FUZZ_USES_VALID) != 0;
  shape.diff = (shared.planes & ISOBAR_FUZZ_USES_DIFF) != 0;
  const std::uint32_t count = shared.domains;
  if (count > ISOBAR_FUZZ_DOMAINS_MAX || isobar_fuzz_slots_offset(shape.blocks) + std::uint64_t{shape.slots} * 8 > ISOBAR_FUZZ_SHARED_BYTES)
    return unavailable("the target describes itself in a way that cannot be");
  for (std::uint32_t i = 0, next = 0; i < count; ++i) {
    isobar_fuzz_shared_domain domain = shared.domain[i];
    domain.name[sizeof domain.name - 1] = 0;
    if (domain.first_slot < next || domain.first_slot > shape.slots || domain.keys > shape.slots - domain.first_slot ||
        domain.reducer > ISOBAR_FUZZ_REDUCE_LOG)
      return unavailable("the target describes its domains in a way that cannot be");
    next = domain.first_slot + domain.keys;
    shape.domains.push_back(
        {domain.name, domain.first_slot, domain.keys, static_cast<Reducer>(domain.reducer), domain.initial, domain.of_sites != 0});
  }
  return shape;
}

void ZygoteExecutor::end_process() {
  if (!process_) return;
  const auto worker = static_cast<pid_t>(load((*shared_)->worker_pid));
  // What the target wrote there is killed only if it is a child of the zygote's session; a group of that number is the worker's own.
  if (worker > 1 && ::getsid(worker) == process_->pid()) ::kill(-worker, SIGKILL);
  process_.reset();
  worker_ = false;
}

// ---- batches ----

Status ZygoteExecutor::run(std::span<const ByteView> inputs, const RunOptions& options,
                           const std::function<void(std::size_t, const Outcome&)>& each) {
  Batch batch{inputs, options, each};
  while (batch.first < inputs.size()) {
    TRY_ASSIGN(const std::size_t laid, lay_out(batch));
    TRY(carry_out(batch));
    batch.first += laid;
  }
  return {};
}

/// As many inputs as there is room for, from batch.first on.
Result<std::size_t> ZygoteExecutor::lay_out(Batch& batch) {
  isobar_fuzz_shared& shared = **shared_;
  const bool alone = batch.options.fresh || batch.options.log_operands;
  std::uint64_t at = 0;
  std::uint32_t count = 0;
  for (std::size_t i = batch.first; i < batch.inputs.size() && count < ISOBAR_FUZZ_RUNS_MAX && !(alone && count == 1); ++i) {
    const ByteView input = batch.inputs[i];
    const std::uint64_t room =
        batch.options.custom_mutator ? std::max<std::uint64_t>(input.size(), batch.options.custom_room) : input.size();
    if (room > ISOBAR_FUZZ_INPUTS_BYTES)
      return invalid(fmt::format("an input of {} bytes; at most {} fit", room, ISOBAR_FUZZ_INPUTS_BYTES));
    if (at + room > ISOBAR_FUZZ_INPUTS_BYTES) break;
    isobar_fuzz_run& run = shared.run[count++];
    run = {.input = at, .size = static_cast<std::uint32_t>(input.size()), .room = static_cast<std::uint32_t>(room)};
    run.seed = batch.options.custom_seed + i;
    if (!input.empty()) std::memcpy(shared.input + at, input.data(), input.size());
    at += (room + 63) / 64 * 64;
  }
  shared.runs = count;
  shared.next = 0;
  batch.told = 0;
  return count;
}

Status ZygoteExecutor::carry_out(Batch& batch) {
  isobar_fuzz_shared& shared = **shared_;
  std::uint32_t flags = 0;
  if (batch.options.log_operands) flags |= ISOBAR_FUZZ_BATCH_LOG;
  if (batch.options.all_features) flags |= ISOBAR_FUZZ_BATCH_ALL;
  if (batch.options.custom_mutator) flags |= ISOBAR_FUZZ_BATCH_MUTATE;
  if (batch.options.fresh) flags |= ISOBAR_FUZZ_BATCH_LAST;
  const std::uint32_t runs = shared.runs;
  for (int restarts = 0; batch.told < runs;) {
    TRY(need_worker(batch.options.fresh));
    shared.next = batch.told;
    shared.runs = runs;
    hand_over(flags);
    const bool answered = wait_for_answer(batch);
    if (!answered) {
      // The zygote does not answer. What was running is to blame if anything is.
      end_process();
      if (++restarts > 3) return unavailable("the target's first process keeps dying");
      tell(batch, std::min(load(shared.next), runs));
      if (batch.told < runs) tell_death(batch);
      continue;
    }
    if (batch.options.log_operands) keep_operands();
    tell(batch, std::min(load(shared.next), runs));
    if (batch.told == runs) {
      worker_ = worker_ && !batch.options.fresh;
      break;
    }
    if (shared.full != 0) continue;
    worker_ = false;
    const std::uint32_t told = batch.told;
    tell_death(batch);
    if (batch.told == told && ++restarts > 100) return unavailable("the target's workers die before they run anything");
  }
  if (++batches_ % kBatchesBetweenLooks == 0) look_at_memory();
  return {};
}

Status ZygoteExecutor::need_worker(bool fresh) {
  if (process_ && process_->ended()) process_.reset(), worker_ = false;
  if (!process_) {
    TRY(start_process());
  }
  if (worker_ && persistent_ && (fresh || load((*shared_)->dead) == load((*shared_)->forks))) end_worker();
  // A program is forked by the zygote for each run; a request for a worker is a request for a batch.
  if (worker_ && persistent_) return {};
  store((*shared_)->forks, load((*shared_)->forks) + 1);
  wake((*shared_)->forks);
  worker_ = true;
  return {};
}

/// Asks the worker to leave, by a batch of no runs.
void ZygoteExecutor::end_worker() {
  if (load((*shared_)->dead) != load((*shared_)->forks)) {
    isobar_fuzz_shared& shared = **shared_;
    const std::uint32_t runs = shared.runs, next = shared.next;
    shared.runs = shared.next = 0;
    hand_over(ISOBAR_FUZZ_BATCH_LAST);
    const std::uint64_t began = monotonic_nanoseconds();
    while (load(shared.dead) != load(shared.forks) && monotonic_nanoseconds() - began < static_cast<std::uint64_t>(kStartLimit.count()))
      wait_while(shared.answers, load(shared.answers), 1ms);
    shared.runs = runs;
    shared.next = next;
  }
  worker_ = false;
}

void ZygoteExecutor::hand_over(std::uint32_t flags) {
  isobar_fuzz_shared& shared = **shared_;
  shared.batch_flags = flags;
  shared.features = 0;
  shared.operands = shared.buffers = shared.operands_lost = shared.full = 0;
  store(shared.batches, load(shared.batches) + 1);
  wake(shared.batches);
}

/// False: the zygote is not there any more, or as if it were not.
bool ZygoteExecutor::wait_for_answer(Batch& batch) {
  isobar_fuzz_shared& shared = **shared_;
  batch.verdict = Verdict::kNone;
  const std::uint64_t began = monotonic_nanoseconds();
  const std::uint32_t mine = load(shared.batches);
  while (true) {
    const std::uint32_t answers = load(shared.answers);
    if (load(shared.answered) == mine) break;
    // It died before it took the batch.
    if (load(shared.dead) == load(shared.forks)) break;
    wait_while(shared.answers, answers, std::min<Duration>(options_.timeout / 4 + 1ms, 50ms));
    if (load(shared.answered) == mine) break;
    if (!watch(batch, began)) return false;
  }
  return true;
}

/// Looks whether the run that goes on has had its time or memory, and ends it then. Called some times in a run that takes long.
bool ZygoteExecutor::watch(Batch& batch, std::uint64_t began) {
  isobar_fuzz_shared& shared = **shared_;
  const std::uint64_t now = monotonic_nanoseconds();
  const std::uint32_t place = load(shared.next);
  const bool runs = place < ISOBAR_FUZZ_RUNS_MAX && load(shared.run[place].status) == ISOBAR_FUZZ_RUNNING;
  const std::uint64_t since = std::clamp<std::uint64_t>(runs ? shared.started_nanoseconds : began, began, now);
  const auto worker = static_cast<pid_t>(load(shared.worker_pid));
  if (runs && worker > 1) {
    if (now - since > static_cast<std::uint64_t>(options_.timeout.count())) batch.verdict = Verdict::kTimeout;
    if (options_.memory_bytes != 0 && resident_bytes(worker) > options_.memory_bytes) batch.verdict = Verdict::kMemory;
    if (batch.verdict == Verdict::kNone) return true;
    // It first gets to say what it has done; if it does not, it is killed.
    const std::uint32_t answers = load(shared.answers);
    ::kill(worker, SIGUSR2);
    wait_while(shared.answers, answers, kGrace);
    if (load(shared.answers) == answers) ::kill(worker, SIGKILL);
  }
  if (process_->ended()) {
    process_.reset();
    worker_ = false;
    return false;
  }
  return now - since < static_cast<std::uint64_t>((kSilenceLimit + options_.timeout).count());
}

// ---- telling ----

Outcome ZygoteExecutor::outcome_of(const Batch& batch, std::uint32_t place) {
  const isobar_fuzz_run run = (*shared_)->run[place];
  Outcome outcome;
  outcome.novel = (run.flags & ISOBAR_FUZZ_RUN_NOVEL) != 0;
  outcome.rejected = (run.flags & ISOBAR_FUZZ_RUN_REJECTED) != 0;
  outcome.invalid = (run.flags & ISOBAR_FUZZ_RUN_INVALID) != 0;
  outcome.diff = (run.flags & ISOBAR_FUZZ_RUN_DIFF) != 0;
  outcome.took = Duration(static_cast<std::int64_t>(std::min<std::uint64_t>(run.nanoseconds, INT64_MAX)));
  outcome.hash = run.hash;
  outcome.blocks = run.blocks;
  features_.clear();
  if (run.first_feature <= ISOBAR_FUZZ_FEATURES_MAX && run.features <= ISOBAR_FUZZ_FEATURES_MAX - run.first_feature) {
    // A copy of its own first: the target could change what was already looked at.
    features_.assign((*shared_)->feature + run.first_feature, (*shared_)->feature + run.first_feature + run.features);
    std::erase_if(features_, [&](const Feature& feature) { return !shape_.has(feature); });
  }
  outcome.features = features_;
  outcome.input = batch.inputs[batch.first + place];
  if (batch.options.custom_mutator && run.input <= ISOBAR_FUZZ_INPUTS_BYTES && run.size <= ISOBAR_FUZZ_INPUTS_BYTES - run.input)
    outcome.input = {(*shared_)->input + run.input, run.size};
  return outcome;
}

void ZygoteExecutor::tell(Batch& batch, std::uint32_t until) {
  for (; batch.told < until; ++batch.told) batch.each(batch.first + batch.told, outcome_of(batch, batch.told));
}

/// The run in which the worker died. If none had begun, nobody is to blame: it is tried again.
void ZygoteExecutor::tell_death(Batch& batch) {
  const std::uint32_t run_status = load((*shared_)->run[batch.told].status);
  if (run_status == ISOBAR_FUZZ_NOT_RUN && batch.verdict == Verdict::kNone) return;
  Outcome outcome = outcome_of(batch, batch.told);
  if (run_status != ISOBAR_FUZZ_CAUGHT) outcome.features = {};
  const auto status = static_cast<int>((*shared_)->worker_status);
  if (batch.verdict == Verdict::kTimeout) {
    outcome.ending = Ending::kTimeout;
  } else if (batch.verdict == Verdict::kMemory) {
    outcome.ending = Ending::kMemory;
  } else if (WIFSIGNALED(status)) {
    outcome.ending = Ending::kCrash;
    outcome.signal = WTERMSIG(status);
  } else {
    outcome.ending = Ending::kExit;
    outcome.exit_code = WEXITSTATUS(status);
  }
  batch.each(batch.first + batch.told++, outcome);
}

void ZygoteExecutor::keep_operands() {
  const isobar_fuzz_shared& shared = **shared_;
  integers_.assign(shared.operand, shared.operand + std::min(shared.operands, ISOBAR_FUZZ_OPERANDS_MAX));
  buffers_.assign(shared.buffer, shared.buffer + std::min(shared.buffers, ISOBAR_FUZZ_BUFFERS_MAX));
  for (isobar_fuzz_buffers& each : buffers_) {
    each.a_size = std::min<std::uint8_t>(each.a_size, sizeof each.a);
    each.b_size = std::min<std::uint8_t>(each.b_size, sizeof each.b);
  }
}

/// A worker that leaks is replaced before it is a run's fault.
void ZygoteExecutor::look_at_memory() {
  const auto worker = static_cast<pid_t>(load((*shared_)->worker_pid));
  if (worker_ && persistent_ && worker > 1 && options_.memory_bytes != 0 && resident_bytes(worker) > options_.memory_bytes / 2)
    end_worker();
}

}  // namespace

std::string_view name_of(Ending ending) {
  switch (ending) {
    case Ending::kOk: return "ok";
    case Ending::kCrash: return "crash";
    case Ending::kTimeout: return "timeout";
    case Ending::kMemory: return "memory";
    case Ending::kExit: return "exit";
  }
  return "?";
}

Result<std::unique_ptr<Executor>> start_zygote(const ExecutorOptions& options) {
  TRY_ASSIGN(auto shared, SharedMemory::create());
  auto executor = std::make_unique<ZygoteExecutor>(options, std::move(shared));
  TRY(executor->begin());
  return std::unique_ptr<Executor>(std::move(executor));
}

}  // namespace isobar::fuzz
