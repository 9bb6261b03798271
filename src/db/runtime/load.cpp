#include "db/load.h"

#include <sys/resource.h>

#include <algorithm>
#include <thread>

#include "base/text.h"
#include "client_loop.h"
#include "load_plan.h"

namespace isobar::db {

namespace {

constexpr Duration kRetryLeast = std::chrono::microseconds(500), kRetryMost = std::chrono::milliseconds(50);

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// All on the loop's thread, but for what `run_load` asks for while it waits.
class Load {
 public:
  explicit Load(const LoadOptions& options) : options_(options), planner_(options), value_(options.value_bytes, 'v') {}

  Status open(ClusterFile cluster, Secret secret) {
    TRY_ASSIGN(loop_, ClientLoop::start(std::move(cluster), std::move(secret),
                                        [this](const ClientEvent& event) { std::visit([this](const auto& e) { on(e); }, event); }));
    return {};
  }

  LoadReport run() {
    loop_->run([this] {
      for (std::uint32_t i = 0; i < options_.at_once; ++i) begin(Work{planner_.next(), loop_->now().steady, kRetryLeast, 0});
    });
    std::this_thread::sleep_for(options_.warm_up);
    loop_->run([this] {
      report_ = {};
      latencies_.clear();
      began_ = loop_->now().steady;
    });
    const double cpu = cpu_seconds();
    std::this_thread::sleep_for(options_.run);
    LoadReport report;
    loop_->run([&] {
      report = report_;
      report.seconds = to_seconds(loop_->now().steady - began_);
      std::sort(latencies_.begin(), latencies_.end());
      if (!latencies_.empty()) {
        report.p50_ms = 1e3 * to_seconds(latencies_[latencies_.size() / 2]);
        report.p99_ms = 1e3 * to_seconds(latencies_[latencies_.size() * 99 / 100]);
      }
    });
    report.cpu_seconds = cpu_seconds() - cpu;
    end();
    return report;
  }

  /// What is open is brought to its end, so that nobody has to finish it later.
  void end() {
    std::size_t open = 1;
    loop_->run([this] { ending_ = true; });
    for (int waited = 0; open > 0 && waited < 100; ++waited) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      loop_->run([&] { open = open_.size(); });
    }
  }

  std::vector<std::string> unreachable() {
    std::vector<std::string> list;
    loop_->run([&] { list = loop_->unreachable(); });
    return list;
  }

 private:
  struct Work {
    LoadPlan plan;
    Instant since;
    Duration pause;
    std::size_t read = 0;
    std::uint32_t tries = 0;
  };

  void begin(Work work) {
    if (ending_) return;
    const TxHandle tx = loop_->core().begin(loop_->now(), work.tries);
    work.read = 0;
    auto& open = open_[tx] = std::move(work);
    if (open.plan.reads.empty()) return finish(tx, open);
    for (const auto& key : open.plan.reads) {
      const bool writes = std::find(open.plan.writes.begin(), open.plan.writes.end(), key) != open.plan.writes.end();
      loop_->core().read(tx, key, loop_->now(), writes ? ReadFor::kUpdate : ReadFor::kReading);
    }
  }

  void finish(TxHandle tx, const Work& work) {
    for (const auto& key : work.plan.writes) loop_->core().write(tx, key, value_);
    loop_->core().commit(tx, loop_->now());
  }

  void on(const ReadDone& read) {
    const auto found = open_.find(read.tx);
    if (found != open_.end() && ++found->second.read == found->second.plan.reads.size()) finish(read.tx, found->second);
  }

  // It scans nothing.
  void on(const ScanDone&) {}
  void on(const ScanRefused&) {}
  void on(const ReadRefused& read) {
    loop_->core().abandon(read.tx, loop_->now());
    again(read.tx, read.reason);
  }

  void on(const Ended& ended) {
    const auto found = open_.find(ended.tx);
    if (found == open_.end()) return;
    if (ended.outcome == Outcome::kAbort) return again(ended.tx, ended.reason);
    ++report_.committed;
    report_.fast += ended.fast ? 1 : 0;
    latencies_.push_back(loop_->now().steady - found->second.since);
    open_.erase(found);
    begin(Work{planner_.next(), loop_->now().steady, kRetryLeast, 0});
  }

  void again(TxHandle tx, AbortReason reason) {
    ++report_.aborted;
    ++report_.reasons[reason];
    Work work = std::move(open_.at(tx));
    open_.erase(tx);
    const Duration pause(static_cast<std::int64_t>(planner_.random().uniform() * static_cast<double>(work.pause.count())));
    work.pause = std::min(work.pause * 2, kRetryMost);
    ++work.tries;
    loop_->after(pause, [this, work = std::move(work)] { begin(work); });
  }

  LoadOptions options_;
  LoadPlanner planner_;
  std::string value_;
  std::map<TxHandle, Work> open_;
  std::vector<Duration> latencies_;
  LoadReport report_;
  Instant began_;
  bool ending_ = false;
  std::unique_ptr<ClientLoop> loop_;  // last: when it ends, nothing is told any more
};

}  // namespace

Result<LoadReport> run_load(const LoadOptions& options, ClusterFile cluster, Secret secret) {
  Load load(options);
  TRY(load.open(std::move(cluster), std::move(secret)));
  const LoadReport report = load.run();
  if (report.committed == 0) return unavailable("nothing was committed; not connected: " + join(load.unreachable(), "; "));
  return report;
}

}  // namespace isobar::db
