// The testbed as a program in it sees it. Bounds are wide, for the machine may be busy; the exact ones are those of OneWayLink.

#include "transfer/testbed.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/process.h"

namespace isobar::transfer {
namespace {

constexpr std::uint16_t kPort = 5000;

sockaddr_in address_of(const std::string& text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(kPort);
  ::inet_pton(AF_INET, text.c_str(), &address.sin_addr);
  return address;
}

Duration since(std::chrono::steady_clock::time_point began) { return std::chrono::steady_clock::now() - began; }

class TestbedTest : public testing::Test {
 protected:
  void set_up(std::string_view yaml) {
    const auto scenario = parse_scenario(yaml, "test.yaml");
    ASSERT_TRUE(scenario.ok()) << scenario.error().message();
    auto made = Testbed::create(*scenario);
    if (!made.ok() && made.error().code() != Code::kUnavailable) GTEST_SKIP() << made.error().message();
    ASSERT_TRUE(made.ok()) << made.error().message();
    testbed_ = std::move(made).value();
  }

  const Site& site(std::string_view region) { return **testbed_->site(region); }

  Fd listen_in(std::string_view region) {
    Fd listener;
    const auto listening = in_network(site(region), [&]() -> Status {
      listener.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const auto any = address_of("0.0.0.0");
      if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 || ::listen(listener.get(), 8) != 0)
        return errno_error("listen");
      return {};
    });
    EXPECT_TRUE(listening.ok()) << listening.error().message();
    return listener;
  }

  Fd connect_from(std::string_view region, const std::string& address) {
    Fd socket;
    const auto connected = in_network(site(region), [&]() -> Status {
      socket.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const auto there = address_of(address);
      if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) return errno_error("connect");
      return {};
    });
    EXPECT_TRUE(connected.ok()) << connected.error().message();
    return socket;
  }

  std::unique_ptr<Testbed> testbed_;
};

const char* const kSmallWan = R"(
regions: {a: {}, b: {}}
links: [{from: a, to: b, rate: 100Mbit, rtt: 40ms}]
events: [{at: 0s, cut: a-b}, {at: 700ms, heal: a-b}]
)";

TEST_F(TestbedTest, AConnectionTakesARoundTripAndCarriesTheRate) {
  set_up(kSmallWan);
  if (!testbed_) return;
  const Fd listener = listen_in("b");
  const auto began = std::chrono::steady_clock::now();
  const Fd client = connect_from("a", site("b").addresses.at("a"));
  EXPECT_GE(since(began), 40ms);
  EXPECT_LE(since(began), 140ms);

  const Fd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  constexpr std::size_t kBytes = 10'000'000;  // 0.8 s at the rate
  std::jthread sender([&] {
    const std::string block(100'000, 'x');
    for (std::size_t sent = 0; sent < kBytes; sent += block.size()) static_cast<void>(write_all(client.get(), block).ok());
  });
  const auto first = std::chrono::steady_clock::now();
  std::string buffer(1 << 20, '\0');
  for (std::size_t read = 0; read < kBytes;) {
    const ssize_t some = ::read(server.get(), buffer.data(), buffer.size());
    ASSERT_GT(some, 0);
    read += static_cast<std::size_t>(some);
  }
  const double mbps = kBytes * 8 / to_seconds(since(first)) / 1e6;
  EXPECT_LE(mbps, 100);
  EXPECT_GE(mbps, 40);

  const auto edges = testbed_->traffic();
  ASSERT_EQ(edges.size(), 2U);
  EXPECT_EQ(edges[0].from, "a");
  EXPECT_GE(edges[0].payload_bytes, kBytes);
  EXPECT_GT(edges[0].wire_bytes, edges[0].payload_bytes);
  EXPECT_EQ(edges[1].payload_bytes, 0U) << "acknowledgements alone";
}

TEST_F(TestbedTest, ACutLinkStallsAConnectionAndAHealedOneGoesOn) {
  set_up(kSmallWan);
  if (!testbed_) return;
  const Fd listener = listen_in("b");
  const Fd client = connect_from("a", site("b").addresses.at("a"));
  const Fd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::atomic<int> told{0};
  const auto began = std::chrono::steady_clock::now();
  testbed_->begin_events([&](const ScenarioEvent&) { ++told; });
  while (told == 0) std::this_thread::yield();
  ASSERT_TRUE(write_all(client.get(), "x").ok());
  pollfd arrival{server.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&arrival, 1, 10'000), 1);
  EXPECT_GE(since(began), 700ms);
  EXPECT_EQ(told, 2);
  EXPECT_GT(testbed_->traffic()[0].severed_segments, 0U);
}

TEST_F(TestbedTest, TheRootNamespaceReachesEveryRegion) {
  set_up("regions: {a: {}, b: {}, c: {}}\n");
  if (!testbed_) return;
  for (const auto& each : testbed_->sites()) {
    const Fd listener = listen_in(each.region);
    const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto there = address_of(each.management_address);
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there), 0) << each.region;
  }
}

/// A process in a region that does nothing.
pid_t sleeper_in(const Site& site) {
  pid_t pid = -1;
  const auto started = in_network(site, [&]() -> Status {
    pid = ::fork();
    if (pid == 0) {
      ::execlp("sleep", "sleep", "60", nullptr);
      ::_exit(1);
    }
    return {};
  });
  EXPECT_TRUE(started.ok());
  return pid;
}

TEST_F(TestbedTest, AKillEndsWhatRunsInTheRegionAndNothingElse) {
  set_up("regions: {a: {}, b: {}}\nevents: [{at: 10ms, kill: b}]\n");
  if (!testbed_) return;
  const pid_t spared = sleeper_in(site("a")), killed = sleeper_in(site("b"));
  testbed_->begin_events(nullptr);
  int status = 0;
  ASSERT_EQ(::waitpid(killed, &status, 0), killed);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(::waitpid(spared, &status, WNOHANG), 0);
  testbed_.reset();
  EXPECT_EQ(::waitpid(spared, &status, 0), spared) << "it ends with its network";
}

TEST_F(TestbedTest, LeavesNothingBehindAndTwoAtOnceDoNotMeet) {
  set_up(kSmallWan);
  if (!testbed_) return;
  const auto first = std::move(testbed_);
  set_up(kSmallWan);
  ASSERT_TRUE(testbed_);
  EXPECT_NE(first->sites()[0].management_address, testbed_->sites()[0].management_address);
  const auto path = testbed_->sites()[0].namespace_path;
  EXPECT_TRUE(fs::exists(path));
  testbed_.reset();
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace isobar::transfer
