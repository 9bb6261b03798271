#include "base/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

extern char** environ;

namespace isobar {

namespace {

using Steady = std::chrono::steady_clock;

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

struct Pipe {
  Fd read_end, write_end;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("make a pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

/// Feeds and drains a child until both of its outputs have ended.
class Conversation {
 public:
  Conversation(Fd to, Fd out, Fd err, std::string_view input)
      : to_(std::move(to)), out_(std::move(out)), err_(std::move(err)), left_(input) {
    for (const Fd* fd : {&to_, &out_, &err_}) ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
    if (left_.empty()) to_.reset();
  }

  Status run(Steady::time_point end, std::size_t output_max, ChildOutput& said) {
    while (out_ || err_) {
      std::array<pollfd, 3> fds{{{to_.get(), POLLOUT, 0}, {out_.get(), POLLIN, 0}, {err_.get(), POLLIN, 0}}};
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(end - Steady::now()).count();
      const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<std::int64_t>(wait, 0, 1 << 30)));
      if (ready < 0 && errno != EINTR) return errno_error("wait for a program");
      if (ready == 0 && Steady::now() >= end) return Error(Code::kDeadlineExceeded, "it did not end in time");
      if (fds[0].revents != 0) feed();
      if (fds[1].revents != 0) drain(out_, said.out);
      if (fds[2].revents != 0) drain(err_, said.err);
      if (said.out.size() + said.err.size() > output_max) return Error(Code::kExhausted, "it says more than is taken");
    }
    return {};
  }

 private:
  void feed() {
    const auto put = ::write(to_.get(), left_.data(), left_.size());
    if (put > 0) left_.remove_prefix(static_cast<std::size_t>(put));
    if (left_.empty() || (put < 0 && errno != EAGAIN && errno != EINTR)) to_.reset();
  }
  static void drain(Fd& from, std::string& into) {
    std::array<char, 64 << 10> buffer;
    const auto got = ::read(from.get(), buffer.data(), buffer.size());
    if (got > 0) into.append(buffer.data(), static_cast<std::size_t>(got));
    else if (got == 0 || (errno != EAGAIN && errno != EINTR)) from.reset();
  }

  Fd to_, out_, err_;
  std::string_view left_;
};

/// A child that reads no more must not end this process.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before_);
  }
  ~WithoutSigpipe() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    const timespec at_once{};
    if (!sigismember(&before_, SIGPIPE))
      while (::sigtimedwait(&pipe, nullptr, &at_once) > 0) {}
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t before_{};
};

// In a child between fork and exec: calls that are safe there alone.
[[noreturn]] void become(const char* program, const std::vector<char*>& words, int stream, int nothing) {
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  ::dup2(stream, STDIN_FILENO);
  ::dup2(stream, STDOUT_FILENO);
  ::dup2(nothing, STDERR_FILENO);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(program, words.data());
  ::_exit(127);
}

}  // namespace

Result<pid_t> spawn_child(const std::vector<std::string>& words, int in, int out, int err) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, words[0].c_str(), &files, &attributes, pointers_to(words).data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed == ENOENT) return not_found("there is no program '" + words[0] + "' here");
  if (failed == ENOEXEC) return invalid(words[0] + " is no program: a script begins with a line as #!/usr/bin/python3");
  if (failed == EACCES) return Error(Code::kPermissionDenied, words[0] + " may not be run: chmod +x it");
  if (failed != 0) return errno_error("start " + words[0], failed);
  return pid;
}

Result<ChildOutput> run_child(const std::vector<std::string>& words, std::string_view input, Duration deadline, std::size_t output_max) {
  CHECK(!words.empty());
  const auto end = Steady::now() + deadline;
  TRY_ASSIGN(auto in, make_pipe());
  TRY_ASSIGN(auto out, make_pipe());
  TRY_ASSIGN(auto err, make_pipe());
  TRY_ASSIGN(const pid_t pid, spawn_child(words, in.read_end.get(), out.write_end.get(), err.write_end.get()));
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  ChildOutput said;
  const WithoutSigpipe quiet;
  auto heard = Conversation(std::move(in.write_end), std::move(out.read_end), std::move(err.read_end), input).run(end, output_max, said);
  if (!heard.ok()) ::kill(-pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  TRY(std::move(heard).context(words[0]));
  said.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return said;
}

Result<Fd> open_child(const std::vector<std::string>& words, const fs::path& program) {
  CHECK(!words.empty());
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return errno_error("start " + words[0]);
  Fd mine(ends[0]);
  const Fd theirs(ends[1]);
  const Fd nothing(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const auto pointers = pointers_to(words);
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("start " + words[0]);
  if (pid == 0) become(program.empty() ? pointers[0] : program.c_str(), pointers, theirs.get(), nothing.get());
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
  ::fcntl(mine.get(), F_SETFL, O_NONBLOCK);
  return mine;
}

}  // namespace isobar
