#include "local_ranks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <set>

namespace isobar::broker {

namespace {

constexpr auto kHardKill = std::chrono::milliseconds(3500);  // a supervisor that is itself stuck is ended after this
constexpr std::size_t kPieceBytes = 64 << 10;
constexpr int kPiecesInARow = 8;  // of one rank, before other work has its turn
constexpr int kReadyFd = 3;

}  // namespace

LocalRanks::LocalRanks(Loop& loop, Paths paths, Log& log)
    : loop_(loop), paths_(std::move(paths)), log_(log), inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  CHECK(static_cast<bool>(inotify_), errno);
  inotify_watch_ = loop_.watch(inotify_.get(), Loop::Direction::kRead, [this] { on_log_events(); });
}

fs::path LocalRanks::folder_of(const RankKey& key) const {
  return paths_.ranks / fmt::format("{}-{}", key.job, key.phase == Phase::kSetup ? "setup" : "run");
}

void LocalRanks::run(const RankKey& key, const RankOrder& order, std::uint64_t offset, std::shared_ptr<RankSink> sink) {
  auto* rank = find(key);
  const bool known = rank != nullptr;
  if (!known) rank = &ranks_.emplace(key, Rank{RankFolder(folder_of(key))}).first->second;
  rank->sink = std::move(sink);
  rank->offset = offset;
  rank->paused = rank->start_told = rank->end_told = false;
  follow_log(*rank, order);
  if (!known) {
    if (auto started = start(key, *rank, order); !started.ok()) rank->end = RankEnd{std::nullopt, started.error().message()};
  }
  pump_later(key);
}

LocalRanks::Rank* LocalRanks::find(const RankKey& key) {
  if (const auto known = ranks_.find(key); known != ranks_.end()) return &known->second;
  RankFolder folder(folder_of(key));
  const auto claimant = folder.claimant();
  if (claimant.ok() && !*claimant) return nullptr;
  auto& rank = ranks_.emplace(key, Rank{std::move(folder)}).first->second;
  adopt(key, rank);
  return &rank;
}

Status LocalRanks::start(const RankKey& key, Rank& rank, const RankOrder& order) {
  TRY(make_folders(rank.folder.path()).context("start the rank"));
  TRY(rank.folder.write_order(order).context("start the rank"));
  return spawn(key, rank);
}

Status LocalRanks::spawn(const RankKey& key, Rank& rank) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("start the rank");
  rank.ready.reset(ends[0]);
  const Fd write_end(ends[1]);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, write_end.get(), kReadyFd);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const std::string folder = rank.folder.path();
  const char* arguments[] = {"isobar-node", "run-rank", folder.c_str(), nullptr};
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, paths_.program.c_str(), &files, &attributes, const_cast<char* const*>(arguments), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return errno_error("start " + paths_.program.string(), failed);
  rank.ready_watch = loop_.watch(rank.ready.get(), Loop::Direction::kRead, [this, key] {
    auto& claimed = ranks_.at(key);
    claimed.ready_watch = {};
    claimed.ready.reset();
    adopt(key, claimed);
    pump(key);
  });
  return {};
}

void LocalRanks::adopt(const RankKey& key, Rank& rank) {
  const auto claim = rank.folder.claimant();
  if (!claim.ok() || !*claim) {
    rank.end = RankEnd{std::nullopt, claim.ok() ? "the rank's supervisor did not start" : claim.error().message()};
    return;
  }
  rank.folder.discard_order();
  auto supervisor = ProcessHandle::open((*claim)->pid, (*claim)->start_ticks);
  if (!supervisor.ok()) return on_supervisor_gone(key);
  rank.supervisor = std::move(*supervisor);
  rank.exit_watch = loop_.watch(rank.supervisor->fd(), Loop::Direction::kRead, [this, key] {
    on_supervisor_gone(key);
    pump(key);
  });
  if (rank.kill_wanted) end_supervisor(rank);
}

void LocalRanks::on_supervisor_gone(const RankKey& key) {
  auto& rank = ranks_.at(key);
  if (rank.supervisor) rank.supervisor->reap();
  rank.exit_watch = {};
  rank.hard_kill = {};
  rank.supervisor.reset();
  auto end = rank.folder.end();
  if (end.ok() && *end) {
    rank.end = **end;
    return;
  }
  const auto orphans = kill_by_environment(rank.folder.environment_entry());
  log_.warn("rank_lost", {{"job", key.job}, {"orphans_ended", orphans}});
  rank.end = RankEnd{std::nullopt, end.ok() ? "the process that stood over it was killed, or the node restarted" : end.error().message()};
}

void LocalRanks::kill(const RankKey& key) {
  auto* rank = find(key);
  if (!rank || rank->end || rank->kill_wanted) return;
  rank->kill_wanted = true;
  if (rank->supervisor) end_supervisor(*rank);
}

void LocalRanks::end_supervisor(Rank& rank) {
  rank.supervisor->signal(SIGTERM);
  rank.hard_kill = loop_.after(kHardKill, [&rank] { rank.supervisor->signal(SIGKILL); });
}

void LocalRanks::forget(const RankKey& key) {
  auto* rank = find(key);
  if (!rank) return;
  rank->sink.reset();
  rank->forget_wanted = true;
  if (rank->end) erase(key);
  else kill(key);
}

void LocalRanks::erase(const RankKey& key) {
  auto& rank = ranks_.at(key);
  const int watch = rank.log_watch;
  rank.folder.remove();
  ranks_.erase(key);
  // The setup and the run of a job share a log folder, and the kernel gives both the same watch.
  for (const auto& [other, kept] : ranks_)
    if (kept.log_watch == watch) return;
  if (watch >= 0) ::inotify_rm_watch(inotify_.get(), watch);
}

void LocalRanks::follow_log(Rank& rank, const RankOrder& order) {
  const fs::path folder = paths_.logs / order.log_folder;
  rank.log_name = order.log_name;
  rank.log.emplace(folder / order.log_name);
  if (make_folders(folder).ok()) rank.log_watch = ::inotify_add_watch(inotify_.get(), folder.c_str(), IN_MODIFY);
}

void LocalRanks::on_log_events() {
  alignas(inotify_event) std::array<char, 64 << 10> buffer;
  const auto got = ::read(inotify_.get(), buffer.data(), buffer.size());
  std::set<RankKey> grown;
  for (ssize_t at = 0; at < got;) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
    for (const auto& [key, rank] : ranks_)
      if (event->mask & IN_Q_OVERFLOW || (rank.log_watch == event->wd && event->len > 0 && rank.log_name == event->name)) grown.insert(key);
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
  }
  for (const auto& key : grown) pump(key);
}

void LocalRanks::resume(const RankKey& key) {
  const auto rank = ranks_.find(key);
  if (rank == ranks_.end() || !rank->second.paused) return;
  rank->second.paused = false;
  pump_later(key);
}

void LocalRanks::pump_later(const RankKey& key) {
  loop_.post([this, key] { pump(key); });
}

void LocalRanks::pump(const RankKey& key) {
  const auto found = ranks_.find(key);
  if (found == ranks_.end()) return;
  auto& rank = found->second;
  if (rank.forget_wanted && rank.end) return erase(key);
  if (!rank.sink || rank.end_told) return;
  // Output may be seen before word comes that the rank runs; it waits, for its prefix names the process.
  if (rank.pid == 0) rank.pid = rank.folder.pid();
  if (rank.pid == 0 && !rank.end) return;
  if (rank.pid != 0 && !std::exchange(rank.start_told, true)) rank.sink->started(rank.pid);
  for (int piece = 0; !rank.paused && rank.log; ++piece) {
    if (piece == kPiecesInARow) return pump_later(key);
    auto read = rank.log->read(rank.offset, kPieceBytes);
    if (!read.ok()) log_.warn("rank_log_not_read", {{"job", key.job}, {"why", read.error().message()}});
    if (!read.ok() || read->bytes.empty()) break;
    rank.offset = read->offset + read->bytes.size();
    rank.paused = !rank.sink->output(read->offset, read->bytes);
  }
  if (rank.paused || !rank.end) return;
  rank.end_told = true;
  // The sink may forget the rank, and with it itself.
  const auto sink = rank.sink;
  const auto end = *rank.end;
  sink->ended(end);
}

}  // namespace isobar::broker
