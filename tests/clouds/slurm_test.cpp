// Clusters on a real Slurm of three nodes, as its users have them: w1 and w2 of 4 processors, gpu01 of 8 with 4 accelerators.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sched.h>

#include <random>
#include <thread>

#include "base/child.h"
#include "base/text.h"
#include "cli.h"
#include "slurm_for_tests.h"

namespace isobar::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// What this thread starts is on the network of a Slurm cluster, which is its login host then.
class OnNetwork {
 public:
  explicit OnNetwork(const std::string& network) : own_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) { enter(network); }
  ~OnNetwork() { EXPECT_EQ(::setns(own_.get(), CLONE_NEWNET), 0); }
  OnNetwork(const OnNetwork&) = delete;

 private:
  static void enter(const std::string& network) {
    const Fd file(::open(network.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::setns(file.get(), CLONE_NEWNET), 0);
  }
  Fd own_;
};

class SlurmCloud : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    auto slurm = cloud::SlurmForTests::start();
    if (!slurm.ok()) GTEST_SKIP() << slurm.error().message();
    slurm_ = std::move(*slurm);
    network_ = std::make_unique<OnNetwork>(slurm_->network());
    user_ = folder_ / "user";
    fs::create_directories(user_ / ".slurm");
    ASSERT_TRUE(write_file(user_ / ".slurm" / "config", "Host lab\n  HostName this-machine\n").ok());
    home_before_ = std::getenv("HOME") ? std::getenv("HOME") : "";
    ::setenv("HOME", user_.c_str(), 1);
    ::setenv("SLURM_CONF", (slurm_->folder() + "/slurm.conf").c_str(), 1);
  }

  void TearDown() override {
    CliTest::TearDown();
    network_.reset();
    slurm_.reset();
    if (!home_before_.empty()) ::setenv("HOME", home_before_.c_str(), 1);
    ::unsetenv("SLURM_CONF");
  }

  std::string shell(const std::string& command) {
    const auto said = run_child({"/bin/sh", "-c", command}, {}, 30s);
    EXPECT_TRUE(said.ok() && said->exit_code == 0) << command << (said.ok() ? said->err : said.error().message());
    return said.ok() ? std::string(trim(said->out)) : "";
  }
  /// What Slurm runs or keeps waiting: "isobar-gang RUNNING w[1-2]".
  std::string jobs() { return shell("squeue -h -t PENDING,RUNNING,COMPLETING,CONFIGURING -o '%j %T %N'"); }
  std::string job_id() { return shell("squeue -h -t PENDING,RUNNING -o %A"); }
  /// Folders of clusters on the shared home.
  std::string folders() { return shell("cd ~/.isobar/slurm 2>/dev/null && ls -d */* || :"); }
  bool nothing_left() { return jobs().empty() && folders().empty(); }

  std::string task(const std::string& name, const std::string& resources, const std::string& rest) {
    return write(name + ".yaml", fmt::format("name: {}\nresources: {{{}}}\n{}", name, resources, rest));
  }
  std::string small_task() { return task("one", "infra: slurm/lab/debug, cpus: 1", "run: echo ran\n"); }

  std::unique_ptr<cloud::SlurmForTests> slurm_;
  std::unique_ptr<OnNetwork> network_;
  fs::path user_;
  std::string home_before_;
};

TEST_F(SlurmCloud, AGangRunsInOneJobAndLeavesNothingWhenItIsTakenDown) {
  const auto gang =
      task("gang", "infra: slurm/lab/debug, cpus: 2",
           "num_nodes: 2\nsetup: echo ready $ISOBAR_SETUP_NODE_RANK\nrun: |\n  echo rank $ISOBAR_NODE_RANK on $SLURMD_NODENAME "
           "of $(echo $ISOBAR_NODE_IPS | wc -w) in job $SLURM_JOB_ID\n  echo home of $ISOBAR_NODE_RANK is $HOME\n");
  const auto launched = run({"launch", "-y", "-c", "gang", gang});
  ASSERT_EQ(launched.exit_code, 0) << launched.err;
  const auto id = job_id();
  for (const auto& line : {"rank 0 on w1 of 2 in job " + id, "rank 1 on w2 of 2 in job " + id, std::string("ready 1")})
    EXPECT_THAT(launched.out, HasSubstr(line));
  EXPECT_THAT(launched.out, testing::ContainsRegex("home of 1 is .*/user/\\.isobar/slurm/.*/gang/.*/1/home"));
  EXPECT_EQ(jobs(), "isobar-gang RUNNING w[1-2]");
  EXPECT_EQ(status_of("gang"), "UP");
  EXPECT_THAT(ok({"exec", "gang", "-n", "again", "--num-nodes", "2", "echo again $ISOBAR_NODE_RANK"}),
              AllOf(HasSubstr("again 0"), HasSubstr("again 1")));
  EXPECT_EQ(json({"queue", "gang"}).size(), 2U);
  EXPECT_THAT(ok({"logs", "gang", "1"}), HasSubstr("rank 1 on w2 of 2"));
  EXPECT_EQ(job_id(), id) << "exec needs no job of Slurm's";
  ok({"down", "-y", "gang"});
  EXPECT_TRUE(nothing_left()) << jobs() << folders();
}

TEST_F(SlurmCloud, ChecksSayWhichClustersThereAreAndWhatIsFree) {
  const auto checked = ok({"check", "-v"});
  EXPECT_THAT(checked, AllOf(HasSubstr("✔ slurm"), HasSubstr("Slurm cluster lab: release"), HasSubstr("partition debug: 2 of 2 nodes free"),
                             HasSubstr("partition gpu: 1 of 1 nodes free, at most 1-00:00:00"), HasSubstr("partition closed: closed")));
  ASSERT_TRUE(write_file(user_ / ".slurm" / "config", "").ok());
  EXPECT_THAT(run({"check"}).out, AllOf(HasSubstr("✘ slurm: no Slurm cluster"), HasSubstr(".slurm/config")));
}

TEST_F(SlurmCloud, AcceleratorsAreAskedForByTheirCataloguedNameAndGivenByNumber) {
  const auto gpus = task("gpus", "infra: slurm/lab, accelerators: A100:2", "run: echo on $SLURMD_NODENAME with $CUDA_VISIBLE_DEVICES\n");
  const auto launched = run({"launch", "-y", "-c", "gpus", gpus});
  ASSERT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.out, HasSubstr("on gpu01 with 0,1"));
}

TEST_F(SlurmCloud, WhatCanNeverRunIsRefusedWithTheReasonAndLeavesNothing) {
  const auto refused = [&](const std::string& resources, const std::string& rest = "run: 'true'\n") {
    const auto launched = run({"launch", "-y", "-c", "no", task("no", resources, rest)});
    EXPECT_NE(launched.exit_code, 0);
    EXPECT_TRUE(nothing_left()) << jobs() << folders();
    return launched.err;
  };
  EXPECT_THAT(refused("infra: slurm/lab/debug, cpus: 4", "num_nodes: 3\nrun: 'true'\n"), HasSubstr("partition debug has 2 nodes"));
  EXPECT_THAT(refused("infra: slurm/lab/short, cpus: 1, labels: {slurm/time: 1h}"), HasSubstr("at most 0:10:00"));
  EXPECT_THAT(refused("infra: slurm/lab/theirs, cpus: 1"), HasSubstr("account may not use the partition"));
  EXPECT_THAT(refused("infra: slurm/lab/debug, cpus: 1, labels: {slurm/acount: x}"), HasSubstr("did you mean slurm/account?"));
  EXPECT_THAT(refused("infra: slurm/lab/debug, cpus: 1, labels: {slurm/options: --array=1-3}"), HasSubstr("isobar's to set"));
  EXPECT_EQ(status_of("no"), "");
}

TEST_F(SlurmCloud, ACancelledJobIsToldAndItsRecordGoes) {
  ok({"launch", "-y", "-c", "one", small_task()});
  const auto id = job_id();
  shell("scancel " + id);
  ASSERT_TRUE(eventually([&] { return jobs().empty(); }));
  const auto status = run({"status"});
  EXPECT_THAT(status.err, AllOf(HasSubstr("Cluster 'one': job " + id), HasSubstr("it was cancelled")));
  EXPECT_EQ(status_of("one"), "");
  EXPECT_TRUE(nothing_left()) << folders();
}

TEST_F(SlurmCloud, TheTimeLimitIsToldWhenItHasEndedACluster) {
  ok({"launch", "-y", "-c", "short", task("short", "infra: slurm/lab/debug, cpus: 1, labels: {slurm/time: 1m}", "run: echo ran\n")});
  ASSERT_TRUE(eventually([&] { return jobs().empty(); }, 200s));
  EXPECT_THAT(run({"queue", "short"}).err, HasSubstr("the time limit of 0:01:00 was reached"));
  EXPECT_THAT(run({"status"}).err, HasSubstr("the time limit of 0:01:00 was reached"));
  EXPECT_EQ(status_of("short"), "");
}

TEST_F(SlurmCloud, AutodownEndsTheWholeAllocation) {
  const auto pair = task("pair", "infra: slurm/lab/debug, cpus: 1", "num_nodes: 2\nrun: echo ran\n");
  ok({"launch", "-y", "--down", "-c", "pair", pair});
  EXPECT_TRUE(eventually([&] { return jobs().empty(); }, 30s)) << jobs();
  run({"status"});
  EXPECT_EQ(status_of("pair"), "");
  EXPECT_TRUE(nothing_left()) << folders();
}

TEST_F(SlurmCloud, AClusterThatCannotBeStoppedStaysAsItIs) {
  ok({"launch", "-y", "-c", "one", small_task()});
  const auto stopped = run({"stop", "-y", "one"});
  EXPECT_NE(stopped.exit_code, 0);
  EXPECT_THAT(stopped.err, HasSubstr("isobar down one"));
  EXPECT_THAT(run({"autostop", "-i", "5", "one"}).err, HasSubstr("add --down"));
  EXPECT_EQ(status_of("one"), "UP");
  EXPECT_THAT(ok({"exec", "one", "echo still"}), HasSubstr("still"));
}

TEST_F(SlurmCloud, ALaunchWaitsForNodesAsLongAsWaitingHelps) {
  const auto filler = shell("sbatch --parsable -p debug -N 2 --exclusive -o /dev/null --wrap 'sleep 300'");
  ASSERT_TRUE(eventually([&] { return jobs().find("RUNNING w[1-2]") != std::string::npos; }));
  auto launch = start({"launch", "-y", "-c", "one", small_task()});
  ASSERT_TRUE(eventually([&] { return jobs().find("isobar-one PENDING") != std::string::npos; })) << jobs();
  shell("scancel " + filler);
  EXPECT_EQ(launch->wait().exit_code, 0);
  ok({"down", "-y", "one"});
  const auto held = run(
      {"launch", "-y", "-c", "held", task("held", "infra: slurm/lab/debug, cpus: 1, labels: {slurm/options: --hold}", "run: 'true'\n")});
  EXPECT_THAT(held.err, AllOf(HasSubstr("would wait for ever"), HasSubstr("held by its user")));
  EXPECT_TRUE(nothing_left()) << jobs() << folders();
}

TEST_F(SlurmCloud, AWaitingLaunchThatIsKilledLeavesTheQueue) {
  shell("sbatch --parsable -p debug -N 2 --exclusive -J filler -o /dev/null --wrap 'sleep 300'");
  ASSERT_TRUE(eventually([&] { return jobs().find("filler RUNNING") != std::string::npos; }));
  auto launch = start({"launch", "-y", "-c", "one", small_task()});
  ASSERT_TRUE(eventually([&] { return jobs().find("isobar-one PENDING") != std::string::npos; })) << jobs();
  launch->signal(SIGKILL);
  launch->wait();
  EXPECT_THAT(run({"status"}).err, HasSubstr("interrupted launch"));
  EXPECT_EQ(jobs(), "filler RUNNING w[1-2]");
  EXPECT_EQ(folders(), "");
}

/// As users have it: the login host behind OpenSSH, told of by ~/.slurm/config alone.
TEST_F(SlurmCloud, TheLoginHostIsReachedThroughTheUsersOwnSsh) {
  const auto sshd = shell("command -v sshd || ls /usr/sbin/sshd 2>/dev/null || :");
  if (sshd.empty()) GTEST_SKIP() << "no sshd here";
  shell(fmt::format("cd {}; ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f key; mkdir -p /run/sshd",
                    folder_.string()));
  const auto file = [&](const char* name) { return (folder_ / name).string(); };
  ASSERT_TRUE(
      write_file(file("sshd_config"), fmt::format("HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
                                                  "SetEnv SLURM_CONF={} HOME={}\n",
                                                  file("host"), file("key.pub"), slurm_->folder() + "/slurm.conf", user_.string()))
          .ok());
  ASSERT_TRUE(write_file(file("known_hosts"), "lab " + shell("cat " + file("host.pub")) + "\n").ok());
  const auto config = (user_ / ".slurm" / "config").string();
  ASSERT_TRUE(
      write_file(config, fmt::format("Host lab\n  User root\n  IdentityFile {}\n  UserKnownHostsFile {}\n  ProxyCommand {} -i -f {}\n",
                                     file("key"), file("known_hosts"), sshd, file("sshd_config")))
          .ok());
  ::unsetenv("SLURM_CONF");  // from here on the login host alone knows of the cluster
  const auto launched = run(
      {"launch", "-y", "-c", "far", task("far", "infra: slurm/lab/debug, cpus: 1", "num_nodes: 2\nrun: echo rank $ISOBAR_NODE_RANK\n")});
  EXPECT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.out, AllOf(HasSubstr("rank 0"), HasSubstr("rank 1")));
  EXPECT_THAT(ok({"exec", "far", "echo again"}), HasSubstr("again"));
  ok({"down", "-y", "far"});
  ::setenv("SLURM_CONF", (slurm_->folder() + "/slurm.conf").c_str(), 1);
  EXPECT_TRUE(nothing_left()) << jobs() << folders();
  // Connections stay open for the next command; with the test's folder they have to go.
  for (const auto& socket : fs::directory_iterator(home_ / "ssh" / "open"))
    shell(fmt::format("ssh -F {} -o ControlPath={} -O exit lab 2>&1", config, socket.path().string()));
}

TEST_F(SlurmCloud, AJobOnANodeThatNobodyKnowsOfIsSweptAway) {
  ok({"launch", "-y", "-c", "one", small_task()});
  fs::remove(home_ / "slurm_clusters" / "clusters" / "one.json");
  for (const char* file : {"state.db", "state.db-wal", "state.db-shm"}) fs::remove(home_ / file);
  EXPECT_THAT(run({"status"}).err, HasSubstr("Removing machines of 'one'"));
  EXPECT_TRUE(nothing_left()) << jobs() << folders();
}

/// Whenever the command is killed, the next one finds what it left and there is nothing that nobody knows of.
TEST_F(SlurmCloud, AKilledLaunchLeavesNoJobAndNoFolderBehind) {
  std::mt19937 dice(7);
  const auto pair = task("pair", "infra: slurm/lab/debug, cpus: 1", "num_nodes: 2\nrun: echo ran\n");
  const bool more = std::getenv("ISOBAR_LONG") != nullptr;
  for (int i = 0; i < (more ? 60 : 8); ++i) {
    auto launch = start({"launch", "-y", "-c", "pair", pair});
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + dice() % 900));
    launch->signal(SIGKILL);
    launch->wait();
    ok({"status"});
    if (const auto status = status_of("pair"); status.empty()) EXPECT_TRUE(nothing_left()) << i << jobs() << folders();
    else EXPECT_EQ(jobs(), "isobar-pair RUNNING w[1-2]") << i << " " << status;
    ok({"down", "--all", "-y"});
    EXPECT_TRUE(nothing_left()) << i << jobs() << folders();
  }
}

}  // namespace
}  // namespace isobar::e2e
