// One supervisor stands over one rank. It is a session of its own and a child-subreaper: whatever the rank forks, in
// whatever session, stays below it in the process tree, so that ending the rank ends all of it and nothing else. It
// outlives the agent and keeps writing the rank's log; when the rank is over it leaves the exit code in the folder.

#include "broker/rank_supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <map>
#include <vector>

#include "base/process.h"
#include "log_file.h"
#include "rank_folder.h"

namespace isobar::broker {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kGrace = std::chrono::seconds(2);            // between SIGTERM and SIGKILL
constexpr auto kKillAgain = std::chrono::milliseconds(20);  // a tree may fork while it is being killed
constexpr auto kDrain = std::chrono::seconds(1);            // for output after the shell has ended
constexpr std::size_t kReadBytes = 64 << 10;
// The user's own set-up (conda, nvm, …) lives in .bashrc, as on any login; the script is sourced, so that its text
// never passes through an argument.
constexpr const char* kPrelude = R"([ -f ~/.bashrc ] && . ~/.bashrc; . "$0")";

class Supervisor {
 public:
  Supervisor(RankFolder folder, Fd ready) : folder_(std::move(folder)), ready_(std::move(ready)) {}

  /// Runs the claimed rank to its end.
  RankEnd run() {
    auto started = start();
    if (!started.ok()) return {std::nullopt, started.error().message()};
    ready_.reset();
    while (!over()) turn();
    drain();
    if (waits_for_uploads()) await_uploads();
    // Whoever ended the rank has its own verdict on the job; nobody has when the whole node is being ended.
    if (told_to_end_) return {std::nullopt, "it was ended with its node"};
    return {exit_code_, ""};
  }

 private:
  Status start() {
    TRY_ASSIGN(const auto order, folder_.take_order().context("read the rank's order"));
    const fs::path home = std::getenv("HOME") ? std::getenv("HOME") : "/";
    const fs::path logs = home / "sky_logs" / order.log_folder;
    TRY(make_folders(logs));
    TRY_ASSIGN(log_, [&]() -> Result<std::optional<LogWriter>> {
      TRY_ASSIGN(auto writer, LogWriter::open(logs / order.log_name));
      return std::optional<LogWriter>(std::move(writer));
    }());
    TRY(write_file(folder_.script(), order.script, Durability::kCache, 0700).context("write the rank's script"));
    leave_background_ = order.leave_background;
    TRY(watch_signals());
    return spawn(order, home);
  }

  Status watch_signals() {
    sigset_t watched;
    sigemptyset(&watched);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGCHLD);
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    signals_.reset(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return errno_error("watch signals");
    return {};
  }

  /// Where the next child writes, and this process reads.
  Result<Fd> open_output() {
    std::array<int, 2> pipe_ends{};
    if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0) return errno_error("open a pipe for the rank's output");
    output_.reset(pipe_ends[0]);
    ::fcntl(output_.get(), F_SETFL, O_NONBLOCK);
    return Fd(pipe_ends[1]);
  }

  Status spawn(const RankOrder& order, const fs::path& home) {
    TRY_ASSIGN(const Fd write_end, open_output());
    auto entries = environment_of(order);
    std::vector<char*> environment;
    for (auto& entry : entries) environment.push_back(entry.data());
    environment.push_back(nullptr);
    std::error_code absent;
    const fs::path workdir = home / "sky_workdir";
    const std::string folder = fs::is_directory(workdir, absent) ? workdir : home;
    const std::string script = folder_.script();
    shell_ = ::fork();
    if (shell_ < 0) return errno_error("start the rank's shell");
    if (shell_ == 0) become_shell(script.c_str(), folder.c_str(), environment.data(), write_end.get());
    return folder_.write_pid(shell_);
  }

  /// What the node gives every process, the order's own over it.
  std::vector<std::string> environment_of(const RankOrder& order) const {
    std::map<std::string, std::string> all;
    for (char** entry = environ; *entry; ++entry)
      if (const std::string_view text = *entry; text.find('=') != std::string_view::npos)
        all[std::string(text.substr(0, text.find('=')))] = text.substr(text.find('=') + 1);
    // So that a job can ask its node's own program for what it does for jobs.
    std::error_code absent;
    all["ISOBAR_NODE_PROGRAM"] = fs::read_symlink("/proc/self/exe", absent);
    for (const auto& [name, value] : order.environment) all[name] = value;
    std::vector<std::string> entries{folder_.environment_entry()};
    for (const auto& [name, value] : all) entries.push_back(name + "=" + value);
    return entries;
  }

  static void become_own_session(int output) {
    ::setsid();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
  }

  [[noreturn]] static void become_shell(const char* script, const char* folder, char** environment, int output) {
    become_own_session(output);
    if (::chdir(folder) != 0) ::_exit(126);
    const char* arguments[] = {"bash", "-c", kPrelude, script, nullptr};
    ::execve("/bin/bash", const_cast<char* const*>(arguments), environment);
    ::_exit(127);
  }

  /// Whether everything that belongs to the rank has ended and said what it had to say.
  bool over() const {
    if (killing_) return no_children_;
    if (!exit_code_) return false;
    if (leave_background_) return !output_ || Clock::now() >= drained_by_;
    return no_children_ && (!output_ || Clock::now() >= drained_by_);
  }

  /// Waits for the next thing to happen, and handles it.
  void turn() {
    std::array<pollfd, 2> fds{{{signals_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), timeout());
    if (fds[1].revents != 0) read_output();
    if (fds[0].revents != 0) read_signals();
    reap();
    // The shell ended: what still runs in the background had its time to finish writing, and goes with it.
    if (exit_code_ && !leave_background_ && !killing_ && !no_children_ && (!output_ || Clock::now() >= drained_by_)) begin_kill();
    if (killing_ && !no_children_ && Clock::now() >= next_kill_) kill_tree();
  }

  int timeout() const {
    const auto until = [](Clock::time_point at) {
      return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(at - Clock::now()).count()));
    };
    if (killing_) return until(next_kill_);
    return exit_code_ ? until(drained_by_) : -1;
  }

  void read_output() {
    std::array<char, kReadBytes> buffer;
    const auto got = ::read(output_.get(), buffer.data(), buffer.size());
    if (got > 0) log_->append({buffer.data(), static_cast<std::size_t>(got)});
    if (got == 0) output_.reset();
  }

  void read_signals() {
    signalfd_siginfo info;
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info))
      if (info.ssi_signo == SIGTERM && !std::exchange(told_to_end_, true)) begin_kill();
  }

  void reap() {
    for (;;) {
      int status = 0;
      const auto pid = ::waitpid(-1, &status, WNOHANG);
      if (pid < 0 && errno == ECHILD) no_children_ = true;
      if (pid <= 0) return;
      if (pid != shell_) continue;
      exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      drained_by_ = Clock::now() + kDrain;
    }
  }

  void begin_kill() {
    killing_ = true;
    for (const auto pid : descendants(::getpid())) ::kill(pid, SIGTERM);
    next_kill_ = Clock::now() + kGrace;
  }

  void kill_tree() {
    for (const auto pid : descendants(::getpid())) ::kill(pid, SIGKILL);
    next_kill_ = Clock::now() + kKillAgain;
  }

  /// A job that wrote to a mounted bucket is over when that is in the bucket.
  bool waits_for_uploads() const {
    std::error_code absent;
    const char* home = std::getenv("HOME");
    return !told_to_end_ && !leave_background_ && home && fs::exists(fs::path(home) / ".isobar" / "mounts", absent);
  }

  /// Runs `isobar-node settle` as the shell was run: what it says is in the job's log, and the job can be cancelled meanwhile. A job that
  /// did well fails when its files do not arrive.
  void await_uploads() {
    const int shell_code = *exit_code_;
    exit_code_.reset();
    killing_ = no_children_ = false;
    auto started = open_output();
    if (started.ok()) {
      const Fd write_end = std::move(*started);
      shell_ = ::fork();
      if (shell_ == 0) become_settler(write_end.get());
    }
    if (!started.ok() || shell_ < 0) return void(exit_code_ = shell_code != 0 ? shell_code : 1);
    while (!over()) turn();
    drain();
    if (shell_code != 0 || !exit_code_) exit_code_ = shell_code;
  }

  [[noreturn]] static void become_settler(int output) {
    become_own_session(output);
    const char* arguments[] = {"isobar-node", "settle", nullptr};
    ::execv("/proc/self/exe", const_cast<char* const*>(arguments));
    ::_exit(127);
  }

  /// What lies in the pipe when everyone is gone.
  void drain() {
    for (;;) {
      std::array<char, kReadBytes> buffer;
      const auto got = output_ ? ::read(output_.get(), buffer.data(), buffer.size()) : 0;
      if (got <= 0) return;
      log_->append({buffer.data(), static_cast<std::size_t>(got)});
    }
  }

  RankFolder folder_;
  Fd ready_, signals_, output_;
  std::optional<LogWriter> log_;
  bool leave_background_ = false;
  pid_t shell_ = 0;
  std::optional<int> exit_code_;  // of the shell, once it has ended
  bool no_children_ = false;
  Clock::time_point drained_by_;
  bool told_to_end_ = false, killing_ = false;
  Clock::time_point next_kill_;
};

}  // namespace

int supervise_rank(const fs::path& path, int ready_fd) {
  const RankFolder folder(path);
  Fd ready(ready_fd);
  ::fcntl(ready.get(), F_SETFD, FD_CLOEXEC);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const auto claimed = folder.claim();
  if (!claimed.ok()) return 1;
  if (!*claimed) return 0;
  const auto end = Supervisor(folder, std::move(ready)).run();
  return folder.write_end(end).ok() ? 0 : 1;
}

}  // namespace isobar::broker
