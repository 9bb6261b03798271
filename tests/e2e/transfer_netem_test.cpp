// transfer netem: commands in emulated networks, and what is left when they are killed.

#include <gmock/gmock.h>
#include <unistd.h>

#include "base/text.h"
#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// The namespaces of a process's testbeds.
std::vector<std::string> namespaces_of(pid_t owner) {
  std::vector<std::string> names;
  if (!fs::exists("/run/netns")) return names;
  for (const auto& entry : fs::directory_iterator("/run/netns"))
    if (const std::string name = entry.path().filename(); name.starts_with("inb-" + std::to_string(owner) + "-")) names.push_back(name);
  return names;
}

class TransferNetem : public CliTest {};

class TransferNetemRun : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    if (::geteuid() != 0 || ::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "needs root and /dev/net/tun";
  }
  /// Starts a network whose command tells its own pid, and returns that of isobar, its parent.
  std::pair<std::unique_ptr<Running>, pid_t> start_lasting() {
    auto running = start({"transfer", "netem", "run", "wan", "--", "sh", "-c", "echo $PPID; exec sleep 60"});
    EXPECT_TRUE(eventually([&] { return running->out_so_far().find('\n') != std::string::npos; }));
    const pid_t owner = std::stoi(running->out_so_far());
    EXPECT_EQ(namespaces_of(owner).size(), 2U);
    return {std::move(running), owner};
  }
};

TEST_F(TransferNetem, ShowsScenariosAsTableFileAndGrid) {
  EXPECT_THAT(ok({"transfer", "netem", "list"}), HasSubstr("triangle"));
  EXPECT_THAT(ok({"transfer", "netem", "show", "edge-cut"}), HasSubstr("at 4s: the link a-c is cut"));
  const auto file = write("mine.yaml", ok({"transfer", "netem", "show", "triangle", "-o", "yaml"}));
  EXPECT_EQ(ok({"transfer", "netem", "show", file}), ok({"transfer", "netem", "show", "triangle"}));
  const auto grid = write("grid.csv", ok({"transfer", "netem", "show", file, "-o", "grid"}));
  EXPECT_THAT(ok({"transfer", "plan", "a", "b", "--grid", grid, "--shared-links", "--throughput", "990Mbit"}),
              HasSubstr("netem:a → netem:c → netem:b"));
}

TEST_F(TransferNetem, PlansOverAScenarioWithItsPrices) {
  EXPECT_THAT(ok({"transfer", "plan", "a", "b", "--scenario", "triangle", "--bytes", "10GB", "--throughput", "990Mbit"}),
              HasSubstr("netem:a → netem:c → netem:b   80%"));
}

TEST_F(TransferNetemRun, GivesTheCommandItsNetworkAndItsExitCode) {
  const auto outcome = run({"transfer", "netem", "run", "wan", "--in", "b", "--", "sh", "-c",
                            "cat $ISOBAR_NETEM; ls /sys/class/net /proc/self/net/dev_snmp6; exit 7"});
  EXPECT_EQ(outcome.exit_code, 7) << outcome.err;
  const auto first_line = outcome.out.substr(0, outcome.out.find('\n'));
  const auto bed = boost::json::parse(first_line);
  EXPECT_EQ(bed.at("regions").at(1).at("addresses").at("a"), "10.99.0.2");
  EXPECT_THAT(outcome.out, HasSubstr("to-a"));
}

TEST_F(TransferNetemRun, TellsWhatIsWrongWithTheCommandOrTheScenario) {
  EXPECT_EQ(run({"transfer", "netem", "run", "wann", "true"}).exit_code, 2);
  EXPECT_THAT(run({"transfer", "netem", "run", "wan", "no-such-program"}).err, HasSubstr("there is no program 'no-such-program'"));
  EXPECT_THAT(run({"transfer", "netem", "run", "wan", "--in", "c", "true"}).err,
              HasSubstr("scenario wan has no region 'c'; there are a, b"));
}

TEST_F(TransferNetemRun, TakesTheNetworkDownWhenItIsToldToEnd) {
  for (const int number : {SIGTERM, SIGINT}) {
    auto [running, owner] = start_lasting();
    running->signal(number);
    EXPECT_EQ(running->wait().exit_code, 128 + number);
    EXPECT_THAT(namespaces_of(owner), IsEmpty());
  }
}

TEST_F(TransferNetemRun, ARunSweepsWhatAKilledOneLeft) {
  auto [running, owner] = start_lasting();
  running->signal(SIGKILL);
  running->wait();
  EXPECT_EQ(namespaces_of(owner).size(), 2U);
  ok({"transfer", "netem", "run", "wan", "true"});
  EXPECT_THAT(namespaces_of(owner), IsEmpty());
}

}  // namespace
}  // namespace isobar::e2e
