// Pools of machines behind SSH, as their users have them: shared, rebooted, cut off, full.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <random>
#include <thread>

#include "base/text.h"
#include "cli.h"
#include "ssh_hosts.h"

namespace isobar::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SshPool : public CliTest {
 protected:
  void have_hosts(int count) {
    auto hosts = clouds::SshHosts::start(folder_ / "hosts", count);
    if (!hosts.ok()) GTEST_SKIP() << hosts.error().message();
    hosts_ = std::move(*hosts);
    ::setenv("ISOBAR_SSH_CONFIG", hosts_->config_file().c_str(), 1);
    std::string pools = "lab:\n  hosts:\n";
    for (int i = 1; i <= count; ++i) pools += fmt::format("    - h{}\n", i);
    ASSERT_TRUE(make_folders(home_).ok());
    ASSERT_TRUE(write_file(home_ / "ssh_node_pools.yaml", pools).ok());
  }
  void TearDown() override {
    hosts_.reset();
    ::unsetenv("ISOBAR_SSH_CONFIG");
    CliTest::TearDown();
  }
  /// The nodes that the hosts carry: "h1:train/0 h2:train/1".
  std::string nodes() {
    std::string all;
    for (const auto& host : json({"ssh", "status"}))
      if (const auto* nodes = host.as_object().if_contains("nodes"))
        for (const auto& node : nodes->as_array())
          all += fmt::format("{}{}:{}/{}", all.empty() ? "" : " ", host.at("host").as_string().c_str(),
                             node.at("cluster").as_string().c_str(), node.at("rank").as_int64());
    return all;
  }
  std::string task(const std::string& name, const std::string& resources, const std::string& rest) {
    return write(name + ".yaml", fmt::format("name: {}\nresources: {{infra: ssh/lab, {}}}\n{}", name, resources, rest));
  }
  std::unique_ptr<clouds::SshHosts> hosts_;
};

#define HAVE_HOSTS(count) \
  have_hosts(count);      \
  if (testing::Test::IsSkipped() || HasFatalFailure()) return

TEST_F(SshPool, AGangRunsOnHostsThatHadNothingAndTheyAreLeftAsTheyWere) {
  HAVE_HOSTS(3);
  EXPECT_THAT(run({"launch", "-y", "-c", "early", task("early", "cpus: 1", "run: 'true'\n")}).err, HasSubstr("isobar ssh up"));
  EXPECT_THAT(run({"ssh", "up"}).err, HasSubstr("3 of 3 hosts are up"));
  const auto gang = task("gang", "cpus: 1",
                         "num_nodes: 3\nsetup: echo ready $ISOBAR_SETUP_NODE_RANK\nrun: echo rank $ISOBAR_NODE_RANK on $(hostname) of "
                         "$(echo $ISOBAR_NODE_IPS | wc -w)\n");
  const auto launched = run({"launch", "-y", "-c", "gang", gang});
  EXPECT_EQ(launched.exit_code, 0) << launched.err;
  for (const char* line : {"rank 0 on h1 of 3", "rank 1 on h2 of 3", "rank 2 on h3 of 3", "ready 2"})
    EXPECT_THAT(launched.out, HasSubstr(line));
  EXPECT_EQ(nodes(), "h1:gang/0 h2:gang/1 h3:gang/2");
  ok({"down", "-y", "gang"});
  EXPECT_EQ(nodes(), "");
  ok({"ssh", "down"});
  EXPECT_EQ(hosts_->on(1, "ls -A ~"), "");
  EXPECT_EQ(hosts_->on(2, "ps ax -o args | grep -c '[i]sobar-node'"), "0");
}

TEST_F(SshPool, HostsAreSharedByCpusAndWhatDoesNotFitIsToldWithWhatIsFree) {
  HAVE_HOSTS(1);
  ok({"ssh", "up"});
  const auto whole = json({"ssh", "status"})[0].at("cpus").to_number<double>();
  const auto half = fmt::format("cpus: {:g}, memory: 1", whole / 2);
  ok({"launch", "-y", "-c", "first", task("first", half, "run: echo one\n")});
  EXPECT_THAT(ok({"launch", "-y", "-c", "second", task("second", half, "run: echo two\n")}), HasSubstr("two"));
  const auto refused = run({"launch", "-y", "-c", "third", task("third", half, "run: echo three\n")});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("0 of 1 hosts have room"), HasSubstr("h1 has 0 CPUs")));
  EXPECT_EQ(status_of("third"), "");
  // What a stopped cluster had is free for others, and has to be free again for it to start.
  ok({"stop", "-y", "first"});
  ok({"launch", "-y", "-c", "third", task("third", half, "run: echo three\n")});
  const auto start = run({"start", "first"});
  EXPECT_NE(start.exit_code, 0);
  EXPECT_THAT(start.err, HasSubstr("asked for"));
  ok({"down", "-y", "third"});
  ok({"start", "first"});
}

TEST_F(SshPool, AHostThatLostPowerIsNamedAndItsNodeComesBackWithItsDisk) {
  HAVE_HOSTS(2);
  ok({"ssh", "up"});
  ok({"launch", "-y", "-c", "pair", task("pair", "cpus: 1", "num_nodes: 2\nrun: echo kept > ~/kept-$ISOBAR_NODE_RANK\n")});
  hosts_->tell("kill", 2);
  const auto seen = run({"status"});
  EXPECT_THAT(seen.out, HasSubstr("INIT"));
  EXPECT_THAT(seen.err, AllOf(HasSubstr("node 1"), HasSubstr("h2")));
  EXPECT_EQ(json({"queue", "pair"})[0].at("status").as_string(), "SUCCEEDED") << "what has ended stays readable";
  hosts_->tell("boot", 2);
  ok({"start", "pair"});
  EXPECT_EQ(status_of("pair"), "UP");
  EXPECT_THAT(ok({"exec", "pair", "-n", "look", "--num-nodes", "2", "cat ~/kept-$ISOBAR_NODE_RANK"}), HasSubstr("rank=1"));
}

TEST_F(SshPool, AHostThatIsCutOffIsPassedOverAndWhatItOwesIsTakenWhenItIsBack) {
  HAVE_HOSTS(2);
  ok({"ssh", "up"});
  ok({"launch", "-y", "-c", "far", task("far", "cpus: 1", "run: echo here\n")});
  ASSERT_EQ(nodes(), "h1:far/0");
  hosts_->tell("cut", 1);
  ok({"launch", "-y", "-c", "near", task("near", "cpus: 1", "run: echo there\n")});
  const auto down = run({"down", "-y", "far"});
  EXPECT_NE(down.exit_code, 0);
  EXPECT_THAT(down.err, HasSubstr("h1"));
  EXPECT_THAT(run({"down", "-y", "--purge", "far"}).err, HasSubstr("Forgotten all the same"));
  EXPECT_EQ(status_of("far"), "");
  hosts_->tell("join", 1);
  EXPECT_TRUE(eventually([&] { return run({"status"}).exit_code == 0 && nodes() == "h2:near/0"; }, 60s)) << nodes();
}

TEST_F(SshPool, AnotherHostKeyIsRefusedWithTheMend) {
  HAVE_HOSTS(1);
  ok({"ssh", "up"});
  hosts_->tell("rekey", 1);
  hosts_->tell("kill", 1);
  hosts_->tell("boot", 1);
  const auto up = run({"ssh", "up"});
  EXPECT_NE(up.exit_code, 0);
  EXPECT_THAT(up.err, AllOf(HasSubstr("another host key"), HasSubstr("ssh-keygen -R h1")));
}

TEST_F(SshPool, AHostThatTakesNoneOfOurKeysIsNamedAtOnce) {
  HAVE_HOSTS(1);
  // As theirs whose pool names no identity file: the client has no key that the host knows.
  auto config = read_file(hosts_->config_file()).value();
  const auto at = config.find("IdentityFile ");
  ASSERT_NE(at, std::string::npos);
  config.replace(at, config.find('\n', at) - at, "IdentityFile /nowhere/key");
  ::setenv("ISOBAR_SSH_CONFIG", write("keyless_config", config).c_str(), 1);
  const auto begun = std::chrono::steady_clock::now();
  const auto up = run({"ssh", "up"});
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 30s);
  EXPECT_NE(up.exit_code, 0);
  EXPECT_THAT(up.out + up.err, HasSubstr("h1"));
}

TEST_F(SshPool, AFullDiskIsNamedAndTheOtherHostsAreUsed) {
  HAVE_HOSTS(2);
  hosts_->tell("fill", 1);
  const auto up = run({"ssh", "up"});
  EXPECT_NE(up.exit_code, 0);
  EXPECT_THAT(up.err, AllOf(HasSubstr("the disk of h1 is full"), HasSubstr("1 of 2 hosts are up")));
  ok({"launch", "-y", "-c", "one", task("one", "cpus: 1", "run: echo ran\n")});
  EXPECT_EQ(hosts_->on(1, "ls ~/.isobar/bin"), "") << "nothing half sent is left";
  hosts_->tell("free", 1);
  ok({"ssh", "up"});
}

TEST_F(SshPool, TheAgentIsUpgradedInPlaceWhileItsJobGoesOn) {
  HAVE_HOSTS(1);
  ok({"ssh", "up"});
  ok({"launch", "-y", "-d", "-c", "long", task("long", "cpus: 1", "run: |\n  for i in $(seq 60); do echo tick $i; sleep 0.1; done\n")});
  ASSERT_TRUE(eventually([&] { return run({"logs", "long", "--no-follow"}).out.find("tick 3") != std::string::npos; }));
  // The same programs under another hash.
  const auto newer = folder_ / "newer";
  fs::create_directories(newer);
  fs::copy_file(ISOBAR_BINARY_DIR "/bin/isobar", newer / "isobar");
  fs::copy_file(ISOBAR_BINARY_DIR "/bin/isobar-node", newer / "isobar-node");
  const auto bytes = read_file(newer / "isobar-node", 1 << 30);
  ASSERT_TRUE(bytes.ok() && write_file(newer / "isobar-node", *bytes + "\n", Durability::kCache, 0755).ok());
  const std::string before = hosts_->on(1, "readlink ~/.isobar/nodes/*.long.0/program");
  fs::create_directories(folder_ / "up");
  Running up({(newer / "isobar").string(), "ssh", "up"}, folder_ / "up", {{"ISOBAR_HOME", home_.string()}});
  ASSERT_EQ(up.wait().exit_code, 0);
  EXPECT_NE(hosts_->on(1, "readlink ~/.isobar/nodes/*.long.0/program"), before);
  EXPECT_EQ(hosts_->on(1, "ls ~/.isobar/bin | wc -l"), "1") << "the old program is used by nobody any more";
  const auto log = ok({"logs", "long"});
  for (const int tick : {1, 30, 60}) EXPECT_THAT(log, HasSubstr(fmt::format("tick {}\n", tick)));
  EXPECT_EQ(json({"queue", "long"})[0].at("status").as_string(), "SUCCEEDED");
}

TEST_F(SshPool, TheSudoPasswordIsGivenWhereverSudoAsksForItAndIsShownNowhere) {
  HAVE_HOSTS(1);
  ASSERT_TRUE(write_file(home_ / "ssh_node_pools.yaml", "lab:\n  password: it's s3cret\n  hosts: [h1]\n").ok());
  ok({"ssh", "up"});
  // A sudo of the test's own, further down PATH, that asks as the real one does.
  fs::create_directories(folder_ / "work");
  ASSERT_TRUE(
      write_file(folder_ / "work" / "sudo",
                 "#!/bin/sh\n[ \"$1\" = -A ] && [ \"$($SUDO_ASKPASS)\" = \"it's s3cret\" ] && shift && exec \"$@\"\necho refused; exit 1\n",
                 Durability::kCache, 0755)
          .ok());
  const auto outcome = run({"launch", "-y", "-c", "s",
                            task("s", "cpus: 1",
                                 fmt::format("workdir: {}\nsetup: |\n  export PATH=$PATH:~/sky_workdir\n  sudo echo in setup\nrun: |\n  "
                                             "export PATH=$PATH:~/sky_workdir\n  sudo echo in run; ps axe\n",
                                             (folder_ / "work").string()))});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("in setup"), HasSubstr("in run"), Not(HasSubstr("refused")), Not(HasSubstr("s3cret"))));
}

/// Whenever the command is killed, the next one finds what it left and there is nothing that nobody knows of.
TEST_F(SshPool, AKilledLaunchLeavesNoNodeBehind) {
  HAVE_HOSTS(2);
  ok({"ssh", "up"});
  std::mt19937 dice(7);
  const auto pair = task("pair", "cpus: 1", "num_nodes: 2\nrun: echo ran\n");
  const char* more = std::getenv("ISOBAR_LONG");
  for (int i = 0; i < (more ? 60 : 8); ++i) {
    auto launch = start({"launch", "-y", "-c", "pair", pair});
    std::this_thread::sleep_for(std::chrono::milliseconds(10 + dice() % 500));
    launch->signal(SIGKILL);
    launch->wait();
    ok({"status"});
    const auto there = nodes();
    const auto status = status_of("pair");
    if (status.empty()) EXPECT_EQ(there, "") << i;
    else EXPECT_EQ(there, "h1:pair/0 h2:pair/1") << i << " " << status;
    ok({"launch", "-y", "-c", "pair", pair});
    ok({"down", "-y", "pair"});
    EXPECT_EQ(nodes(), "");
  }
}

}  // namespace
}  // namespace isobar::e2e
