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
  void have_everything() {
    auto hosts = clouds::SshHosts::start(folder_ / "hosts", 2);
    if (!hosts.ok()) GTEST_SKIP() << hosts.error().message();
    hosts_ = std::move(*hosts);
    auto stand_in = stores::Emulator::start_script(ISOBAR_SOURCE_DIR "/tests/clouds/lambda_stand_in.py", addresses());
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
  std::vector<std::string> addresses() const {
    std::vector<std::string> found;
    const auto config = read_file(hosts_->config_file()).value();
    for (const auto line : split(config, '\n'))
      if (trim(line).starts_with("HostName ")) found.emplace_back(trim(trim(line).substr(9)));
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
