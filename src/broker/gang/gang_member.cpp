#include "gang_member.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>

#include "broker/secure_relay.h"

namespace isobar::broker {

namespace {

constexpr Duration kAnswerMost = std::chrono::seconds(10), kWriteMost = std::chrono::seconds(30);
constexpr auto kTryAgainLeast = std::chrono::milliseconds(50), kTryAgainMost = std::chrono::milliseconds(1000);
constexpr std::size_t kReadAtOnce = 64 << 10;
constexpr int kNotRun = 127;

/// None: nobody of this job listens there, or not yet.
std::optional<Channel> try_port(const GangPlace& place, std::uint16_t port, const GangMember& self) {
  auto socket = dial_relay(place.addresses[0], port, place.key);
  if (!socket.ok()) return std::nullopt;
  Channel channel(std::move(*socket));
  if (!channel.send(encode(GangMessage{GangKind::kHello, 0, encode(self)}), kAnswerMost).ok()) return std::nullopt;
  const auto answer = channel.receive(kAnswerMost).and_then([](std::string&& bytes) { return decode_gang_message(bytes); });
  if (!answer.ok() || answer->kind != GangKind::kWelcome) return std::nullopt;
  return channel;
}

struct RunningCommand {
  pid_t pid = -1;
  Fd out, err;
};

/// In a process group of its own, so that it can be ended with all that it started.
Result<RunningCommand> start_shell(const std::string& line) {
  int out[2], err[2];
  if (::pipe2(out, O_CLOEXEC) != 0) return errno_error("make a pipe");
  Fd out_read(out[0]), out_write(out[1]);
  if (::pipe2(err, O_CLOEXEC) != 0) return errno_error("make a pipe");
  Fd err_read(err[0]), err_write(err[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("start a command");
  if (pid == 0) {
    ::setpgid(0, 0);
    ::signal(SIGPIPE, SIG_DFL);
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO), ::dup2(out_write.get(), STDOUT_FILENO), ::dup2(err_write.get(), STDERR_FILENO);
    ::execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    ::_exit(kNotRun);
  }
  ::setpgid(pid, pid);
  return RunningCommand{pid, std::move(out_read), std::move(err_read)};
}

bool has_ended(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/// Hands on what both streams say until both end, or the command has ended and has said all: what it left in the background may hold them
/// open, and talk, for as long as it likes.
void carry_output(const RunningCommand& command, const std::function<void(GangKind, std::string)>& say) {
  std::array<pollfd, 2> streams{{{command.out.get(), POLLIN, 0}, {command.err.get(), POLLIN, 0}}};
  std::string buffer(kReadAtOnce, '\0');
  constexpr int kLookMs = 100;
  constexpr auto kLastWords = std::chrono::seconds(1);
  std::optional<std::chrono::steady_clock::time_point> ended;
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    const int ready = ::poll(streams.data(), streams.size(), kLookMs);
    const auto now = std::chrono::steady_clock::now();
    if (ended && (ready == 0 || now - *ended > kLastWords)) return;
    if (!ended && has_ended(command.pid)) ended = now;
    for (auto& stream : streams) {
      if (stream.fd < 0 || stream.revents == 0) continue;
      const auto got = ::read(stream.fd, buffer.data(), buffer.size());
      if (got <= 0) stream.fd = -1;
      else say(&stream == streams.data() ? GangKind::kOutput : GangKind::kErrors, buffer.substr(0, static_cast<std::size_t>(got)));
    }
  }
}

/// Waits for its end, but leaves its number taken.
void await_end(pid_t pid) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {}
}

/// Of one that has ended.
int exit_code_of(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Channel GangSeat::join(const GangPlace& place, const std::string& host) {
  const GangMember self{place.rank, host, static_cast<int>(std::thread::hardware_concurrency())};
  Duration pause = kTryAgainLeast;
  for (;;) {
    for (const auto port : gang_ports(place.task_id))
      if (auto channel = try_port(place, port, self)) return std::move(*channel);
    std::this_thread::sleep_for(pause);
    pause = std::min<Duration>(pause * 2, kTryAgainMost);
  }
}

GangSeat::~GangSeat() {
  {
    const std::scoped_lock lock(running_);
    for (const auto& [command, group] : processes_) ::kill(-group, SIGKILL);
  }
  threads_.clear();
}

void GangSeat::send(const GangMessage& message) {
  const std::scoped_lock lock(sending_);
  (void)channel_.send(encode(message), kWriteMost).ok();
}

Status GangSeat::serve() {
  for (;;) {
    TRY_ASSIGN(const auto bytes, channel_.receive(kForever).context("rank 0 is gone"));
    TRY_ASSIGN(auto message, decode_gang_message(bytes));
    if (message.kind == GangKind::kEnd) return {};
    if (message.kind == GangKind::kRun)
      threads_.emplace_back([this, command = message.command, line = std::move(message.payload)] { run(command, line); });
    if (message.kind != GangKind::kKill) continue;
    const std::scoped_lock lock(running_);
    if (const auto found = processes_.find(message.command); found != processes_.end()) ::kill(-found->second, SIGTERM);
  }
}

void GangSeat::run(std::uint32_t command, const std::string& line) {
  auto started = Result<RunningCommand>(unavailable(""));
  {
    const std::scoped_lock lock(running_);
    started = start_shell(line);
    if (started.ok()) processes_[command] = started->pid;
  }
  if (!started.ok()) {
    send({GangKind::kErrors, command, started.error().message() + "\n"});
    return send({GangKind::kExit, command, fmt::to_string(kNotRun)});
  }
  carry_output(*started, [&](GangKind kind, std::string bytes) { send({kind, command, std::move(bytes)}); });
  await_end(started->pid);
  int exit_code = 0;
  {
    // Until here its process group cannot be another's.
    const std::scoped_lock lock(running_);
    processes_.erase(command);
    exit_code = exit_code_of(started->pid);
  }
  send({GangKind::kExit, command, fmt::to_string(exit_code)});
}

}  // namespace isobar::broker
