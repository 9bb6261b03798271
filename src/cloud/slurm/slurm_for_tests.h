#pragma once

/// A real Slurm as a child process (slurm_for_tests.py) that ends with the test, or with this process.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "base/file.h"
#include "shell_for_tests.h"

namespace isobar::cloud {

class SlurmForTests {
 public:
  /// Errors   kUnavailable: why it cannot be had here, in one line
  static Result<std::unique_ptr<SlurmForTests>> start() {
    if (::geteuid() != 0) return unavailable("no Slurm here: slurmd needs root");
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) return errno_error("make a pipe");
    Fd child_in(in[0]), child_out(out[1]);
    std::unique_ptr<SlurmForTests> slurm(new SlurmForTests);
    slurm->wishes_ = Fd(in[1]), slurm->answers_ = Fd(out[0]);
    slurm->pid_ = ::fork();
    if (slurm->pid_ < 0) return errno_error("fork");
    if (slurm->pid_ == 0) {
      // When this process ends, however it does, the script's input ends and with it the script, which leaves nothing behind.
      ::dup2(in[0], STDIN_FILENO), ::dup2(out[1], STDOUT_FILENO);
      ::execlp("unshare", "unshare", "--uts", "--net", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child", "python3",
               ISOBAR_SOURCE_DIR "/src/cloud/slurm/slurm_for_tests.py", nullptr);
      ::_exit(127);
    }
    child_in.reset(), child_out.reset();
    const std::string line = slurm->read_line();
    if (!line.starts_with("READY "))
      return unavailable("no Slurm here: " +
                         (line.starts_with("SKIP ") ? line.substr(5) : std::string("namespaces or python3 cannot be had")));
    slurm->folder_ = line.substr(6);
    // unshare itself went into the network, and stays there until its child ends.
    slurm->network_ = fmt::format("/proc/{}/ns/net", slurm->pid_);
    return slurm;
  }

  SlurmForTests(const SlurmForTests&) = delete;
  ~SlurmForTests() {
    wishes_.reset();  // the script ends, and with it all that is in its namespaces
    ::waitpid(pid_, nullptr, 0);
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);  // what jobs wrote while the script removed it
  }

  const std::string& folder() const { return folder_; }
  /// A login host: commands there are the cluster's.
  ShellForTests shell() const { return ShellForTests({{"SLURM_CONF", folder_ + "/slurm.conf"}, {"HOME", folder_}}, network_); }

  /// The file of its network.
  const std::string& network() const { return network_; }

  /// Ends the slurmd of a node, or starts it anew.
  void kill(const std::string& node) { wish("kill " + node); }
  void revive(const std::string& node) { wish("start " + node); }

 private:
  SlurmForTests() = default;

  void wish(const std::string& line) {
    CHECK(write_all(wishes_.get(), line + "\n").ok(), line);
    const std::string answer = read_line();
    CHECK(answer == "DONE", line, answer);
  }

  std::string read_line() const {
    std::string line;
    for (char c; ::read(answers_.get(), &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }

  Fd wishes_, answers_;
  pid_t pid_ = -1;
  std::string folder_, network_;
};

}  // namespace isobar::cloud
