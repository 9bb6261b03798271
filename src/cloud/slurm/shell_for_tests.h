#pragma once

/// A shell for tests: /bin/sh as a child, with an environment of its own and, where wanted, in the network of another process.

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cloud/remote_shell.h"

namespace isobar::cloud {

class ShellForTests final : public RemoteShell {
 public:
  /// network  a namespace file ("/proc/7/ns/net"); empty: this process's own
  explicit ShellForTests(std::map<std::string, std::string> environment = {}, std::string network = {})
      : environment_(std::move(environment)), network_(std::move(network)) {}

  const std::string& name() const override { return name_; }

  Result<CommandOutput> run(const std::string& command, std::string_view input, Duration deadline) override {
    commands.push_back(command);
    int in[2], out[2], err[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) return errno_error("make a pipe");
    Fd child_in(in[0]), to_child(in[1]), output(out[0]), child_out(out[1]), errors(err[0]), child_err(err[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return errno_error("fork");
    if (pid == 0) become(command, in[0], out[1], err[1]);
    child_in.reset(), child_out.reset(), child_err.reset();
    // What is sent here is shorter than a pipe holds, so it is sent before anything is read.
    if (const auto sent = write_all(to_child.get(), input); !sent.ok()) return sent.error();
    to_child.reset();
    CommandOutput answer;
    const bool in_time = read_both(output.get(), errors.get(), answer, deadline);
    if (!in_time) ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (!in_time) return Error(Code::kDeadlineExceeded, "the test's shell did not end in time");
    answer.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return answer;
  }

  Result<Fd> open(const std::string&) override { return unavailable("the test's shell opens nothing"); }

  std::vector<std::string> commands;  ///< all that were run

 private:
  [[noreturn]] void become(const std::string& command, int in, int out, int err) const {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!network_.empty()) {
      const Fd file(::open(network_.c_str(), O_RDONLY | O_CLOEXEC));
      if (!file || ::setns(file.get(), CLONE_NEWNET) != 0) ::_exit(126);
    }
    for (const auto& [key, value] : environment_) ::setenv(key.c_str(), value.c_str(), 1);
    ::dup2(in, STDIN_FILENO), ::dup2(out, STDOUT_FILENO), ::dup2(err, STDERR_FILENO);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }

  static bool read_both(int out, int err, CommandOutput& answer, Duration deadline) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    pollfd watched[] = {{out, POLLIN, 0}, {err, POLLIN, 0}};
    std::string* into[] = {&answer.out, &answer.err};
    while (watched[0].fd >= 0 || watched[1].fd >= 0) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
      if (left <= 0 || ::poll(watched, 2, static_cast<int>(left)) <= 0) return false;
      for (int i = 0; i < 2; ++i) {
        if (watched[i].fd < 0 || watched[i].revents == 0) continue;
        char bytes[4096];
        const auto count = ::read(watched[i].fd, bytes, sizeof bytes);
        if (count > 0) into[i]->append(bytes, static_cast<std::size_t>(count));
        else watched[i].fd = -1;
      }
    }
    return true;
  }

  std::string name_ = "test";
  std::map<std::string, std::string> environment_;
  std::string network_;
};

/// A shell that answers from a script and runs nothing.
class ScriptedShell final : public RemoteShell {
 public:
  explicit ScriptedShell(std::function<Result<CommandOutput>(const std::string& command, std::string_view input)> answer)
      : answer_(std::move(answer)) {}
  const std::string& name() const override { return name_; }
  Result<CommandOutput> run(const std::string& command, std::string_view input, Duration) override { return answer_(command, input); }
  Result<Fd> open(const std::string&) override { return unavailable("a scripted shell opens nothing"); }

 private:
  std::function<Result<CommandOutput>(const std::string&, std::string_view)> answer_;
  std::string name_ = "script";
};

}  // namespace isobar::cloud
