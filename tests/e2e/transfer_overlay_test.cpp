// Copies over gateways, in emulated networks: planned, striped, relayed, cut.

#include <gmock/gmock.h>
#include <unistd.h>

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

TEST_F(TransferOverlay, CompletesThoughItsRelayIsKilled) {
  const auto from = make_files(12, 6 << 20);
  const fs::path to = folder_ / "to";
  const auto copied = run(within(
      "relay-killed", {"cp", "-r", "--from", "a", "--to", "b", "--connections", "4", "--bwlimit", "12MB/s", from.string(), to.string()}));
  ASSERT_EQ(copied.exit_code, 0) << copied.err;
  EXPECT_THAT(copied.err, HasSubstr("the gateway netem:c/0 has ended"));
  EXPECT_THAT(copied.err, HasSubstr("planned again"));
  EXPECT_EQ(run({"check", "--download", from.string(), to.string()}).exit_code, 0);
}

TEST_F(TransferOverlay, CompletesThoughAnEdgeIsCut) {
  const auto from = make_files(12, 6 << 20);
  const fs::path to = folder_ / "to";
  const auto copied = run(within(
      "edge-cut", {"cp", "-r", "--from", "a", "--to", "b", "--connections", "4", "--bwlimit", "10MB/s", from.string(), to.string()}));
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
}

TEST_F(TransferOverlay, NamesWhatIsMissing) {
  EXPECT_THAT(run({"cp", "--from", "a", "--to", "b", "x", "y"}).err, HasSubstr("there is no file 'x'"));
  make_files(1, 10);
  const auto from = (folder_ / "from/large-0").string();
  EXPECT_THAT(run({"cp", "--from", "a", "--to", "b", from, from + "-copy"}).err, HasSubstr("--sites FILE"));
  EXPECT_THAT(run(within("wan", {"cp", "--from", "a", "--to", "nowhere", from, from + "-copy"})).err, HasSubstr("nowhere"));
  const auto sites = write("sites.yaml", "sites:\n  aws:us-east-1: {address: 127.0.0.1}\n");
  EXPECT_THAT(run({"cp", "--sites", sites, "--from", "aws:us-east-1", "--to", "aws:us-west-2", from, from + "-copy"}).err,
              HasSubstr("there is no machine for a gateway in aws:us-west-2"));
}

}  // namespace
}  // namespace isobar::e2e
