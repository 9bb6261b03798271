// The whole way of machines on Lambda Cloud: priced from the catalog, bought from a stand-in for Lambda's API that is this project's own,
// and made into nodes over real SSH servers, which stand where the addresses of the machines lead.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <thread>

#include "base/child.h"
#include "base/text.h"
#include "cli.h"
#include "emulator.h"
#include "ssh_hosts.h"

namespace isobar::e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class LambdaLaunch : public CliTest {
 protected:
  /// again   so many times more the last host is given to a machine
  void have_everything(int machines = 2, std::size_t again = 0) {
    auto hosts = clouds::SshHosts::start(folder_ / "hosts", machines);
    if (!hosts.ok()) GTEST_SKIP() << hosts.error().message();
    hosts_ = std::move(*hosts);
    auto stand_in = stores::Emulator::start_script(ISOBAR_SOURCE_DIR "/tests/clouds/lambda_stand_in.py", addresses(again));
    ASSERT_TRUE(stand_in.ok()) << stand_in.error().message();
    stand_in_.emplace(std::move(*stand_in));
    // The hosts take isobar's own key.
    fs::create_directories(home_ / "ssh");
    for (const char* half : {"", ".pub"})
      fs::copy_file(folder_ / "hosts" / (std::string("user_key") + half), home_ / "ssh" / (std::string("id_ed25519") + half));
    for (const auto& [name, value] : variables()) ::setenv(name.c_str(), value.c_str(), 1);
  }
  void TearDown() override {
    hosts_.reset();
    stand_in_.reset();
    for (const auto& [name, value] : variables()) ::unsetenv(name.c_str());
    CliTest::TearDown();
  }
  std::vector<std::string> addresses(std::size_t again) const {
    std::vector<std::string> found;
    const auto config = read_file(hosts_->config_file()).value();
    for (const auto line : split(config, '\n'))
      if (trim(line).starts_with("HostName ")) found.emplace_back(trim(trim(line).substr(9)));
    found.insert(found.end(), again, found.back());
    return found;
  }
  std::string base() const { return fmt::format("http://127.0.0.1:{}", stand_in_ ? stand_in_->port() : 0); }
  std::map<std::string, std::string> variables() const {
    return {{"ISOBAR_SSH_CONFIG", hosts_ ? hosts_->config_file() : ""},
            {"LAMBDA_API_BASE_URL", base() + "/api/v1"},
            {"LAMBDA_API_KEY", "stand-in-key"}};
  }
  /// All machines there ever were, as the stand-in itself says: "ID STATUS NAME REGION TYPE" a line.
  std::string machines() const {
    const auto said = run_child(
        {"python3", "-c", "import sys,urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())", base() + "/machines"}, {}, 20s);
    return said.ok() ? std::string(trim(said->out)) : said.error().message();
  }
  std::size_t alive() const {
    const std::string all = machines();
    std::size_t count = 0;
    for (const auto line : split(all, '\n')) count += line.find(" active ") != line.npos || line.find(" booting ") != line.npos;
    return count;
  }
  /// Ends a machine behind isobar's back.
  void end(const std::string& id) const {
    const std::string code =
        "import sys,json,urllib.request as u; u.urlopen(u.Request(sys.argv[1], json.dumps({'instance_ids': [sys.argv[2]]}).encode(), "
        "{'Authorization': 'Bearer stand-in-key', 'Content-Type': 'application/json'})).read()";
    const auto ended = run_child({"python3", "-c", code, base() + "/api/v1/instance-operations/terminate", id}, {}, 20s);
    ASSERT_TRUE(ended.ok() && ended->exit_code == 0) << (ended.ok() ? ended->err : ended.error().message());
  }
  /// The machine of a launch, with what ran on it.
  void lose(int number) {
    const std::string all = machines();
    end(std::string(split(split(all, '\n')[static_cast<std::size_t>(number)], ' ')[0]));
    hosts_->tell("kill", number + 1);
  }
  /// The machine that is gang-1 now. Its host stays: the next machine is there.
  void end_worker() const {
    const std::string all = machines();
    for (const auto line : split(all, '\n'))
      if (line.find(" active gang-1 ") != line.npos) end(std::string(split(line, ' ')[0]));
  }
  std::string log_of(int job) { return run({"logs", "--no-follow", "gang", std::to_string(job)}).out; }
  std::unique_ptr<clouds::SshHosts> hosts_;
  std::optional<stores::Emulator> stand_in_;
};

TEST_F(LambdaLaunch, AGangIsBoughtUsedAndGivenBack) {
  have_everything();
  if (IsSkipped() || HasFatalFailure()) return;
  EXPECT_THAT(ok({"check", "-v"}), HasSubstr("room now for cpu_4x_general, gpu_1x_a10"));
  const auto launched = run({"launch", "-y", "-c", "gang", "--infra", "lambda/us-west-2", "--num-nodes", "2", "--cpus", "4+",
                             "--instance-type", "cpu_4x_general", "echo rank $ISOBAR_NODE_RANK on $(hostname) in $ISOBAR_CLUSTER_INFO"});
  EXPECT_EQ(launched.exit_code, 0) << launched.err << launched.out;
  EXPECT_THAT(launched.out, AllOf(HasSubstr("Lambda (us-west-2)"), HasSubstr("rank 0 on h1"), HasSubstr("rank 1 on h2"),
                                  HasSubstr("\"cloud\":\"lambda\"")));
  EXPECT_THAT(machines(), AllOf(HasSubstr(" active gang-0 us-west-2 cpu_4x_general"), HasSubstr(" active gang-1 us-west-2 ")));
  EXPECT_THAT(ok({"exec", "gang", "echo again"}), HasSubstr("again"));
  const auto entered = run_child({"ssh", "-F", hosts_->config_file(), "-o", "BatchMode=yes", "gang-worker1", "hostname"}, {}, 20s);
  ASSERT_TRUE(entered.ok());
  EXPECT_EQ(trim(entered->out), "h2") << entered->err;
  // What Lambda cannot do is said, and nothing happens.
  const auto stopped = run({"stop", "-y", "gang"});
  EXPECT_NE(stopped.exit_code, 0);
  EXPECT_THAT(stopped.err, HasSubstr("cannot be stopped"));
  const auto by_itself = run({"autostop", "-y", "gang", "--down", "-i", "10"});
  EXPECT_THAT(by_itself.err, HasSubstr("is paid for all the same"));
  EXPECT_EQ(alive(), 2U);
  ok({"down", "-y", "gang"});
  EXPECT_EQ(alive(), 0U);
  EXPECT_EQ(status_of("gang"), "");
}

/// A worker is lost in the midst of a job: it is made again alone, gets what was sent to the others, and the job runs again with its setup;
/// the head keeps its machine and its disk.
TEST_F(LambdaLaunch, ALostWorkerIsReplacedAloneAndItsJobRunsAgain) {
  have_everything(3);
  if (IsSkipped() || HasFatalFailure()) return;
  fs::create_directories(folder_ / "work");
  write("work/data.txt", "sent along");
  const auto task = write("gang.yaml", fmt::format(R"yaml(name: gang
num_nodes: 2
workdir: {}
resources: {{infra: lambda/us-west-2, instance_type: cpu_4x_general, job_recovery: {{replace_lost_nodes: true}}}}
setup: echo set up $(hostname)
run: |
  echo x >> ~/ran
  echo "rank $ISOBAR_NODE_RANK on $(hostname): $(cat data.txt)"
  [ $(hostname) = h3 ] || [ $ISOBAR_NODE_RANK = 0 -a $(wc -l < ~/ran) = 2 ] || sleep 1000
)yaml",
                                                   (folder_ / "work").string()));
  ok({"launch", "-y", "-d", "-c", "gang", task});
  EXPECT_TRUE(eventually([&] { return log_of(1).find("rank 1 on h2") != std::string::npos; })) << log_of(1);
  const std::string head = machines().substr(0, machines().find(' '));
  lose(1);
  EXPECT_EQ(status_of("gang"), "INIT");
  const auto started = run({"start", "gang"});
  EXPECT_EQ(started.exit_code, 0) << started.err;
  EXPECT_THAT(started.err + started.out, HasSubstr("replacing node 1, beside the nodes that run"));
  EXPECT_EQ(status_of("gang"), "UP");
  EXPECT_EQ(alive(), 2U);
  EXPECT_THAT(machines(), HasSubstr(head + " active gang-0"));
  EXPECT_THAT(run({"logs", "gang", "2"}).out, AllOf(HasSubstr("set up h1"), HasSubstr("set up h3"), HasSubstr("rank 0 on h1: sent along"),
                                                    HasSubstr("rank 1 on h3: sent along")));
  EXPECT_THAT(log_of(1), AllOf(HasSubstr("node 1"), HasSubstr("job 2 runs this again")));
  EXPECT_THAT(ok({"queue", "gang"}), AllOf(HasSubstr("FAILED_DRIVER"), HasSubstr("SUCCEEDED")));
  EXPECT_THAT(ok({"exec", "gang", "--num-nodes", "2", "echo $(hostname)"}), AllOf(HasSubstr("h1"), HasSubstr("h3")));
  ok({"down", "-y", "gang"});
  EXPECT_EQ(alive(), 0U);
}

/// Wherever the replacement is killed, the next start leaves one machine for each rank, and the head as it was.
TEST_F(LambdaLaunch, AKilledReplacementIsCompletedByTheNextStart) {
  have_everything(2, 1000);
  if (IsSkipped() || HasFatalFailure()) return;
  const auto task = write("gang.yaml",
                          "num_nodes: 2\nresources: {infra: lambda/us-west-2, instance_type: cpu_4x_general, "
                          "job_recovery: {replace_lost_nodes: true}}\nrun: hostname\n");
  ok({"launch", "-y", "-c", "gang", task});
  const std::string head = machines().substr(0, machines().find(' '));
  for (int i = 0; i < (std::getenv("ISOBAR_LONG") ? 30 : 4); ++i) {
    end_worker();
    auto mending = start({"start", "gang"});
    std::this_thread::sleep_for(std::chrono::milliseconds(60 + 450 * i % 4000));
    mending->signal(SIGKILL);
    mending->wait();
    std::this_thread::sleep_for(300ms);
    ok({"start", "gang"});
    EXPECT_EQ(status_of("gang"), "UP") << i;
    EXPECT_EQ(alive(), 2U) << i << "\n" << machines();
    EXPECT_THAT(machines(), HasSubstr(head + " active gang-0")) << i;
    EXPECT_THAT(ok({"exec", "gang", "--num-nodes", "2", "echo rank $ISOBAR_NODE_RANK"}), AllOf(HasSubstr("rank 0"), HasSubstr("rank 1")));
  }
  ok({"down", "-y", "gang"});
  EXPECT_EQ(alive(), 0U);
}

TEST_F(LambdaLaunch, WhereThereIsNoRoomTheNextRegionIsTaken) {
  have_everything();
  if (IsSkipped() || HasFatalFailure()) return;
  const auto launched =
      run({"launch", "-y", "-c", "vm", "--infra", "lambda", "--instance-type", "cpu_4x_general", "echo in $ISOBAR_CLUSTER_INFO"});
  EXPECT_EQ(launched.exit_code, 0) << launched.err << launched.out;
  EXPECT_THAT(launched.out, HasSubstr("us-east-1"));
  EXPECT_EQ(alive(), 1U);
  ok({"down", "-y", "vm"});
  EXPECT_EQ(alive(), 0U);
}

/// After each launch that is killed, whenever that is, the next command leaves no machine that nobody knows of.
TEST_F(LambdaLaunch, AKilledLaunchLeavesNoMachineThatIsPaidFor) {
  have_everything();
  if (IsSkipped() || HasFatalFailure()) return;
  for (int i = 0; i < (std::getenv("ISOBAR_LONG") ? 40 : 5); ++i) {
    auto launch = start({"launch", "-y", "-c", "vm", "--infra", "lambda/us-east-1", "--instance-type", "cpu_4x_general", "echo ran"});
    std::this_thread::sleep_for(std::chrono::milliseconds(40 + 230 * i));
    launch->signal(SIGKILL);
    launch->wait();
    // A launch that Lambda took at that very instant is listed a moment later.
    std::this_thread::sleep_for(300ms);
    ok({"sweep"});
    if (status_of("vm").empty()) {
      EXPECT_EQ(alive(), 0U) << i;
    }
    if (!status_of("vm").empty()) ok({"down", "-y", "vm"});
    EXPECT_EQ(alive(), 0U) << i;
  }
}

}  // namespace
}  // namespace isobar::e2e
