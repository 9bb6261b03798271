#pragma once

/// What tests of clusters on Kubernetes stand on: `isobar` on the network of a cluster of their own.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sched.h>

#include <map>
#include <memory>
#include <string>

#include "base/text.h"
#include "cli.h"
#include "kubernetes/kubernetes_for_tests.h"

namespace isobar::e2e {

using clouds::KubernetesForTests;

enum class ControlPlane { kImitated, kReal };
inline void PrintTo(ControlPlane plane, std::ostream* out) { *out << (plane == ControlPlane::kReal ? "real" : "imitated"); }

/// What this thread starts is on the network of the cluster.
class OnNetwork {
 public:
  explicit OnNetwork(const std::string& network) : own_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    const Fd file(::open(network.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::setns(file.get(), CLONE_NEWNET), 0);
  }
  ~OnNetwork() { EXPECT_EQ(::setns(own_.get(), CLONE_NEWNET), 0); }
  OnNetwork(const OnNetwork&) = delete;

 private:
  Fd own_;
};

class KubernetesCloud : public CliTest, public testing::WithParamInterface<ControlPlane> {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    const auto binaries = KubernetesForTests::binaries();
    if (GetParam() == ControlPlane::kReal && binaries.empty())
      GTEST_SKIP() << "no real Kubernetes here: run tests/clouds/build_kubernetes.sh and set ISOBAR_KUBERNETES to its folder";
    auto& cluster = clusters()[GetParam()];
    if (!cluster) {
      auto started = KubernetesForTests::start(GetParam() == ControlPlane::kReal ? binaries : "");
      if (!started.ok()) GTEST_SKIP() << started.error().message();
      cluster = std::move(*started);
    }
    kubernetes_ = cluster.get();
    network_ = std::make_unique<OnNetwork>(kubernetes_->network());
    ::setenv("KUBECONFIG", (kubernetes_->folder() / "kubeconfig").c_str(), 1);
  }

  void TearDown() override {
    CliTest::TearDown();
    const auto none_left = [&] { return !kubernetes_ || pods().empty(); };
    EXPECT_TRUE(eventually(none_left, 30s)) << pods();
    network_.reset();
    ::unsetenv("KUBECONFIG");
  }
  static void TearDownTestSuite() { clusters().clear(); }

  /// One of each for all tests: the real one takes some ten seconds to start.
  static std::map<ControlPlane, std::unique_ptr<KubernetesForTests>>& clusters() {
    static std::map<ControlPlane, std::unique_ptr<KubernetesForTests>> all;
    return all;
  }

  /// "default/gang-0123abcd-0=Running@w1 …"
  std::string pods() { return kubernetes_->tell("pods"); }
  std::size_t count_pods() { return pods().empty() ? 0 : split(pods(), ' ').size(); }
  /// Of the only pod there is: "gang-0123abcd-0", and the node it is on.
  std::string pod_name() { return std::string(split(split(pods(), '=')[0], '/')[1]); }
  std::string pod_node() { return std::string(split(pods(), '@')[1]); }

  std::string task(const std::string& name, const std::string& resources, const std::string& rest) {
    return write(name + ".yaml", fmt::format("name: {}\nresources: {{{}}}\n{}", name, resources, rest));
  }
  std::string small_task(const std::string& infra = "k8s") {
    return task("one", fmt::format("infra: {}, cpus: 1, memory: 1", infra), "run: echo ran on $(hostname)\n");
  }
  /// The launch is refused, and nothing of it is left.
  std::string refused(const std::string& file, const std::map<std::string, std::string>& environment = {}) {
    const auto launched = run({"launch", "-y", "-c", "no", file}, environment);
    EXPECT_NE(launched.exit_code, 0) << launched.out;
    EXPECT_EQ(pods(), "") << launched.err;
    EXPECT_EQ(status_of("no"), "");
    return launched.err;
  }

  KubernetesForTests* kubernetes_ = nullptr;
  std::unique_ptr<OnNetwork> network_;
};

}  // namespace isobar::e2e
