// The local cloud as a provider: what `create`, `list`, `stop`, `start` and `terminate` promise, and what a crash of the
// one who called them leaves behind.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "base/process.h"
#include "local_cluster.h"

namespace isobar::testing {

using broker::JobStatus;
using cloud::InstanceState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(LocalProvider, OffersThisMachine) {
  LocalCluster cluster;
  const auto offers = cluster.provider().own_offers();
  ASSERT_EQ(offers.size(), 1U);
  EXPECT_EQ(offers[0].cloud, "local");
  EXPECT_GE(offers[0].vcpus, 1);
  EXPECT_GT(offers[0].memory_gib, 0);
  EXPECT_EQ(offers[0].hourly_price, 0);
  EXPECT_TRUE(cluster.provider().check().ok());
  EXPECT_EQ(cluster.provider().facts().size(), 2U);
}

TEST(LocalProvider, CreateIsRepeatable) {
  LocalCluster cluster(2);
  const auto first = cluster.first_pid(0);
  const auto again = cluster.provider().create(cluster.order(), 10s);
  ASSERT_FALSE(again.failure);
  EXPECT_EQ(again.instances.size(), 2U);
  EXPECT_EQ(cluster.first_pid(0), first);
  const auto other = cluster.provider().create(cluster.order("second"), 10s);
  ASSERT_TRUE(other.failure);
  EXPECT_EQ(other.failure->error.code(), Code::kAlreadyExists);
  EXPECT_EQ(cluster.instances().size(), 2U);
}

TEST(LocalProvider, NodesHaveNamesAndAddressesOfTheirOwn) {
  LocalCluster cluster(2, "two");
  const auto nodes = cluster.instances();
  EXPECT_NE(nodes[0].address, nodes[1].address);
  EXPECT_THAT(nodes[0].address, HasSubstr("127.77."));
  if (cluster.provider().facts()[0].find("namespaces (") == std::string::npos && ::geteuid() != 0)
    GTEST_SKIP() << "no namespaces for this user";
  EXPECT_THAT(cluster.run("hostname").log, HasSubstr("two-head"));
  EXPECT_THAT(cluster.run("ps -e 2>/dev/null | wc -l; ls -d /proc/1").log, HasSubstr("/proc/1"));
}

TEST(LocalProvider, TwoClustersLiveSideBySide) {
  LocalCluster one(1, "one"), two(1, "two");
  EXPECT_EQ(one.run("echo 1 > ~/me").job.status, JobStatus::kSucceeded);
  EXPECT_EQ(two.run("test ! -e ~/me").job.status, JobStatus::kSucceeded);
  ASSERT_TRUE(one.provider().terminate("one", 10s).ok());
  EXPECT_THAT(one.provider().clusters().value(), IsEmpty());
  EXPECT_EQ(two.run("true").job.status, JobStatus::kSucceeded);
}

TEST(LocalProvider, TerminateLeavesNothing) {
  LocalCluster cluster(2);
  cluster.submit("trap '' TERM; setsid sleep 1000 & sleep 1000");
  ASSERT_TRUE(cluster.reaches(broker::JobId(1), JobStatus::kRunning));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(cluster.provider().terminate("test", 10s).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_FALSE(fs::exists(cluster.root() / "test"));
  EXPECT_THAT(cluster.provider().clusters().value(), IsEmpty());
  for (const auto pid : descendants(1)) {
    const auto environment = read_file(fmt::format("/proc/{}/environ", pid));
    EXPECT_THAT(environment.value_or(""), Not(HasSubstr("ISOBAR_INSTANCE=" + cluster.root().string())));
  }
  EXPECT_TRUE(cluster.provider().terminate("test", 10s).ok()) << "terminating nothing is a success";
}

TEST(LocalProvider, DeepRootsWork) {
  Log log;
  const auto top = fs::temp_directory_path() / ("isobar-test-deep-" + std::to_string(::getpid()));
  const auto root = top / std::string(100, 'd') / std::string(100, 'e');
  cloud::LocalProvider provider(root, node_program(), log);
  cloud::CreateOrder order{.cluster = "deep", .token = "t"};
  order.offer = provider.own_offers()[0];
  const auto created = provider.create(order, 10s);
  ASSERT_FALSE(created.failure) << created.failure->error.message();
  EXPECT_TRUE(broker::AgentClient::connect(created.instances[0].agent_address, 5s).ok());
  EXPECT_TRUE(provider.terminate("deep", 10s).ok());
  fs::remove_all(top);
}

TEST(LocalProvider, AMissingProgramIsAClearFailureThatLeavesNothing) {
  Log log;
  const auto root = fs::temp_directory_path() / ("isobar-test-missing-" + std::to_string(::getpid()));
  cloud::LocalProvider provider(root, "/nonexistent/isobar-node", log);
  EXPECT_FALSE(provider.check().ok());
  const auto created = provider.create({.cluster = "x", .token = "t"}, 5s);
  ASSERT_TRUE(created.failure);
  EXPECT_THAT(provider.clusters().value(), IsEmpty());
  fs::remove_all(root);
}

TEST(LocalProvider, NamesThatAreNoNamesAreRefused) {
  LocalCluster cluster;
  for (const std::string name : {"", ".", "..", "a/b", "/etc"})
    EXPECT_EQ(cluster.provider().list(name).error().code(), Code::kInvalidArgument) << name;
}

/// Runs `work` in a process of its own, and kills that after `delay`.
void run_and_kill(const std::function<void()>& work, Duration delay) {
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    work();
    ::_exit(0);
  }
  std::this_thread::sleep_for(delay);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

// A creator that dies at any point leaves what can be finished by repeating the order, or removed.
TEST(LocalProvider, ACreationCutShortIsFinishedOrRemoved) {
  Log log;
  const auto root = fs::temp_directory_path() / ("isobar-test-cut-" + std::to_string(::getpid()));
  cloud::LocalProvider provider(root, node_program(), log);
  for (int step = 0; step < 30; ++step) {
    cloud::CreateOrder order{.cluster = "cut", .token = "t", .count = 2};
    order.offer = provider.own_offers()[0];
    run_and_kill([&] { (void)cloud::LocalProvider(root, node_program(), log).create(order, 10s); }, std::chrono::milliseconds(step * 3));
    ASSERT_TRUE(provider.list("cut").ok());
    if (step % 2 == 0) {
      const auto finished = provider.create(order, 10s);
      ASSERT_FALSE(finished.failure) << "step " << step << ": " << finished.failure->error.message();
      ASSERT_EQ(finished.instances.size(), 2U);
      for (const auto& instance : finished.instances) ASSERT_TRUE(broker::AgentClient::connect(instance.agent_address, 5s).ok()) << step;
    }
    const auto removed = provider.terminate("cut", 10s);
    ASSERT_TRUE(removed.ok()) << "step " << step << ": " << removed.error().message();
    ASSERT_THAT(provider.clusters().value(), IsEmpty());
  }
  fs::remove_all(root);
}

// The daemons must not hold a pipe of whoever created them, nor end with its terminal or session.
TEST(LocalProvider, DaemonsHoldNothingOfTheirCreator) {
  Log log;
  const auto root = fs::temp_directory_path() / ("isobar-test-pipe-" + std::to_string(::getpid()));
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(::pipe(pipe_ends.data()), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::setsid();
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::dup2(pipe_ends[1], STDERR_FILENO);
    cloud::CreateOrder order{.cluster = "pipe", .token = "t"};
    order.offer.vcpus = 1;
    ::_exit(cloud::LocalProvider(root, node_program(), log).create(order, 10s).failure ? 1 : 0);
  }
  ::close(pipe_ends[1]);
  char byte = 0;
  EXPECT_EQ(::read(pipe_ends[0], &byte, 1), 0) << "the pipe closes when the creator exits";
  int status = 1;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
  ::close(pipe_ends[0]);
  cloud::LocalProvider provider(root, node_program(), log);
  ASSERT_EQ(provider.list("pipe").value().size(), 1U);
  EXPECT_TRUE(broker::AgentClient::connect(provider.list("pipe").value()[0].agent_address, 5s).ok());
  EXPECT_TRUE(provider.terminate("pipe", 10s).ok());
  fs::remove_all(root);
}

TEST(LocalProvider, AnUnprivilegedUserHasItToo) {
  if (::geteuid() != 0) GTEST_SKIP() << "this test becomes another user, which only root can";
  Log log;
  const auto root = fs::temp_directory_path() / ("isobar-test-nobody-" + std::to_string(::getpid()));
  fs::create_directory(root);
  ASSERT_EQ(::chown(root.c_str(), 65534, 65534), 0);
  // The test's own build folder may be closed to others.
  const auto program = root / "isobar-node";
  fs::copy_file(node_program(), program);
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(9);
    cloud::LocalProvider provider(root / "local", program, log);
    cloud::CreateOrder order{.cluster = "mine", .token = "t"};
    order.offer.vcpus = 1;
    const auto created = provider.create(order, 10s);
    if (created.failure) {
      fmt::print(stderr, "{}\n", created.failure->error.message());
      ::_exit(1);
    }
    auto client = broker::AgentClient::connect(created.instances[0].agent_address, 5s);
    if (!client.ok()) ::_exit(2);
    const auto id = client->submit(broker::JobSpec{.name = "job", .run = "test $(id -u) = 65534"}).value();
    const auto job = client->tail_logs({.job = id}, [](std::string_view) {}).value();
    if (job.status != JobStatus::kSucceeded) ::_exit(3);
    ::_exit(provider.terminate("mine", 10s).ok() ? 0 : 4);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  fs::remove_all(root);
}

/// Becomes root of a user namespace in which no further namespace can be made.
bool forbid_namespaces() {
  if (::unshare(CLONE_NEWUSER) != 0) return false;
  const auto put = [](const char* path, const char* text) {
    const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
    return file && write_all(file.get(), text).ok();
  };
  return put("/proc/self/uid_map", "0 0 1") && put("/proc/sys/user/max_pid_namespaces", "0") &&
         put("/proc/sys/user/max_user_namespaces", "0");
}

TEST(LocalProvider, WithoutNamespacesABareProcessTreeWorks) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can map itself into a user namespace by one line";
  const auto root = fs::temp_directory_path() / ("isobar-test-bare-" + std::to_string(::getpid()));
  const auto mark = "ISOBAR_INSTANCE=" + (root / "bare" / "0").string();
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (!forbid_namespaces()) ::_exit(77);
    Log log;
    cloud::LocalProvider provider(root, node_program(), log);
    if (provider.facts()[0].find("process tree") == std::string::npos) ::_exit(1);
    cloud::CreateOrder order{.cluster = "bare", .token = "t"};
    order.offer.vcpus = 1;
    const auto created = provider.create(order, 10s);
    if (created.failure) ::_exit(2);
    auto client = broker::AgentClient::connect(created.instances[0].agent_address, 5s).value();
    const auto id = client.submit(broker::JobSpec{.name = "job", .run = "(setsid sleep 1000 &); sleep 1000"}).value();
    if (!eventually([&] { return client.job(id).value().status == JobStatus::kRunning; })) ::_exit(3);
    // Its first process dies the hard way; what it leaves behind is found all the same.
    ::kill(std::atoi(read_file(root / "bare" / "0" / "init.lock").value().c_str()), SIGKILL);
    ::_exit(provider.terminate("bare", 10s).ok() ? 0 : 4);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "the limits of namespaces cannot be set here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(kill_by_environment(mark), 0U) << "nothing is left to kill";
  fs::remove_all(root);
}

}  // namespace isobar::testing
