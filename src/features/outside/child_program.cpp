#include "child_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <thread>

#include "base/child.h"

namespace isobar::features {

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kLineMost = std::size_t{64} << 20, kErrorLineMost = 4096;
constexpr Duration kLook = 50ms;  // for a stop
constexpr int kLastWordsMs = 200;

Error failed(std::string_view what, int number) { return unavailable(fmt::format("{}: {}", what, std::strerror(number))); }

struct Ends {
  Fd ours, theirs;
};

Result<Ends> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed("make a pipe", errno);
  return Ends{Fd(ends[0]), Fd(ends[1])};
}

/// A socket in the place of a pipe to its standard input: one that is not read any more is an error of the call, and no signal.
Result<Ends> make_input() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return failed("make a socket", errno);
  return Ends{Fd(ends[0]), Fd(ends[1])};
}

/// False: there is no more.
bool drain(const Fd& from, std::string& into) {
  std::array<char, 64 << 10> buffer;
  const auto got = ::read(from.get(), buffer.data(), buffer.size());
  if (got > 0) into.append(buffer.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/// A process that ends closes its streams a little earlier.
bool has_ended(pid_t pid) {
  for (const auto end = Steady::now() + std::chrono::milliseconds(kLastWordsMs); Steady::now() < end;
       std::this_thread::sleep_for(std::chrono::milliseconds(1))) {
    siginfo_t left{};
    if (::waitid(P_PID, static_cast<id_t>(pid), &left, WEXITED | WNOHANG | WNOWAIT) == 0 && left.si_pid == pid) return true;
  }
  return false;
}

}  // namespace

ChildProgram::ChildProgram(pid_t pid, Fd to, Fd out, Fd err, Said said)
    : pid_(pid), to_(std::move(to)), out_(std::move(out)), err_(std::move(err)), said_(std::move(said)) {
  for (const Fd* fd : {&to_, &out_, &err_}) ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
}

Result<std::unique_ptr<ChildProgram>> ChildProgram::start(const std::vector<std::string>& words, Said said) {
  TRY_ASSIGN(Ends in, make_input());
  TRY_ASSIGN(Ends out, make_pipe());
  TRY_ASSIGN(Ends err, make_pipe());
  const auto pid = spawn_child(words, in.theirs.get(), out.theirs.get(), err.theirs.get());
  // Whatever it is, it may be mended while the store runs: it is tried again.
  if (!pid.ok()) return unavailable(pid.error().message());
  return std::unique_ptr<ChildProgram>(
      new ChildProgram(*pid, std::move(in.ours), std::move(out.ours), std::move(err.ours), std::move(said)));
}

ChildProgram::~ChildProgram() {
  // Once it was waited for, its number may be another's; its session was ended before that.
  if (ended_) return;
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::optional<double> ChildProgram::cpu_seconds() const {
  clockid_t clock{};
  timespec spent{};
  if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &spent) != 0) return std::nullopt;
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

Result<std::string> ChildProgram::converse(std::string_view line, Duration timeout, const std::stop_token& stop) {
  const auto end = Steady::now() + timeout;
  if (!heard_.empty()) return unavailable("it said more than a line for each line");
  std::string_view left = line;
  while (true) {
    if (const std::size_t at = heard_.find('\n'); at != std::string::npos) {
      if (at + 1 != heard_.size() || !left.empty()) return unavailable("it said more than a line for each line");
      heard_.pop_back();
      return std::exchange(heard_, {});
    }
    if (heard_.size() > kLineMost) return unavailable(fmt::format("it said a line of more than {} MiB", kLineMost >> 20));
    if (stop.stop_requested()) return Error(Code::kDeadlineExceeded, "stopped");
    const Duration rest = std::chrono::duration_cast<Duration>(end - Steady::now());
    if (rest <= Duration(0)) return Error(Code::kDeadlineExceeded, fmt::format("no answer within {}", format_duration(timeout)));
    TRY(turn(left, std::min<Duration>(rest, kLook)));
  }
}

/// Waits for one of the streams, and takes from it or gives to it.
Status ChildProgram::turn(std::string_view& left, Duration wait) {
  std::array<pollfd, 3> fds{{{left.empty() ? -1 : to_.get(), POLLOUT, 0}, {out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}}};
  const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
  if (ready < 0 && errno != EINTR) return failed("wait for a program", errno);
  if (ready <= 0) return {};
  if (fds[2].revents != 0) hear();
  if (fds[0].revents != 0) {
    const auto put = ::send(to_.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (put > 0) left.remove_prefix(static_cast<std::size_t>(put));
    else if (errno != EAGAIN && errno != EINTR && fds[1].revents == 0) return unavailable(how_it_ended());
  }
  if (fds[1].revents != 0 && !drain(out_, heard_)) return unavailable(how_it_ended());
  return {};
}

/// Takes what is on standard error, and tells its lines.
void ChildProgram::hear() {
  if (!drain(err_, errors_)) err_.reset();
  while (!errors_.empty()) {
    const std::size_t end = errors_.find('\n');
    if (end == std::string::npos && err_ && errors_.size() < kErrorLineMost) return;
    const std::size_t length = std::min({end, errors_.size(), kErrorLineMost});
    if (said_ && length > 0) said_(std::string_view(errors_).substr(0, length));
    errors_.erase(0, length + (end == length ? 1 : 0));
  }
}

std::string ChildProgram::how_it_ended() {
  // One that closed its output and goes on is ended here; one that ends has a moment for its last words.
  while (err_) {
    pollfd last{err_.get(), POLLIN, 0};
    if (::poll(&last, 1, kLastWordsMs) <= 0) break;
    hear();
  }
  const bool by_itself = has_ended(pid_);
  ::kill(-pid_, SIGKILL);
  int status = 0;
  ::waitpid(pid_, &status, 0);
  ended_ = true;
  if (!by_itself) return "it closed its input or output";
  if (WIFEXITED(status)) return fmt::format("it ended, with code {}", WEXITSTATUS(status));
  return fmt::format("it was ended by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
}

}  // namespace isobar::features
