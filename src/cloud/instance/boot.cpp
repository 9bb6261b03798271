#include "cloud/boot.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/text.h"

namespace isobar::cloud {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPause = std::chrono::milliseconds(5);
constexpr std::size_t kConsoleTail = 2000;
constexpr int kReadyFd = 3;

struct Starting {
  InstanceFolder folder;
  Fd ready;  // hears 'R' when the agent answers, 'F' or the end when it cannot; none: someone else booted it
};

/// Becomes the daemon: a session of its own, nothing of the caller's open, nothing the caller must wait for.
[[noreturn]] void become_instance(const char* program, const char* folder, const char* console, int ready, char** environment) {
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  const int nothing = ::open("/dev/null", O_RDONLY);
  const int log = ::open(console, O_WRONLY | O_CREAT | O_APPEND, 0600);
  // Through high numbers, so that none of the four is overwritten before it is moved.
  const int kept[] = {::fcntl(nothing, F_DUPFD, 10), ::fcntl(log, F_DUPFD, 10), ::fcntl(ready, F_DUPFD, 10)};
  ::dup2(kept[0], STDIN_FILENO);
  ::dup2(kept[1], STDOUT_FILENO);
  ::dup2(kept[1], STDERR_FILENO);
  ::dup2(kept[2], kReadyFd);
  ::close_range(kReadyFd + 1, ~0U, 0);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(022);
  if (::chdir("/") != 0) ::_exit(1);
  const char* arguments[] = {"isobar-node", "init", folder, nullptr};
  ::execve(program, const_cast<char* const*>(arguments), environment);
  ::_exit(127);
}

Result<Starting> boot(const InstanceFolder& folder, const fs::path& program) {
  TRY(folder.set_answers(false));
  TRY(folder.set_power(Power::kOn));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("boot the instance");
  Fd ready(ends[0]);
  const Fd write_end(ends[1]);
  // Everything that allocates comes before the fork: this process may have other threads.
  std::vector<char*> environment;
  for (char** entry = environ; *entry; ++entry)
    if (is_for_nodes(*entry)) environment.push_back(*entry);
  environment.push_back(nullptr);
  const std::string path = folder.path(), console = folder.console(), executable = program;
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("boot the instance");
  if (pid == 0) become_instance(executable.c_str(), path.c_str(), console.c_str(), write_end.get(), environment.data());
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
  return Starting{folder, std::move(ready)};
}

/// Until the agent of an instance that another process began to boot answers.
Status await_other(const InstanceFolder& folder, Clock::time_point end) {
  while (!folder.answers()) {
    if (!folder.alive()) return unavailable("the instance died while it started");
    if (Clock::now() >= end) return Error(Code::kDeadlineExceeded, "the agent did not answer in time");
    std::this_thread::sleep_for(kPause);
  }
  return {};
}

/// Until the agent answers.
Status await(const Starting& starting, Clock::time_point end) {
  if (!starting.ready) return await_other(starting.folder, end);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
  pollfd fd{starting.ready.get(), POLLIN, 0};
  const int ready = ::poll(&fd, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
  char byte = 0;
  const bool heard = ready > 0 && ::read(starting.ready.get(), &byte, 1) == 1;
  if (heard && byte == 'R') return {};
  if (ready == 0) return Error(Code::kDeadlineExceeded, "the agent did not answer in time");
  // A process that was about to boot it when its creator died came first.
  if (!heard && starting.folder.alive()) return await_other(starting.folder, end);
  const auto console = read_file(starting.folder.console());
  const auto said = console.ok() ? console->substr(console->size() - std::min(console->size(), kConsoleTail)) : std::string();
  return unavailable("the instance did not start: " + std::string(trim(said)));
}

}  // namespace

bool is_for_nodes(std::string_view entry) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "PATH",     "LANG",       "LANGUAGE",    "TZ",       "USER",          "LOGNAME",      "SHELL",           "HTTP_PROXY", "HTTPS_PROXY",
      "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "CUDA_HOME"};
  const auto name = entry.substr(0, entry.find('='));
  return name.starts_with("LC_") || name.starts_with("ASAN_") || name.starts_with("UBSAN_") ||
         std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Status boot_instances(const std::vector<InstanceFolder>& folders, const fs::path& program, Duration deadline) {
  const auto end = Clock::now() + deadline;
  std::vector<Starting> starting;
  for (const auto& folder : folders) {
    if (folder.alive()) {
      starting.push_back({folder, Fd()});
      continue;
    }
    TRY_ASSIGN(auto one, boot(folder, program));
    starting.push_back(std::move(one));
  }
  for (const auto& one : starting) TRY(await(one, end).context("instance " + one.folder.path().filename().string()));
  return {};
}

Status end_instances(const std::vector<InstanceFolder>& folders) {
  std::vector<Status> outcomes(folders.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < folders.size(); ++i)
      threads.emplace_back([&, i] { outcomes[i] = folders[i].end_processes(kInstanceGrace); });
  }
  for (auto& outcome : outcomes) TRY(std::move(outcome));
  return {};
}

InstanceState state_of(const InstanceFolder& folder) {
  if (!folder.exists()) return InstanceState::kPending;  // Planned; its creation was cut short, or goes on elsewhere.
  const auto power = folder.power();
  if (folder.alive() && power != Power::kOn) return InstanceState::kStopping;
  if (folder.alive()) return folder.answers() ? InstanceState::kRunning : InstanceState::kPending;
  // One that should be on and is not has died; its disk is there, and it can be started.
  return power == Power::kTerminated ? InstanceState::kTerminated : InstanceState::kStopped;
}

}  // namespace isobar::cloud
