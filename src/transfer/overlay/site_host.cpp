// Gateways as children of this process: directly, in a network namespace, or behind the user's own ssh.

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "transfer/gateway_sites.h"

namespace isobar::transfer {

namespace {

class ChildGateway final : public StartedGateway {
 public:
  explicit ChildGateway(pid_t pid) : pid_(pid) {}
  // Its input ends first, which ends it; what does not end by itself is ended.
  ~ChildGateway() override {
    to.reset();
    for (int i = 0; i < 200; ++i) {
      if (::waitpid(pid_, nullptr, WNOHANG) != 0) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

// In the child, between fork and exec: calls that are safe there alone.
[[noreturn]] void become(const std::vector<char*>& words, int in, int out, int network) {
  if (network >= 0 && ::setns(network, CLONE_NEWNET) != 0) ::_exit(126);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::signal(SIGPIPE, SIG_DFL);
  // Ctrl-C is for the owner, who ends its gateways in order; if it is killed, they see the end of their input.
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(words[0], words.data());
  ::_exit(127);
}

Result<std::unique_ptr<StartedGateway>> run_child(const std::vector<std::string>& command, const std::string& namespace_path) {
  Fd network;
  if (!namespace_path.empty()) {
    network = Fd(::open(namespace_path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!network) return errno_error(fmt::format("open the network namespace {}", namespace_path));
  }
  int down[2], up[2];
  if (::pipe2(down, O_CLOEXEC) != 0) return errno_error("make a pipe");
  Fd in(down[0]), to(down[1]);
  if (::pipe2(up, O_CLOEXEC) != 0) return errno_error("make a pipe");
  Fd from(up[0]), out(up[1]);
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return errno_error("start a process");
  if (pid == 0) become(words, in.get(), out.get(), network.get());
  auto started = std::make_unique<ChildGateway>(pid);
  started->to = std::move(to);
  started->from = std::move(from);
  return std::unique_ptr<StartedGateway>(std::move(started));
}

class SiteHost final : public GatewayHost {
 public:
  SiteHost(std::vector<GatewaySite> sites, fs::path node_program) : node_program_(std::move(node_program)) {
    for (auto& site : sites) sites_[site.region].push_back(std::move(site));
  }

  Result<std::unique_ptr<StartedGateway>> start(const std::string& region, const std::string& gateway) override {
    const GatewaySite* site = site_of(region, parse_gateway_id(gateway).number);
    if (!site) return not_found(fmt::format("there is no machine in {}", region));
    if (site->ssh.empty()) return run_child({node_program_.string(), "gateway"}, site->namespace_path);
    TRY_ASSIGN(const std::string program, placed_program(site->ssh).context(fmt::format("start a gateway on {}", site->ssh)));
    return run_child({"ssh", "-T", "-o", "BatchMode=yes", site->ssh, "exec " + program + " gateway"}, {});
  }

  std::optional<std::string> address(const std::string& region, std::size_t number, const std::string& from) const override {
    const GatewaySite* site = site_of(region, number);
    if (!site) return std::nullopt;
    const auto special = site->address_from.find(from);
    if (special != site->address_from.end()) return special->second;
    return site->address.empty() ? std::nullopt : std::optional(site->address);
  }

  int machines(const std::string& region) const override {
    const auto sites = sites_.find(region);
    return sites == sites_.end() ? 0 : static_cast<int>(sites->second.size());
  }

  std::vector<std::string> regions() const override {
    std::vector<std::string> names;
    for (const auto& [region, sites] : sites_) names.push_back(region);
    return names;
  }

 private:
  // Machines of a region are counted as gateways are, round and round.
  const GatewaySite* site_of(const std::string& region, std::size_t number) const {
    const auto sites = sites_.find(region);
    return sites == sites_.end() ? nullptr : &sites->second[number % sites->second.size()];
  }

  // The program on that machine, sent there if it is not there yet: under a name of its content, so that versions stand side by side.
  Result<std::string> placed_program(const std::string& host) {
    const std::scoped_lock lock(mutex_);
    if (remote_name_.empty()) {
      TRY_ASSIGN(const std::string program, read_file(node_program_, 256 << 20));
      remote_name_ = ".isobar/bin/isobar-node-" + crypto::to_hex(crypto::sha256(program)).substr(0, 16);
    }
    if (placed_.count(host) != 0) return remote_name_;
    const std::string command =
        fmt::format("test -x {0} || {{ mkdir -p .isobar/bin && cat > {0}.$$ && chmod 755 {0}.$$ && mv {0}.$$ {0}; }}", remote_name_);
    TRY(run_with_input({"ssh", "-T", "-o", "BatchMode=yes", host, command}, node_program_));
    placed_.insert(host);
    return remote_name_;
  }

  static Status run_with_input(const std::vector<std::string>& command, const fs::path& input) {
    const Fd file(::open(input.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return errno_error(fmt::format("open {}", input.string()));
    std::vector<char*> words;
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid < 0) return errno_error("start a process");
    if (pid == 0) become(words, file.get(), STDERR_FILENO, -1);
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
      return unavailable(fmt::format("'{}' ended with code {}; can you reach the machine by hand?", command[0],
                                     WIFEXITED(status) ? WEXITSTATUS(status) : -1));
    return {};
  }

  fs::path node_program_;
  std::map<std::string, std::vector<GatewaySite>> sites_;
  std::mutex mutex_;
  std::string remote_name_;
  std::set<std::string> placed_;
};

}  // namespace

std::unique_ptr<GatewayHost> make_site_host(std::vector<GatewaySite> sites, fs::path node_program) {
  return std::make_unique<SiteHost>(std::move(sites), std::move(node_program));
}

}  // namespace isobar::transfer
