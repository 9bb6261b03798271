#include "features/source_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <thread>

namespace isobar::features {

namespace {

bool same_place(const Source& a, const Source& b) {
  return a.kind == b.kind && a.place == b.place && a.columns == b.columns && a.timestamp == b.timestamp && a.created == b.created &&
         a.key == b.key;
}

}  // namespace

class SourceRunner::Running {
 public:
  Running(Engine& engine, Source source, const Options& options)
      : engine_(engine),
        source_(std::move(source)),
        options_(options),
        progress_{.source = source_.name, .kind = std::string(name_of(source_.kind)), .problem = {}},
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

  const Source& source() const { return source_; }
  SourceProgress progress() const {
    const MutexLock lock(mutex_);
    return progress_;
  }

 private:
  void run(const std::stop_token& stop) {
    Duration wait = options_.back_off / 20;
    while (!stop.stop_requested()) {
      const Status ended = read(stop, wait);
      if (ended.ok()) return;
      note([&](SourceProgress& progress) { progress.problem = ended.error().message(); });
      std::unique_lock lock(waiting_);
      stopped_.wait_for(lock, stop, wait, [] { return false; });
      wait = std::min(wait * 2, options_.back_off);
    }
  }

  /// Reads until it is stopped, or something is in the way.
  Status read(const std::stop_token& stop, Duration& wait) {
    TRY_ASSIGN(const auto reader, open_source(source_, engine_));
    bool had_problem = true;
    while (!stop.stop_requested()) {
      TRY_ASSIGN(auto batch, reader->next(options_.patience));
      if (std::exchange(had_problem, false)) note([](SourceProgress& progress) { progress.problem.clear(); });
      if (!batch) {
        note([&](SourceProgress& progress) { progress.at_end = reader->at_end(); });
      } else {
        TRY(take(*batch));
        reader->taken(*batch);
      }
      wait = options_.back_off / 20;
    }
    return {};
  }

  Status take(SourceBatch& batch) {
    Arrival arrival{.source = source_.name, .rows = std::move(batch.rows), .id = {}, .advance = {}, .skip_invalid = true};
    arrival.advance = Advance{batch.partition, batch.after, batch.upto};
    TRY_ASSIGN(const Taken taken, engine_.push(std::move(arrival)));
    const std::uint64_t refused = batch.refused + taken.refused;
    if (refused > 0)
      note([&](SourceProgress& progress) {
        progress.refused += refused;
        progress.problem = batch.refused > 0 ? batch.problem : taken.problem;
      });
    return {};
  }

  template <class Change>
  void note(const Change& change) {
    const MutexLock lock(mutex_);
    change(progress_);
  }

  Engine& engine_;
  const Source source_;
  const Options& options_;
  mutable Mutex mutex_;
  SourceProgress progress_ GUARDED_BY(mutex_);
  std::mutex waiting_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  // last, so that it is first to end
};

SourceRunner::SourceRunner(Engine& engine, Options options) : engine_(engine), options_(options) {}
SourceRunner::~SourceRunner() = default;

void SourceRunner::follow_definition() {
  const auto project = engine_.project();
  const MutexLock lock(mutex_);
  std::erase_if(running_, [&](const auto& entry) {
    const Source* now = project ? project->definition().find_source(entry.first) : nullptr;
    return now == nullptr || !same_place(*now, entry.second->source());
  });
  if (!project) return;
  for (const auto& source : project->definition().sources)
    if (source.kind != SourceKind::kPush && !running_.contains(source.name))
      running_.emplace(source.name, std::make_unique<Running>(engine_, source, options_));
}

std::vector<SourceProgress> SourceRunner::progress() const {
  const MutexLock lock(mutex_);
  std::vector<SourceProgress> progress;
  for (const auto& [name, running] : running_) progress.push_back(running->progress());
  return progress;
}

Status SourceRunner::wait_for_files(Duration most) const {
  const auto deadline = std::chrono::steady_clock::now() + most;
  while (true) {
    bool all = true;
    for (const auto& source : progress()) {
      if (source.kind != name_of(SourceKind::kFile) || source.at_end) continue;
      all = false;
      if (!source.problem.empty() && source.refused == 0) return unavailable(fmt::format("source '{}': {}", source.source, source.problem));
    }
    if (all) return {};
    if (std::chrono::steady_clock::now() >= deadline)
      return Error(Code::kDeadlineExceeded, fmt::format("the file sources were not read to their ends within {}", format_duration(most)));
    std::this_thread::sleep_for(10ms);
  }
}

}  // namespace isobar::features
