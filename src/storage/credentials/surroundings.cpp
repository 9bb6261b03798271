#include "storage/surroundings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/file.h"

namespace isobar::storage {

namespace {

constexpr std::chrono::seconds kProgramSeconds{60};
constexpr std::size_t kOutputBytesMost = 1 << 20;

std::string home_folder() {
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') return home;
  const passwd* entry = ::getpwuid(::getuid());
  return entry != nullptr ? entry->pw_dir : "/";
}

// Everything up to the end of the output, or nothing when that does not come in time.
std::optional<std::string> read_until_end(int fd) {
  const auto deadline = std::chrono::steady_clock::now() + kProgramSeconds;
  std::string text;
  for (char piece[4096];;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{fd, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0 || text.size() > kOutputBytesMost) return std::nullopt;
    const ssize_t bytes = ::read(fd, piece, sizeof piece);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) return text;
    text.append(piece, static_cast<std::size_t>(bytes));
  }
}

Result<std::string> run(const std::string& command) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return errno_error("make a pipe");
  Fd from(pipe_ends[0]), to(pipe_ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return errno_error("start a program");
  if (child == 0) {
    ::setsid();
    ::dup2(to.get(), STDOUT_FILENO);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  to.reset();
  auto text = read_until_end(from.get());
  if (!text) ::kill(-child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  // What it printed may hold a secret, and is never part of a message.
  if (!text) return Error(Code::kDeadlineExceeded, fmt::format("it did not end within {} s", kProgramSeconds.count()));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return Error(Code::kPermissionDenied, WIFEXITED(status) ? fmt::format("it ended with code {}", WEXITSTATUS(status)) : "it was killed");
  return std::move(*text);
}

}  // namespace

Surroundings Surroundings::of_process() {
  Surroundings surroundings;
  surroundings.variable = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  };
  surroundings.read_file = [](const std::string& path) { return isobar::read_file(path, 1 << 20); };
  surroundings.run_program = [](std::string command, const Done<std::string>& done) {
    std::thread([command = std::move(command), done] { done(run(command)); }).detach();
  };
  surroundings.home = home_folder();
  return surroundings;
}

}  // namespace isobar::storage
