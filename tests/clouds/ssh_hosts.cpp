#include "ssh_hosts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/text.h"

namespace isobar::clouds {

namespace {

std::string read_line(int fd) {
  std::string line;
  for (char c; ::read(fd, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

}  // namespace

Result<std::unique_ptr<SshHosts>> SshHosts::start(const fs::path& folder, int count) {
  auto hosts = std::unique_ptr<SshHosts>(new SshHosts());
  hosts->folder_ = folder;
  TRY(make_folders(folder));
  int to_child[2], from_child[2];
  if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0) return errno_error("make a pipe");
  Fd input(to_child[0]), output(from_child[1]);
  hosts->to_ = Fd(to_child[1]);
  hosts->from_ = Fd(from_child[0]);
  const std::string path = folder, number = std::to_string(count);
  hosts->pid_ = ::fork();
  if (hosts->pid_ < 0) return errno_error("fork");
  if (hosts->pid_ == 0) {
    ::dup2(input.get(), STDIN_FILENO);
    ::dup2(output.get(), STDOUT_FILENO);
    ::execlp("python3", "python3", ISOBAR_SOURCE_DIR "/tests/clouds/ssh_hosts.py", path.c_str(), number.c_str(), nullptr);
    ::_exit(127);
  }
  input.reset();
  output.reset();
  const auto line = read_line(hosts->from_.get());
  if (line == "READY") return hosts;
  return unavailable(line.starts_with("SKIP ") ? line.substr(5) : "python3 did not start them");
}

SshHosts::~SshHosts() {
  if (pid_ <= 0) return;
  to_.reset();  // the script ends what it started
  ::waitpid(pid_, nullptr, 0);
}

void SshHosts::tell(const std::string& verb, int host) {
  ASSERT_TRUE(write_all(to_.get(), verb + " " + std::to_string(host) + "\n").ok());
  ASSERT_EQ(read_line(from_.get()), "OK") << verb << " " << host;
}

std::string SshHosts::on(int host, const std::string& command) const {
  const auto said = run_child({"ssh", "-F", config_file(), "h" + std::to_string(host), command}, {}, std::chrono::seconds(20));
  if (!said.ok()) return said.error().message();
  return std::string(trim(said->out));
}

}  // namespace isobar::clouds
