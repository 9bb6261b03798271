#include "features/served_log.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/random.h"
#include "served_line.h"

namespace isobar::features {

namespace {

/// How long rows wait to be written together.
constexpr auto kGather = std::chrono::milliseconds(100);
/// Requests that a file knows by number at a time; each keeps its plan alive.
constexpr std::size_t kRequestsMost = 1000;

}  // namespace

struct ServedLog::Inside {
  Inside(fs::path in, const ServedLogConfig& with, Log& to) : folder(std::move(in)), config(with), log(to) {}

  // ---- of any thread

  void take(ServedAnswer answer) {
    {
      const std::lock_guard lock(mutex);
      if (waiting.size() < static_cast<std::size_t>(config.rows_waiting_most.value)) {
        waiting.push_back(std::move(answer));
        return;
      }
    }
    dropped.fetch_add(1, std::memory_order_relaxed);
  }

  // ---- of the thread that writes

  void run(const std::stop_token& stop) {
    while (true) {
      std::vector<ServedAnswer> rows;
      bool last = false;
      {
        std::unique_lock lock(mutex);
        changed.wait_for(lock, stop, kGather, [] { return false; });
        rows.swap(waiting);
        last = stop.stop_requested();
      }
      write(rows);
      if (last) return;
    }
  }

  void write(const std::vector<ServedAnswer>& rows) {
    std::uint64_t in_text = 0;
    for (const auto& row : rows) {
      if (needs_file(*row.plan)) {
        flush(std::exchange(in_text, 0));
        begin_file(row.plan);
      }
      if (append_served_row(text, number_of(row.plan), row)) ++in_text;
      else dropped.fetch_add(1, std::memory_order_relaxed);
    }
    flush(in_text);
  }

  bool needs_file(const RequestPlan& plan) const {
    return &plan.project() != project || file_bytes + text.size() >= config.file_bytes.value.value || requests.size() >= kRequestsMost;
  }

  /// A file is of one definition.
  void begin_file(const std::shared_ptr<const RequestPlan>& of) {
    remove_oldest();
    requests.clear();
    project = &of->project();
    file.reset();
    file_bytes = 0;
    path = folder / fmt::format("{:08}{}", next_file++, kServedEnding);
    append_served_head(text, canonical_text(project->definition()));
  }

  std::uint64_t number_of(const std::shared_ptr<const RequestPlan>& plan) {
    const auto [known, fresh] = requests.try_emplace(plan.get(), plan, requests.size());
    if (fresh) append_served_request(text, known->second.second, *plan);
    return known->second.second;
  }

  void flush(std::uint64_t rows) {
    if (text.empty()) return;
    const Status done = append_text();
    if (done.ok()) {
      written.fetch_add(rows, std::memory_order_relaxed);
    } else {
      dropped.fetch_add(rows, std::memory_order_relaxed);
      project = nullptr;  // what the file has of its last line is not known: the next rows go to another one
    }
    text.clear();
    const std::lock_guard lock(mutex);
    if (!done.ok() && problem.empty()) log.warn("served_not_logged", {{"why", done.error().message()}});
    problem = done.ok() ? "" : done.error().message();
  }

  Status append_text() {
    if (!file) {
      file = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
      if (!file) return unavailable(fmt::format("{}: {}", path.string(), std::strerror(errno)));
      files.emplace_back(path, 0);
    }
    TRY(write_all(file.get(), text));
    file_bytes += text.size();
    files.back().second = file_bytes;
    bytes.fetch_add(text.size(), std::memory_order_relaxed);
    return {};
  }

  void remove_oldest() {
    const std::uint64_t most = config.bytes_most.value.value;
    std::size_t gone = 0;
    while (gone < files.size() && bytes.load() + config.file_bytes.value.value > most) {
      std::error_code ignored;
      fs::remove(files[gone].first, ignored);
      bytes.fetch_sub(files[gone++].second);
    }
    files.erase(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(gone));
  }

  Status find_files() {
    TRY(make_folders(folder));
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(folder, failed)) {
      if (entry.path().extension() != kServedEnding) continue;
      std::error_code ignored;
      const std::uint64_t size = entry.file_size(ignored);
      files.emplace_back(entry.path(), ignored ? 0 : size);
    }
    if (failed) return unavailable(fmt::format("{}: {}", folder.string(), failed.message()));
    std::ranges::sort(files);
    for (const auto& [known, size] : files) bytes += size;
    if (!files.empty()) next_file = std::strtoull(files.back().first.stem().c_str(), nullptr, 10) + 1;
    return {};
  }

  const fs::path folder;
  const ServedLogConfig config;
  Log& log;
  std::atomic<std::uint64_t> written{0}, dropped{0}, bytes{0};

  mutable std::mutex mutex;
  std::condition_variable_any changed;
  std::vector<ServedAnswer> waiting;
  std::string problem;

  std::vector<std::pair<fs::path, std::uint64_t>> files;  ///< the oldest first
  std::uint64_t next_file = 1, file_bytes = 0;
  fs::path path;
  Fd file;
  std::string text;
  const Project* project = nullptr;  ///< of the file; its requests keep it alive
  std::unordered_map<const RequestPlan*, std::pair<std::shared_ptr<const RequestPlan>, std::uint64_t>> requests;
  std::jthread thread;  // last, as it uses the others until it is joined
};

ServedLog::ServedLog(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
ServedLog::~ServedLog() = default;

Result<std::unique_ptr<ServedLog>> ServedLog::open(const fs::path& folder, const ServedLogConfig& config, Log& log) {
  if (!(config.rate >= 0 && config.rate <= 1)) return invalid(fmt::format("{} is no share of the rows: it is from 0 to 1", config.rate));
  auto inside = std::make_unique<Inside>(folder, config, log);
  TRY(inside->find_files());
  inside->thread = std::jthread([at = inside.get()](const std::stop_token& stop) { at->run(stop); });
  return std::unique_ptr<ServedLog>(new ServedLog(std::move(inside)));
}

bool ServedLog::wants() {
  const double rate = inside_->config.rate;
  if (rate >= 1) return true;
  thread_local Random random(std::hash<std::thread::id>{}(std::this_thread::get_id()));
  return random.uniform() < rate;
}

void ServedLog::take(ServedAnswer answer) { inside_->take(std::move(answer)); }

ServedLogCounts ServedLog::counts() const {
  const std::lock_guard lock(inside_->mutex);
  return {inside_->written.load(), inside_->dropped.load(), inside_->bytes.load(), inside_->problem};
}

}  // namespace isobar::features
