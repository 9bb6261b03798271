#include "kubernetes_for_tests.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/random.h"
#include "base/text.h"

namespace isobar::clouds {

std::string KubernetesForTests::binaries() {
  if (const char* named = std::getenv("ISOBAR_KUBERNETES"); named && *named) return named;
  const char* path = std::getenv("PATH");
  std::error_code absent;
  for (const auto folder : split(path ? path : "", ':'))
    if (!folder.empty() && fs::exists(fs::path(folder) / "kube-apiserver", absent) && fs::exists(fs::path(folder) / "etcd", absent))
      return std::string(folder);
  return {};
}

Result<std::unique_ptr<KubernetesForTests>> KubernetesForTests::start(const std::string& binaries) {
  if (::geteuid() != 0) return unavailable("no Kubernetes here: namespaces for its pods need root");
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) return errno_error("make a pipe");
  Fd child_in(in[0]), child_out(out[1]);
  std::unique_ptr<KubernetesForTests> cluster(new KubernetesForTests);
  cluster->wishes_ = Fd(in[1]), cluster->answers_ = Fd(out[0]);
  cluster->folder_ = fs::temp_directory_path() / ("isobar-kubernetes-" + secure_random_hex(4));
  TRY(make_folders(cluster->folder_));
  cluster->pid_ = ::fork();
  if (cluster->pid_ < 0) return errno_error("fork");
  if (cluster->pid_ == 0) {
    // When this process ends, however it does, the script's input ends and with it the script, which leaves nothing behind.
    ::dup2(in[0], STDIN_FILENO), ::dup2(out[1], STDOUT_FILENO);
    ::execlp("unshare", "unshare", "--uts", "--net", "--mount", "--mount-proc", "--pid", "--fork", "--kill-child", "python3",
             ISOBAR_SOURCE_DIR "/tests/clouds/kubernetes/cluster.py", cluster->folder_.c_str(), binaries.c_str(), nullptr);
    ::_exit(127);
  }
  child_in.reset(), child_out.reset();
  const std::string line = cluster->read_line();
  if (!line.starts_with("READY "))
    return unavailable("no Kubernetes here: " +
                       (line.starts_with("SKIP ") ? line.substr(5) : std::string("namespaces or python3 cannot be had")));
  // unshare itself went into the network, and stays there until its child ends.
  cluster->network_ = fmt::format("/proc/{}/ns/net", cluster->pid_);
  return cluster;
}

KubernetesForTests::~KubernetesForTests() {
  wishes_.reset();  // the script ends, and with it all that is in its namespaces
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string KubernetesForTests::tell(const std::string& command) {
  CHECK(write_all(wishes_.get(), command + "\n").ok(), command);
  const std::string answer = read_line();
  EXPECT_TRUE(answer.starts_with("OK")) << command << ": " << answer;
  return answer.size() > 3 ? answer.substr(3) : "";
}

std::string KubernetesForTests::read_line() const {
  std::string line;
  for (char c; ::read(answers_.get(), &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

}  // namespace isobar::clouds
