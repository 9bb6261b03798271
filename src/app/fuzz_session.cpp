#include "fuzz_session.h"

#include <fmt/format.h>

#include "base/file.h"
#include "crypto/digest.h"

namespace isobar::app {

namespace {

/// How often a worker looks for what others have found.
constexpr Duration kExchangeEvery = 2s;
constexpr Duration kShowEvery = 200ms;

}  // namespace

struct FuzzSession::Worker {
  int place = 0;
  std::unique_ptr<fuzz::Executor> executor;
  std::optional<fuzz::CorpusFolder> folder;
  std::unique_ptr<fuzz::Campaign> campaign;
  std::thread thread;
  mutable Mutex mutex;
  fuzz::Progress progress GUARDED_BY(mutex);
  Status ended GUARDED_BY(mutex);
};

FuzzSession::FuzzSession(FuzzSessionOptions options) : options_(std::move(options)) {}

Result<std::unique_ptr<FuzzSession>> FuzzSession::begin(FuzzSessionOptions options, const fuzz::CampaignEvents& events) {
  std::unique_ptr<FuzzSession> session(new FuzzSession(std::move(options)));
  for (int place = 0; place < session->options_.workers; ++place) TRY(session->start(place, events));
  for (auto& worker : session->workers_) worker->thread = std::thread([&session = *session, &worker = *worker] { session.work(worker); });
  return session;
}

FuzzSession::~FuzzSession() {
  ending_ = true;
  for (auto& worker : workers_)
    if (worker->thread.joinable()) worker->thread.join();
}

/// All are started before the first is at work, one after another: the target's sites are written by the first, the seeds are run by each.
Status FuzzSession::start(int place, const fuzz::CampaignEvents& events) {
  auto worker = std::make_unique<Worker>();
  worker->place = place;
  TRY_ASSIGN(auto folder, fuzz::CorpusFolder::open(options_.folder, place));
  worker->folder.emplace(std::move(folder));
  fuzz::ExecutorOptions target = options_.target;
  if (place == 0) target.sites_file = options_.folder / "sites";
  if (options_.pinned) target.processor = place % static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  TRY_ASSIGN(worker->executor, fuzz::start_target(target));
  if (place == 0) {
    shape_ = worker->executor->shape();
    TRY_ASSIGN(const auto text, read_file(target.sites_file, std::uint64_t{1} << 30));
    TRY_ASSIGN(sites_, fuzz::SiteTable::parse(text, shape_));
  }
  fuzz::CampaignOptions campaign = options_.campaign;
  campaign.seed += static_cast<std::uint64_t>(place) * 0x9e3779b9;
  TRY_ASSIGN(worker->campaign, fuzz::Campaign::open(*worker->executor, *worker->folder, std::move(campaign), events));
  worker->progress = worker->campaign->progress();
  workers_.push_back(std::move(worker));
  return {};
}

void FuzzSession::work(Worker& worker) {
  if (options_.pinned) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(worker.place) % std::max(1U, std::thread::hardware_concurrency()), &one);
    ::pthread_setaffinity_np(::pthread_self(), sizeof one, &one);
  }
  const SystemClock clock;
  Instant shown, exchanged = clock.now();
  Status status;
  while (!ending_ && status.ok()) {
    status = worker.campaign->turn();
    const Instant now = clock.now();
    if (status.ok() && options_.workers > 1 && now - exchanged > kExchangeEvery) {
      status = worker.campaign->exchange();
      exchanged = now;
    }
    if (now - shown > kShowEvery || ending_) {
      const MutexLock lock(worker.mutex);
      worker.progress = worker.campaign->progress();
      shown = now;
    }
  }
  Status saved = worker.campaign->save();
  const MutexLock lock(worker.mutex);
  worker.progress = worker.campaign->progress();
  worker.ended = status.ok() ? std::move(saved) : std::move(status);
}

FuzzView FuzzSession::view() const {
  FuzzView view;
  for (const auto& worker : workers_) {
    const MutexLock lock(worker->mutex);
    view.workers.push_back(worker->progress);
    if (!worker->ended.ok()) view.failure = worker->ended.error().message();
  }
  return view;
}

Status FuzzSession::end() {
  ending_ = true;
  for (auto& worker : workers_)
    if (worker->thread.joinable()) worker->thread.join();
  for (const auto& worker : workers_) {
    const MutexLock lock(worker->mutex);
    if (!worker->ended.ok()) return worker->ended;
  }
  return {};
}

Result<std::string> fuzz_fingerprint(const std::string& program) {
  TRY_ASSIGN(const auto content, read_file(program, std::uint64_t{4} << 30).context("read the target"));
  return crypto::sha256(content);
}

}  // namespace isobar::app
