#include "cloud/pod_keeper.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include "cloud/boot.h"
#include "cloud/host_service.h"
#include "node_registry.h"

namespace isobar::cloud {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPause = std::chrono::milliseconds(200);
/// A pod whose maker died before it could make the node must not be paid for.
constexpr auto kPatience = std::chrono::minutes(15);

class PodKeeper {
 public:
  explicit PodKeeper(fs::path folder) : folder_(std::move(folder)), began_(Clock::now()) {
    sigset_t watched;
    sigemptyset(&watched);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&watched, number);
    sigprocmask(SIG_BLOCK, &watched, nullptr);
    signals_.reset(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  int run() {
    for (;;) {
      if (wants_end()) return end_all();
      while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
      if (const auto over = look()) return *over;
    }
  }

 private:
  bool wants_end() const {
    pollfd fd{signals_.get(), POLLIN, 0};
    ::poll(&fd, 1, static_cast<int>(kPause.count()));
    signalfd_siginfo info;
    bool wanted = false;
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) wanted |= info.ssi_signo != SIGCHLD;
    return wanted;
  }

  /// The exit code once there is nothing left to stay for.
  std::optional<int> look() {
    const auto nodes = NodeRegistry::nodes_in(folder_);
    for (const auto& record : nodes) {
      const auto node = NodeRegistry::instance_in(folder_, record);
      const bool alive = node.alive();
      // One that came and went before anybody looked has left word of that.
      if (alive || node.answers() || node.power() == Power::kTerminated) seen_ = record;
      if (!alive) continue;
      dead_since_.reset();
      return std::nullopt;
    }
    if (!seen_) {
      if (Clock::now() - began_ < kPatience) return std::nullopt;
      fmt::print(stderr, "isobar-node: nobody made a node in this pod\n");
      return 1;
    }
    const auto power = NodeRegistry::instance_in(folder_, *seen_).power();
    // One that is to be on may be about to start anew; one that was taken down in order leaves no wish behind.
    if (power != Power::kOn) return 0;
    if (!dead_since_) dead_since_ = Clock::now();
    if (Clock::now() - *dead_since_ < kInstanceGrace) return std::nullopt;
    fmt::print(stderr, "isobar-node: the node's first process died\n");
    return 1;
  }

  int end_all() const {
    std::vector<InstanceFolder> ending;
    for (const auto& record : NodeRegistry::nodes_in(folder_)) {
      ending.push_back(NodeRegistry::instance_in(folder_, record));
      (void)ending.back().set_power(Power::kTerminated).ok();
    }
    const auto ended = end_instances(ending);
    if (!ended.ok()) fmt::print(stderr, "isobar-node: end the node: {}\n", ended.error().message());
    return ended.ok() ? 0 : 1;
  }

  fs::path folder_;
  Fd signals_;
  Clock::time_point began_;
  std::optional<NodeRecord> seen_;
  std::optional<Clock::time_point> dead_since_;
};

}  // namespace

int keep_pod() { return PodKeeper(host_surroundings().folder).run(); }

}  // namespace isobar::cloud
