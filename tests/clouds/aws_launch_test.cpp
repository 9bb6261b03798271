// The whole way of a machine on EC2: priced from the catalog, bought from an EC2 that others wrote (moto), and made into a node over a
// real SSH server that stands where the address of the machine leads.

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

class AwsLaunch : public CliTest {
 protected:
  void have_everything() {
    auto hosts = clouds::SshHosts::start(folder_ / "hosts", 1);
    if (!hosts.ok()) GTEST_SKIP() << hosts.error().message();
    hosts_ = std::move(*hosts);
    auto emulator = stores::Emulator::start("moto");
    if (!emulator.ok()) GTEST_SKIP() << emulator.error().message();
    emulator_.emplace(std::move(*emulator));
    // Every machine that moto invents is where h1 is, and h1 takes isobar's own key.
    const auto known = read_file(hosts_->config_file());
    const auto at = known->find("HostName ");
    const auto address = known->substr(at + 9, known->find('\n', at) - at - 9);
    ASSERT_TRUE(write_file(hosts_->config_file(), *known + "Host *\n  HostName " + address + "\n").ok());
    fs::create_directories(home_ / "ssh");
    for (const char* half : {"", ".pub"})
      fs::copy_file(folder_ / "hosts" / (std::string("user_key") + half), home_ / "ssh" / (std::string("id_ed25519") + half));
    for (const auto& [name, value] : variables()) ::setenv(name.c_str(), value.c_str(), 1);
  }
  void TearDown() override {
    hosts_.reset();
    emulator_.reset();
    for (const auto& [name, value] : variables()) ::unsetenv(name.c_str());
    CliTest::TearDown();
  }
  std::map<std::string, std::string> variables() const {
    return {{"ISOBAR_SSH_CONFIG", hosts_ ? hosts_->config_file() : ""},
            {"AWS_ENDPOINT_URL", fmt::format("http://127.0.0.1:{}", emulator_ ? emulator_->port() : 0)},
            {"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
            {"AWS_SECRET_ACCESS_KEY", "secret"},
            {"AWS_REGION", "us-east-1"},
            {"AWS_EC2_METADATA_DISABLED", "true"}};
  }
  /// The states of all machines in the account, as moto itself says without any filter: "running stopped".
  std::string machines() const {
    const auto said = run_child(
        {"python3", "-c",
         "import sys,re,urllib.request as u\n"
         "b=u.urlopen(u.Request(sys.argv[1],data=b'Action=DescribeInstances&Version=2016-11-15',headers={'Authorization':"
         "'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=x'})).read().decode()\n"
         "print(' '.join(re.findall(r'<instanceState>.*?<name>(.*?)</name>',b,re.S)))",
         variables().at("AWS_ENDPOINT_URL")},
        {}, 20s);
    return said.ok() ? std::string(trim(said->out)) : said.error().message();
  }
  std::unique_ptr<clouds::SshHosts> hosts_;
  std::optional<stores::Emulator> emulator_;
};

TEST_F(AwsLaunch, AMachineIsBoughtUsedStoppedStartedAndGivenBack) {
  have_everything();
  if (IsSkipped() || HasFatalFailure()) return;
  const auto launched = run({"launch", "-y", "-c", "vm", "--infra", "aws/us-east-1", "--cpus", "2", "--memory", "1+",
                             "echo hi from $(hostname) in $ISOBAR_CLUSTER_INFO"});
  EXPECT_EQ(launched.exit_code, 0) << launched.err;
  EXPECT_THAT(launched.out, AllOf(HasSubstr("AWS (us-east-1"), HasSubstr("hi from h1"), HasSubstr("\"cloud\":\"aws\"")));
  EXPECT_EQ(machines(), "running");
  EXPECT_THAT(ok({"exec", "vm", "echo again"}), HasSubstr("again"));
  // `ssh CLUSTER` is known while it is there.
  const auto entered = run_child({"ssh", "-F", hosts_->config_file(), "-o", "BatchMode=yes", "vm", "hostname"}, {}, 20s);
  ASSERT_TRUE(entered.ok());
  EXPECT_EQ(trim(entered->out), "h1") << entered->err;
  ok({"stop", "-y", "vm"});
  EXPECT_EQ(machines(), "stopped");
  EXPECT_EQ(status_of("vm"), "STOPPED");
  ok({"start", "vm"});
  EXPECT_EQ(status_of("vm"), "UP");
  EXPECT_THAT(ok({"exec", "vm", "echo once more"}), HasSubstr("once more"));
  ok({"down", "-y", "vm"});
  EXPECT_EQ(machines(), "terminated");
  EXPECT_EQ(status_of("vm"), "");
  EXPECT_THAT(read_file(hosts_->config_file()).value(), HasSubstr("Include"));
  EXPECT_FALSE(fs::exists(home_ / "ssh" / "clusters.d" / "vm"));
}

/// After each launch that is killed, whenever that is, the next command leaves no machine that nobody knows of.
TEST_F(AwsLaunch, AKilledLaunchLeavesNoMachineThatIsPaidFor) {
  have_everything();
  if (IsSkipped() || HasFatalFailure()) return;
  const char* more = std::getenv("ISOBAR_LONG");
  for (int i = 0; i < (more ? 40 : 5); ++i) {
    auto launch = start({"launch", "-y", "-c", "vm", "--infra", "aws/us-east-1", "--cpus", "2", "--memory", "1+", "echo ran"});
    std::this_thread::sleep_for(std::chrono::milliseconds(40 + 170 * i));
    launch->signal(SIGKILL);
    launch->wait();
    ok({"sweep"});
    if (status_of("vm").empty()) {
      EXPECT_THAT(machines(), testing::Not(testing::AnyOf(HasSubstr("running"), HasSubstr("pending"), HasSubstr("stop")))) << i;
    }
    if (!status_of("vm").empty()) ok({"down", "-y", "vm"});
    EXPECT_THAT(machines(), testing::Not(testing::AnyOf(HasSubstr("running"), HasSubstr("pending"), HasSubstr("stop")))) << i;
  }
}

}  // namespace
}  // namespace isobar::e2e
