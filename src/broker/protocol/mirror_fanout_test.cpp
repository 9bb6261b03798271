// One tree to many nodes, whose agents are threads here that behave as they are told.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <list>
#include <map>
#include <thread>

#include "base/file.h"
#include "base/random.h"
#include "broker/agent_channel.h"
#include "broker/agent_client.h"
#include "compression/compressor.h"

namespace isobar::broker {
namespace {

using testing::HasSubstr;

std::string text_of(std::size_t bytes) {
  std::string text;
  Random random(bytes);
  while (text.size() < bytes) text += "epoch " + std::to_string(random.below(100'000)) + ": loss goes down\n";
  text.resize(bytes);
  return text;
}

std::string noise_of(std::size_t bytes) {
  std::string noise(bytes, '\0');
  Random random(bytes);
  for (auto& byte : noise) byte = static_cast<char>(random.next());
  return noise;
}

/// The far end of a mirror: asks for some entries, and keeps what it gets.
class AgentForTests {
 public:
  struct Ways {
    std::vector<std::uint64_t> wants;
    bool unpacks = true;
    int dies_after = -1;                 ///< pieces; −1: never
    Duration stalls = Duration::zero();  ///< before the first piece is read
  };
  explicit AgentForTests(Ways ways) : ways_(std::move(ways)) {}
  AgentForTests(const AgentForTests&) = delete;

  AgentClient client() {
    auto client = AgentClient::connect([this] { return dialled(); }, "an agent for tests", 5s);
    CHECK(client.ok(), client.error().message());
    return std::move(client).value();
  }

  std::map<std::uint64_t, std::string> got;
  std::size_t packed_pieces = 0;
  std::optional<Instant> finished;

 private:
  Result<Fd> dialled() {
    int ends[2];
    CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    threads_.emplace_back([this, far = Fd(ends[1])]() mutable { serve(Channel(std::move(far))); });
    return Fd(ends[0]);
  }

  void serve(Channel channel) {
    for (int pieces = 0;;) {
      auto frame = channel.receive(30s).and_then([](std::string&& bytes) { return decode_request(bytes); });
      if (!frame.ok()) return;
      const auto answer = [&](Reply reply) { (void)channel.send(encode(ReplyFrame{frame->id, std::move(reply)}), 5s).ok(); };
      if (std::holds_alternative<Hello>(frame->body)) answer(Welcome{kAgentProtocol, "test", "c", 0});
      else if (const auto* manifest = std::get_if<MirrorManifest>(&frame->body)) {
        if (!manifest->last) continue;
        answer(MirrorWants{ways_.wants, true, ways_.unpacks});
        std::this_thread::sleep_for(ways_.stalls);
      } else if (const auto* piece = std::get_if<MirrorData>(&frame->body)) {
        if (pieces++ == ways_.dies_after) return;
        take(*piece);
      } else if (std::holds_alternative<MirrorFinish>(frame->body)) {
        finished = SystemClock().now();
        return answer(MirrorReport{.files_received = got.size()});
      }
    }
  }

  void take(const MirrorData& piece) {
    auto& into = got[piece.entry];
    if (piece.unpacked_bytes == 0) {
      into += piece.bytes;
      return;
    }
    ++packed_pieces;
    std::string unpacked(piece.unpacked_bytes, '\0');
    EXPECT_TRUE(compression::Compressor().unpack(compression::Codec::kZstd, piece.bytes, unpacked).ok());
    into += unpacked;
  }

  Ways ways_;
  std::list<std::jthread> threads_;  // last: they use the rest
};

class MirrorFanoutTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_folders(root_).ok()); }
  void TearDown() override { fs::remove_all(root_); }

  void put(const std::string& name, std::string content) {
    ASSERT_TRUE(write_file(root_ / name, content, Durability::kCache).ok());
    order_.entries.push_back({.path = name, .size = content.size()});
    contents_.push_back(std::move(content));
  }
  Result<MirrorOutcome> mirror(std::list<AgentForTests>& agents) {
    std::vector<AgentClient> clients;
    for (auto& agent : agents) clients.push_back(agent.client());
    return AgentClient::mirror_to_all(clients, order_, 20s);
  }
  /// Each got what it wanted, byte for byte, and nothing else.
  bool has(const AgentForTests& agent, const std::vector<std::uint64_t>& wanted) const {
    if (agent.got.size() != wanted.size()) return false;
    return std::all_of(wanted.begin(), wanted.end(),
                       [&](std::uint64_t entry) { return agent.got.contains(entry) && agent.got.at(entry) == contents_[entry]; });
  }

  fs::path root_ = fs::temp_directory_path() / ("isobar-fanout-" + secure_random_hex(6));
  MirrorOrder order_{root_, "~/sky_workdir", {}};
  std::vector<std::string> contents_;
};

TEST_F(MirrorFanoutTest, EachFileIsReadOnceHoweverManyNodesLackIt) {
  put("a", noise_of(700'000));
  put("empty", "");
  put("b", text_of(300'000));
  put("had", noise_of(100'000));
  std::list<AgentForTests> agents;
  for (int i = 0; i < 8; ++i) agents.emplace_back(AgentForTests::Ways{.wants = {0, 1, 2}});
  agents.emplace_back(AgentForTests::Ways{.wants = {2}});
  agents.emplace_back(AgentForTests::Ways{.wants = {}});
  const auto outcome = mirror(agents);
  ASSERT_TRUE(outcome.ok()) << outcome.error().message();
  EXPECT_EQ(outcome->bytes_read, 1'000'000U);
  EXPECT_EQ(outcome->reports.at(0)->files_received, 3U);
  EXPECT_TRUE(has(agents.front(), {0, 1, 2}));
  EXPECT_TRUE(has(*std::next(agents.begin(), 8), {2}));
  EXPECT_TRUE(agents.back().got.empty());
}

TEST_F(MirrorFanoutTest, EveryNodeGetsExactlyWhatItLacks) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6, 7, 8}) {
    Random random(seed);
    order_.entries.clear();
    contents_.clear();
    const auto files = 1 + random.below(12);
    for (std::uint64_t i = 0; i < files; ++i)
      put("f" + std::to_string(i), random.chance(0.5) ? text_of(random.below(900'000)) : noise_of(random.below(600'000)));
    std::list<AgentForTests> agents;
    std::vector<std::vector<std::uint64_t>> wants;
    for (std::uint64_t node = 0; node < 1 + seed; ++node) {
      auto& wanted = wants.emplace_back();
      for (std::uint64_t i = 0; i < files; ++i)
        if (random.chance(0.6)) wanted.push_back(i);
      agents.emplace_back(AgentForTests::Ways{.wants = wanted, .unpacks = random.chance(0.7)});
    }
    const auto outcome = mirror(agents);
    ASSERT_TRUE(outcome.ok()) << outcome.error().message();
    std::size_t node = 0;
    for (const auto& agent : agents) EXPECT_TRUE(has(agent, wants[node++])) << "seed " << seed << ", node " << node - 1;
  }
}

TEST_F(MirrorFanoutTest, WhatShrinksGoesPackedToThoseThatUnpack) {
  put("text", text_of(1'000'000));
  put("noise", noise_of(1'000'000));
  std::list<AgentForTests> agents;
  agents.emplace_back(AgentForTests::Ways{.wants = {0, 1}});
  agents.emplace_back(AgentForTests::Ways{.wants = {0, 1}, .unpacks = false});
  const auto outcome = mirror(agents);
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(has(agents.front(), {0, 1}));
  EXPECT_TRUE(has(agents.back(), {0, 1}));
  EXPECT_EQ(agents.front().packed_pieces, 4U);
  EXPECT_EQ(agents.back().packed_pieces, 0U) << "an agent of an older isobar";
  EXPECT_LT(outcome->bytes_sent, 3'600'000U);
}

TEST_F(MirrorFanoutTest, ANodeThatDiesKeepsNobodyFromTheRest) {
  put("a", noise_of(20'000'000));
  std::list<AgentForTests> agents;
  agents.emplace_back(AgentForTests::Ways{.wants = {0}});
  agents.emplace_back(AgentForTests::Ways{.wants = {0}, .dies_after = 3});
  agents.emplace_back(AgentForTests::Ways{.wants = {0}});
  const auto outcome = mirror(agents);
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->reports[0].ok());
  EXPECT_EQ(outcome->reports[1].error().code(), Code::kUnavailable);
  EXPECT_TRUE(outcome->reports[2].ok());
  EXPECT_TRUE(has(agents.back(), {0}));
}

TEST_F(MirrorFanoutTest, ANodeThatHoldsTheOthersUpIsLeftToItselfAndStillGetsAll) {
  put("a", noise_of(20'000'000));
  put("b", noise_of(1'000'000));
  std::list<AgentForTests> agents;
  agents.emplace_back(AgentForTests::Ways{.wants = {0, 1}});
  agents.emplace_back(AgentForTests::Ways{.wants = {0, 1}, .stalls = 7s});
  const auto outcome = mirror(agents);
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(has(agents.front(), {0, 1}));
  EXPECT_TRUE(has(agents.back(), {0, 1}));
  EXPECT_GT(outcome->bytes_read, 21'000'000U);
  EXPECT_LT(*agents.front().finished, *agents.back().finished);
}

TEST_F(MirrorFanoutTest, ASourceThatIsNotAsItWasAnnouncedIsAnErrorForAll) {
  put("a", noise_of(1'000'000));
  ASSERT_EQ(::truncate((root_ / "a").c_str(), 600'000), 0);
  std::list<AgentForTests> agents;
  for (int i = 0; i < 3; ++i) agents.emplace_back(AgentForTests::Ways{.wants = {0}});
  EXPECT_THAT(mirror(agents).error().message(), HasSubstr("became shorter"));
  for (const auto& agent : agents) EXPECT_FALSE(agent.finished);
}

TEST_F(MirrorFanoutTest, AnAgentThatAsksForWhatIsNoFileIsRefusedAlone) {
  put("a", "content");
  order_.entries.push_back({.path = "folder", .kind = EntryKind::kFolder});
  contents_.emplace_back();
  std::list<AgentForTests> agents;
  agents.emplace_back(AgentForTests::Ways{.wants = {0}});
  agents.emplace_back(AgentForTests::Ways{.wants = {1}});
  agents.emplace_back(AgentForTests::Ways{.wants = {99}});
  const auto outcome = mirror(agents);
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(has(agents.front(), {0}));
  EXPECT_THAT(outcome->reports[1].error().message(), HasSubstr("not announced as a file"));
  EXPECT_FALSE(outcome->reports[2].ok());
}

}  // namespace
}  // namespace isobar::broker
