// Copies over gateways, in emulated networks: planned, striped, relayed, cut.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "cli.h"

namespace isobar::e2e {
namespace {

using testing::HasSubstr;

class TransferOverlay : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    if (::geteuid() != 0 || ::access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "needs root and /dev/net/tun";
  }

  /// A command of isobar's inside of a scenario.
  std::vector<std::string> within(const std::string& scenario, std::vector<std::string> command) {
    std::vector<std::string> words = {"transfer", "netem", "run", scenario, "--", std::string(ISOBAR_BINARY_DIR) + "/bin/isobar"};
    words.insert(words.end(), command.begin(), command.end());
    return words;
  }

  /// Files of all sizes, `count` of them large.
  fs::path make_files(int count, std::size_t bytes) {
    const fs::path folder = folder_ / "from";
    fs::create_directories(folder / "deep/er");
    std::string content(bytes, '\0');
    std::uint64_t state = 88172645463325252ULL;
    for (int i = 0; i < count; ++i) {
      for (std::size_t at = 0; at + 8 <= bytes; at += 8) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        std::memcpy(content.data() + at, &state, 8);
      }
      std::ofstream(folder / ("large-" + std::to_string(i)), std::ios::binary) << content;
    }
    for (int i = 0; i < 50; ++i)
      std::ofstream(folder / "deep/er" / ("small " + std::to_string(i))) << std::string(static_cast<std::size_t>(i * 97), 's');
    std::ofstream(folder / "empty");
    return folder;
  }

  boost::json::object summary(const std::string& out) { return boost::json::parse(out.substr(out.find('{'))).as_object(); }

  double over(const boost::json::object& told, const std::string& from, const std::string& to) {
    for (const auto& edge : told.at("edges").as_array())
      if (edge.at("from").as_string() == from && edge.at("to").as_string() == to) return edge.at("bytes").to_number<double>();
    return 0;
  }
};

TEST_F(TransferOverlay, MostBytesGoOverTheRelayOfTheTriangle) {
  const auto outcome = run(within("triangle", {"transfer", "measure", "--from", "a", "--to", "b", "--bytes", "96MiB", "--chunk", "1MiB",
                                               "--connections", "8", "-o", "json"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("netem:a → netem:c → netem:b 0.80 Gbit/s"));
  const auto told = summary(outcome.out);
  EXPECT_EQ(told.at("bytes").to_number<double>(), 96 << 20);
  EXPECT_GT(over(told, "netem:c", "netem:b"), 1.5 * over(told, "netem:a", "netem:b"));
}

TEST_F(TransferOverlay, CopiesATreeWithItsPropertiesAndTellsThePriceBefore) {
  const auto from = make_files(3, 5 << 20);
  const fs::path to = folder_ / "to";
  const std::vector<std::string> copy = {"cp", "-r",          "--from", "a",           "--to",     "b", "--connections",
                                         "8",  "--part-size", "1MiB",   from.string(), to.string()};
  auto dry = copy;
  dry.push_back("--dry-run");
  const auto planned = run(within("triangle", dry));
  ASSERT_EQ(planned.exit_code, 0) << planned.err;
  EXPECT_THAT(planned.err, HasSubstr("$"));
  EXPECT_FALSE(fs::exists(to));
  const auto copied = run(within("triangle", copy));
  ASSERT_EQ(copied.exit_code, 0) << copied.err;
  EXPECT_THAT(copied.out, HasSubstr("copied 54 objects"));
  EXPECT_EQ(run({"check", "--download", from.string(), to.string()}).exit_code, 0);
  for (const auto* name : {"large-0", "empty"}) EXPECT_EQ(fs::last_write_time(from / name), fs::last_write_time(to / name)) << name;
}

TEST_F(TransferOverlay, SendsTextInFewerBytesAndTellsHowMany) {
  std::string text;
  for (int i = 0; text.size() < (12U << 20); ++i)
    text += fmt::format("{:08} on the way from a to b, {} times seven\n", i * 2654435761U, i % 977);
  const auto from = write("text", text), to = (folder_ / "to").string();
  std::vector<std::string> copy = {"cp", "--from", "a", "--to", "b", "--connections", "4", "--part-size", "1MiB", from, to};
  const auto copied = run(within("wan", copy));
  ASSERT_EQ(copied.exit_code, 0) << copied.err;
  EXPECT_THAT(copied.out, testing::ContainsRegex("sent 12.0 MiB as [0-9.]+ [MK]iB \\(zstd"));
  EXPECT_EQ(*read_file(to, 1 << 30), text);
  copy.insert(copy.end(), {"--compress", "off", "-o", "json"});
  const auto raw = run(within("wan", copy));
  ASSERT_EQ(raw.exit_code, 0) << raw.err;
  const auto told = summary(raw.out);
  EXPECT_EQ(told.at("packed").at("sent_bytes").to_number<std::size_t>(), text.size());
  EXPECT_EQ(told.at("packed").at("raw_bytes").to_number<std::size_t>(), text.size());
  EXPECT_EQ(over(told, "netem:a", "netem:b"), static_cast<double>(text.size()));
}

TEST_F(TransferOverlay, CompletesThoughItsRelayIsKilled) {
  const auto from = make_files(12, 6 << 20);
  const fs::path to = folder_ / "to";
  const auto copied = run(within(
      "relay-killed", {"cp", "-r", "--from", "a", "--to", "b", "--connections", "4", "--bwlimit", "12MB/s", from.string(), to.string()}));
  ASSERT_EQ(copied.exit_code, 0) << copied.err;
  EXPECT_THAT(copied.err, HasSubstr("the gateway netem:c/0 has ended"));
  // One that is there again within a second needs no other plan.
  EXPECT_THAT(copied.err, testing::AnyOf(HasSubstr("planned again"), HasSubstr("was started again")));
  EXPECT_EQ(run({"check", "--download", from.string(), to.string()}).exit_code, 0);
}

TEST_F(TransferOverlay, CompletesThoughAnEdgeIsCut) {
  const auto from = make_files(12, 6 << 20);
  const fs::path to = folder_ / "to";
  const auto copied = run(
      within("edge-cut", {"cp", "-r", "--from", "a", "--to", "b", "--connections", "4", "--bwlimit", "6MB/s", from.string(), to.string()}));
  ASSERT_EQ(copied.exit_code, 0) << copied.err;
  EXPECT_THAT(copied.err, HasSubstr("the edge netem:a/0 to netem:c/0 is down"));
  EXPECT_EQ(run({"check", "--download", from.string(), to.string()}).exit_code, 0);
}

TEST_F(TransferOverlay, SendsEachByteOverEachEdgeOfATreeOnce) {
  const auto outcome = run(within("multicast", {"transfer", "measure", "--from", "source", "--to", "d1", "--to", "d3", "--to", "d4",
                                                "--bytes", "24MiB", "--chunk", "1MiB", "--connections", "4", "-o", "json"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto told = summary(outcome.out);
  double left_source = 0, into_d4 = 0;
  for (const auto& edge : told.at("edges").as_array()) {
    if (edge.at("from").as_string() == "netem:source") left_source += edge.at("bytes").to_number<double>();
    if (edge.at("to").as_string() == "netem:d4") into_d4 += edge.at("bytes").to_number<double>();
  }
  EXPECT_EQ(into_d4, 24 << 20);
  // The dear source sends each byte once, and not once for each destination.
  EXPECT_LT(left_source, 1.5 * (24 << 20));
}

TEST_F(TransferOverlay, MeasuresAGridThatPlansCanBeMadeWith) {
  const auto grid = (folder_ / "grid.csv").string();
  const auto outcome = run(within("wan", {"transfer", "profile", "--time", "1s", "--connections", "8", "-f", grid}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(ok({"transfer", "plan", "netem:a", "netem:b", "--grid", grid, "--shared-links", "--bytes", "1GB"}),
              HasSubstr("netem:a → netem:b"));
  // 80 ms there and back, and little more.
  const auto line = [text = read_file(grid).value_or("")](const std::string& pair) { return text.substr(text.find(pair)); };
  for (const std::string pair : {"netem:a,netem:b,", "netem:b,netem:a,"}) {
    const std::string rest = line(pair).substr(pair.size());
    const double rtt_ms = std::atof(rest.substr(rest.find(',') + 1).c_str());
    EXPECT_GE(rtt_ms, 79) << rest;
    EXPECT_LE(rtt_ms, 100) << rest;
  }
}

/// A port that nobody listened on a moment ago.
int free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

/// An sshd of the test's own on loopback, whose logins live in a folder of the test's.
class OverSsh : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    if (::geteuid() != 0 || ::access("/usr/sbin/sshd", X_OK) != 0 || ::access("/usr/bin/ssh", X_OK) != 0)
      GTEST_SKIP() << "needs root, ssh and sshd";
    fs::create_directories("/run/sshd");
    fs::create_directories(remote_home());
    for (const auto* key : {"host_key", "user_key"})
      ASSERT_EQ(std::system(fmt::format("ssh-keygen -q -t ed25519 -N '' -f {}", (folder_ / key).string()).c_str()), 0);
    fs::copy_file(folder_ / "user_key.pub", folder_ / "authorized_keys");
    write("enter.sh", fmt::format("cd {0} && HOME={0} exec sh -c \"$SSH_ORIGINAL_COMMAND\"\n", remote_home().string()));
    write("sshd.conf",
          fmt::format(
              "Port {0}\nListenAddress 127.0.0.1\nHostKey {1}/host_key\nPidFile {1}/sshd.pid\nAuthorizedKeysFile {1}/authorized_keys\n"
              "StrictModes no\nUsePAM no\nPasswordAuthentication no\nForceCommand sh {1}/enter.sh\n",
              port_, folder_.string()));
    write("ssh.conf",
          fmt::format("Host far\n  HostName 127.0.0.1\n  Port {0}\n  User root\n  IdentityFile {1}/user_key\n  StrictHostKeyChecking no\n"
                      "  UserKnownHostsFile {1}/known_hosts\n  LogLevel ERROR\n",
                      port_, folder_.string()));
    // The user's own ssh, with a configuration of the test's.
    fs::create_directories(folder_ / "bin");
    const auto ssh = write("bin/ssh", fmt::format("#!/bin/sh\nexec /usr/bin/ssh -F {}/ssh.conf \"$@\"\n", folder_.string()));
    fs::permissions(ssh, fs::perms::owner_all);
    server_ = std::make_unique<Running>(std::vector<std::string>{"/usr/sbin/sshd", "-D", "-e", "-f", (folder_ / "sshd.conf").string()},
                                        folder_, std::map<std::string, std::string>{});
    ASSERT_TRUE(eventually([&] { return std::system((ssh + " -o BatchMode=yes far true 2>/dev/null").c_str()) == 0; }));
  }
  void TearDown() override {
    if (server_) {
      server_->signal(SIGTERM);
      server_->wait();
    }
    CliTest::TearDown();
  }
  fs::path remote_home() const { return folder_ / "remote"; }
  std::map<std::string, std::string> environment() const { return {{"PATH", (folder_ / "bin").string() + ":/usr/bin:/bin"}}; }

  const int port_ = free_port();
  std::unique_ptr<Running> server_;
};

TEST_F(OverSsh, GatewaysAreStartedWhereTheProgramIsSentOnce) {
  const auto sites = write("sites.yaml", "sites:\n  lab:here: {address: 127.0.0.1}\n  lab:far: {ssh: far, address: 127.0.0.1}\n");
  const auto grid = write("grid.csv", "src,dst,gbps,rtt_ms,date\nlab:here,lab:far,1,,2026-11\n");
  for (int i = 0; i < 40; ++i) write(fmt::format("from/file-{}", i), std::string(static_cast<std::size_t>(i) * 20'000, 'x'));
  const std::vector<std::string> copy = {"cp",     "-r",       "--sites", sites,     "--grid",        grid,
                                         "--from", "lab:here", "--to",    "lab:far", "--connections", "4"};
  for (const auto* to : {"to", "to-again"}) {
    auto words = copy;
    words.insert(words.end(), {(folder_ / "from").string(), (folder_ / to).string()});
    const auto copied = run(words, environment());
    ASSERT_EQ(copied.exit_code, 0) << copied.err;
    EXPECT_EQ(run({"check", "--download", (folder_ / "from").string(), (folder_ / to).string()}).exit_code, 0);
  }
  int programs = 0;
  for (const auto& entry : fs::directory_iterator(remote_home() / ".isobar/bin"))
    programs += entry.path().filename().string().starts_with("isobar-node-");
  EXPECT_EQ(programs, 1);
}

TEST_F(OverSsh, AMachineThatCannotBeReachedIsNamed) {
  const auto sites =
      write("sites.yaml", "sites:\n  lab:here: {address: 127.0.0.1}\n  lab:far: {ssh: nowhere.invalid, address: 127.0.0.1}\n");
  const auto grid = write("grid.csv", "src,dst,gbps,rtt_ms,date\nlab:here,lab:far,1,,2026-11\n");
  const auto file = write("file", "content");
  const auto copied =
      run({"cp", "--sites", sites, "--grid", grid, "--from", "lab:here", "--to", "lab:far", file, file + "-copy"}, environment());
  EXPECT_NE(copied.exit_code, 0);
  EXPECT_THAT(copied.err, HasSubstr("nowhere.invalid"));
}

TEST_F(TransferOverlay, NamesWhatIsMissing) {
  EXPECT_THAT(run({"cp", "--from", "a", "--to", "b", "x", "y"}).err, HasSubstr("there is no file 'x'"));
  make_files(1, 10);
  const auto from = (folder_ / "from/large-0").string();
  EXPECT_THAT(run({"cp", "--from", "a", "--to", "b", from, from + "-copy"}).err, HasSubstr("--sites FILE"));
  EXPECT_THAT(run({"cp", "--compress", "zstd", from, from + "-copy"}).err, HasSubstr("--from and --to"));
  EXPECT_THAT(run({"cp", "--max-cost", "40", from, from + "-copy"}).err, HasSubstr("--from and --to"));
  EXPECT_THAT(run(within("wan", {"cp", "--from", "a", "--to", "nowhere", from, from + "-copy"})).err, HasSubstr("nowhere"));
  const auto sites = write("sites.yaml", "sites:\n  aws:us-east-1: {address: 127.0.0.1}\n");
  EXPECT_THAT(run({"cp", "--sites", sites, "--from", "aws:us-east-1", "--to", "aws:us-west-2", from, from + "-copy"}).err,
              HasSubstr("there is no machine for a gateway in aws:us-west-2"));
}

}  // namespace
}  // namespace isobar::e2e
