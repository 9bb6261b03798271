// The first process of an instance. With namespaces it is process 1 of its own world, and when it dies the kernel ends
// everything in it; without, it is the reaper that every orphan of the tree comes back to. The same loop runs in the foreground of a
// scheduler's job, as a bare tree.

#include "cloud/instance_init.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <vector>

#include "base/mounts.h"
#include "base/time.h"
#include "cloud/cgroup.h"
#include "cloud/instance_folder.h"

namespace isobar::cloud {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kBackoffLeast = std::chrono::milliseconds(50), kBackoffMost = std::chrono::milliseconds(5000);
constexpr auto kHealthy = std::chrono::seconds(10);  // an agent that lived this long is restarted at once
constexpr auto kAgentGrace = std::chrono::milliseconds(500);
constexpr auto kGrace = std::chrono::milliseconds(1500);  // for the jobs to put themselves away
constexpr auto kSweep = std::chrono::milliseconds(20);
constexpr int kReadyFd = 3;

class Init {
 public:
  Init(InstanceFolder folder, Fd ready, std::function<void()> on_answer = {})
      : folder_(std::move(folder)), ready_(std::move(ready)), on_answer_(std::move(on_answer)) {}

  void run() {
    sigset_t watched;
    sigemptyset(&watched);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD, SIGHUP}) sigaddset(&watched, number);
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    // Whoever waits for the agent may have died meanwhile; that must not end the instance.
    ::signal(SIGPIPE, SIG_IGN);
    signals_.reset(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    booted_ = SystemClock().now();
    while (!ending_) turn();
    end_all();
    // The instance ended itself for good: its disk goes with it. The rest is small, and says what became of it.
    if (folder_.power() == Power::kTerminated && unmount_below(folder_.home()).ok()) {
      std::error_code ignored;
      fs::remove_all(folder_.home(), ignored);
    }
    if (ended_itself_ && folder_.powers_machine()) switch_machine_off();
  }

 private:
  void turn() {
    if (agent_ == 0 && Clock::now() >= start_at_) start_agent();
    std::array<pollfd, 2> fds{{{signals_.get(), POLLIN, 0}, {agent_ready_.get(), POLLIN, 0}}};
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(start_at_ - Clock::now()).count();
    ::poll(fds.data(), fds.size(), agent_ == 0 ? static_cast<int>(std::max<std::int64_t>(0, wait)) : -1);
    if (fds[1].revents != 0) on_agent_ready();
    signalfd_siginfo info;
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
      if (info.ssi_signo == SIGHUP) restart_agent();
      else if (info.ssi_signo != SIGCHLD) ending_ = true;
    }
    reap();
  }

  void start_agent() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) ready_.reset();
    agent_ready_.reset(ends[0]);
    const Fd write_end(ends[1]);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    if (write_end) posix_spawn_file_actions_adddup2(&files, write_end.get(), kReadyFd);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const std::string config = folder_.config();
    const char* arguments[] = {"isobar-node", "agent", config.c_str(), write_end ? "3" : nullptr, nullptr};
    auto environment = agent_environment();
    std::vector<char*> entries;
    for (auto& entry : environment) entries.push_back(entry.data());
    entries.push_back(nullptr);
    const std::string program = folder_.program();
    const int failed = ::posix_spawn(&agent_, program.c_str(), &files, &attributes, const_cast<char* const*>(arguments), entries.data());
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    started_ = Clock::now();
    if (failed == 0) return;
    fmt::print(stderr, "isobar-node: start the agent: {}\n", errno_error("spawn", failed).message());
    agent_ = 0;
    start_at_ = Clock::now() + kBackoffMost;
  }

  /// Asked for, so the next one comes at once.
  void restart_agent() {
    if (agent_ > 0) ::kill(agent_, SIGTERM);
    restarting_ = agent_ > 0;
    start_at_ = Clock::now();
  }

  /// The agent answers, or died before it could: whoever booted this instance waits for one or the other of the first.
  void on_agent_ready() {
    char byte = 0;
    const bool answers = ::read(agent_ready_.get(), &byte, 1) == 1 && folder_.set_answers(true).ok();
    if (ready_) (void)write_all(ready_.get(), answers ? "R" : "F").ok();
    if (answers && on_answer_) on_answer_();
    agent_ready_.reset();
    ready_.reset();
  }

  std::vector<std::string> agent_environment() const {
    std::vector<std::string> out;
    for (char** entry = environ; *entry; ++entry) out.emplace_back(*entry);
    out.push_back(folder_.environment_entry());
    out.push_back(fmt::format("ISOBAR_BOOTED={}", booted_.unix_nanos()));
    return out;
  }

  void reap() {
    for (;;) {
      const auto pid = ::waitpid(-1, nullptr, WNOHANG);
      if (pid <= 0) return;
      if (pid == agent_) on_agent_gone();
    }
  }

  void on_agent_gone() {
    agent_ = 0;
    if (folder_.power() != Power::kOn && !std::exchange(ending_, true)) ended_itself_ = true;
    if (std::exchange(restarting_, false)) {
      start_at_ = Clock::now();
      return;
    }
    backoff_ = Clock::now() - started_ >= kHealthy ? kBackoffLeast : std::min(backoff_ * 2, std::chrono::milliseconds(kBackoffMost));
    start_at_ = Clock::now() + backoff_;
  }

  /// A machine in a cloud: whoever pays for it stops paying. Logins of images may do so without a password.
  static void switch_machine_off() {
    const pid_t child = ::fork();
    if (child == 0) {
      ::execlp("shutdown", "shutdown", "-h", "now", nullptr);
      ::_exit(127);
    }
    int status = 0;
    if (child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    ::execlp("sudo", "sudo", "-n", "shutdown", "-h", "now", nullptr);
  }

  /// The agent first, so that it takes no part in the deaths of its jobs; then all that is left, asked before killed.
  void end_all() {
    if (agent_ > 0) ::kill(agent_, SIGTERM);
    const auto agent_end = Clock::now() + kAgentGrace;
    while (agent_ > 0 && Clock::now() < agent_end) pause_and_reap();
    for (const auto pid : descendants(::getpid())) ::kill(pid, SIGTERM);
    const auto end = Clock::now() + kGrace;
    while (Clock::now() < end && !descendants(::getpid()).empty()) pause_and_reap();
    for (;;) {
      const auto left = descendants(::getpid());
      if (left.empty()) return;
      for (const auto pid : left) ::kill(pid, SIGKILL);
      pause_and_reap();
    }
  }

  void pause_and_reap() {
    ::usleep(static_cast<useconds_t>(std::chrono::microseconds(kSweep).count()));
    reap();
  }

  InstanceFolder folder_;
  Fd ready_, agent_ready_, signals_;
  std::function<void()> on_answer_;
  Instant booted_;
  pid_t agent_ = 0;
  Clock::time_point started_, start_at_;
  std::chrono::milliseconds backoff_ = kBackoffLeast;
  bool ending_ = false, ended_itself_ = false, restarting_ = false;
};

/// The first process of the new tree, from its birth on. go  hears when this process is on record; settled  is told when
/// it has settled in
[[noreturn]] void be_first_process(const InstanceFolder& folder, Isolation isolation, const std::string& hostname, Fd ready, Fd go,
                                   Fd settled) {
  char byte = 0;
  // Without a record of this process nobody could end it: if the parent dies before it wrote one, so does this.
  if (::read(go.get(), &byte, 1) != 1 || !settle_in(isolation, hostname).ok() || ::write(settled.get(), &byte, 1) != 1) ::_exit(1);
  go.reset();
  settled.reset();
  Init(folder, std::move(ready)).run();
  ::_exit(0);
}

Status fork_first_process(const InstanceFolder& folder, Isolation isolation, int lock, Fd ready) {
  TRY_ASSIGN(const auto hostname, read_file(folder.path() / "hostname"));
  TRY(leave_machine(isolation));
  std::array<int, 2> down{}, up{};
  if (::pipe2(down.data(), O_CLOEXEC) != 0 || ::pipe2(up.data(), O_CLOEXEC) != 0) return errno_error("open a pipe");
  Fd go_out(down[1]), go_in(down[0]), settled_out(up[1]), settled_in(up[0]);
  const pid_t first = ::fork();
  if (first < 0) return errno_error("start the instance");
  if (first == 0) {
    go_out.reset();
    settled_in.reset();
    be_first_process(folder, isolation, hostname, std::move(ready), std::move(go_in), std::move(settled_out));
  }
  go_in.reset();
  settled_out.reset();
  TRY(folder.write_first_process(lock, first));
  char byte = 'g';
  if (::write(go_out.get(), &byte, 1) != 1 || ::read(settled_in.get(), &byte, 1) != 1)
    return unavailable("the instance's first process could not settle in");
  return {};
}

Status start(const InstanceFolder& folder, int ready_fd) {
  Fd ready(ready_fd);
  ::fcntl(ready.get(), F_SETFD, FD_CLOEXEC);
  TRY_ASSIGN(const auto lock, folder.hold());
  // Looked at under the lock: whoever ends an instance first says so, and then waits for the lock.
  if (folder.power() != Power::kOn) return unavailable("the instance is to be off");
  InstanceFolder::Hold hold{folder.is_open() ? Isolation::kProcessTree : probe_isolation(), {}};
  // The name only has to differ between the instances of this machine.
  const auto group = Cgroup::enter(fmt::format("isobar-{:016x}", std::hash<std::string>{}(folder.path().string())));
  if (group.ok()) hold.cgroup = group->folder();
  TRY(folder.write_hold(hold));
  return fork_first_process(folder, hold.isolation, lock.get(), std::move(ready));
}

}  // namespace

Status run_instance(const fs::path& path, std::function<void()> on_answer) {
  const InstanceFolder folder(path);
  TRY_ASSIGN(const auto lock, folder.hold());
  if (folder.power() != Power::kOn) return unavailable("the instance is to be off");
  TRY(folder.write_hold({Isolation::kProcessTree, {}}));
  TRY(settle_in(Isolation::kProcessTree, {}));
  TRY(folder.write_first_process(lock.get(), ::getpid()));
  Init(folder, Fd(), std::move(on_answer)).run();
  return {};
}

int start_instance(const fs::path& folder, int ready_fd) {
  const auto started = start(InstanceFolder(folder), ready_fd);
  if (!started.ok()) fmt::print(stderr, "isobar-node: start the instance: {}\n", started.error().message());
  return started.ok() ? 0 : 1;
}

}  // namespace isobar::cloud
