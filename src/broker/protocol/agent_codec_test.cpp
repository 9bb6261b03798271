#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <limits>

#include "agent.pb.h"
#include "broker/agent_channel.h"
#include "broker/agent_messages.h"

namespace isobar::broker {
namespace {

using ::testing::HasSubstr;

const std::string kTricky = std::string("a=b \"q\" 'q' \\ $X\n\t\r ★ \x01\xff", 25);

JobSpec a_job() {
  return {.name = "train",
          .user = "ada",
          .num_nodes = 3,
          .cpus = 1.5,
          .gpus = 0.5,
          .setup = kTricky,
          .run = "run\0x",
          .envs = {{"A", kTricky}, {"_b1", ""}},
          .secrets = {{"S", "s"}},
          .setup_secrets = {{"F", "f"}},
          .resources = "1x[GPU]",
          .task_id = "t",
          .token = "k",
          .again_when_node_lost = true};
}
JobRecord a_record() {
  return {.id = JobId(7),
          .name = "n",
          .user = "u",
          .resources = "r",
          .num_nodes = 2,
          .status = JobStatus::kFailedSetup,
          .submitted = Instant::from_unix_seconds(1),
          .started = Instant::from_unix_seconds(2),
          .ended = {},
          .exit_code = -1,
          .failed_rank = 1,
          .reason = "why",
          .log_folder = "~/sky_logs/7-n"};
}

std::vector<Request> all_requests() {
  const RankKey key{JobId(3), Phase::kSetup};
  const RankOrder order{
      .script = kTricky, .environment = {{"A", kTricky}}, .log_folder = "3-x", .log_name = "rank-0.log", .leave_background = true};
  MirrorManifest manifest{.destination = "~/x", .compare = MirrorCompare::kContent, .last = false};
  manifest.entries.push_back({"a/b", EntryKind::kSymlink, 0755, 5, Instant::from_unix_seconds(3), "../t", "hash"});
  return {Hello{1, "t"},
          SubmitJobs{{a_job(), JobSpec{}}},
          SubmitJobs{{a_job()}, Autostop{5min, true, IdleWait::kNone}},
          ListJobs{{JobId(1)}, true, 5},
          CancelJobs{{JobId(2)}, false},
          TailLogs{JobId(1), false, 10, 2},
          SetAutostop{Autostop{5min, true, IdleWait::kJobs}},
          SetAutostop{},
          AskStatus{},
          ShutDown{PowerOff::kTerminate},
          manifest,
          MirrorData{4, kTricky, true},
          MirrorFinish{},
          RunRank{key, order, 99},
          KillRank{key},
          ForgetRank{key},
          MountBucket{kTricky},
          AskUploads{},
          NodesReady{}};
}

std::vector<Reply> all_replies() {
  NodeStatus status{.version = "1", .cluster = "c", .rank = 1, .nodes = 2, .nodes_connected = 1, .booted = Instant::from_unix_seconds(9)};
  status.idle_since = Instant::from_unix_seconds(10);
  status.autostop = Autostop{};
  status.notices = {{1, Instant::from_unix_seconds(12), "terminate"}, {0, std::nullopt, "rebalance"}};
  return {Welcome{1, "v", "c", 2},
          Failure{Code::kDataLoss, "m"},
          Done{},
          JobIds{{JobId(1), JobId(2)}, true},
          JobPage{{a_record(), JobRecord{}}, false},
          LogChunk{kTricky},
          LogEnd{a_record()},
          status,
          MirrorWants{{1, 5}, false},
          MirrorReport{1, 2, 3, 4},
          RankStarted{12},
          RankOutput{5, kTricky},
          RankEnd{3, ""},
          RankEnd{{}, "lost"},
          UploadsLeft{kTricky}};
}

TEST(AgentCodec, EveryRequestComesBackAsItWas) {
  for (const auto& request : all_requests()) {
    const RequestFrame frame{17, request};
    const auto back = decode_request(encode(frame));
    ASSERT_TRUE(back.ok()) << back.error().message();
    EXPECT_EQ(*back, frame) << request.index();
  }
}

TEST(AgentCodec, EveryReplyComesBackAsItWas) {
  for (const auto& reply : all_replies()) {
    const ReplyFrame frame{18, reply};
    const auto back = decode_reply(encode(frame));
    ASSERT_TRUE(back.ok()) << back.error().message();
    EXPECT_EQ(*back, frame) << reply.index();
  }
}

TEST(AgentCodec, RefusesWhatIsOutOfBounds) {
  const auto refuses = [](const std::function<void(JobSpec&)>& spoil) {
    auto job = a_job();
    spoil(job);
    const auto back = decode_request(encode(RequestFrame{1, SubmitJobs{{job}}}));
    return !back.ok() && back.error().code() == Code::kInvalidArgument;
  };
  EXPECT_TRUE(refuses([](JobSpec& job) { job.num_nodes = 0; }));
  EXPECT_TRUE(refuses([](JobSpec& job) { job.num_nodes = -5; }));
  EXPECT_TRUE(refuses([](JobSpec& job) { job.cpus = -1; }));
  EXPECT_TRUE(refuses([](JobSpec& job) { job.cpus = std::numeric_limits<double>::quiet_NaN(); }));
  EXPECT_TRUE(refuses([](JobSpec& job) { job.gpus = 1.5; }));
  EXPECT_TRUE(refuses([](JobSpec& job) { job.gpus = std::numeric_limits<double>::infinity(); }));
  EXPECT_TRUE(refuses([](JobSpec& job) { job.envs["1x"] = ""; }));
  EXPECT_TRUE(refuses([](JobSpec& job) { job.envs["A=B"] = ""; }));
  EXPECT_TRUE(refuses([](JobSpec& job) { job.envs["A"] = std::string("x\0y", 3); }));
  EXPECT_TRUE(refuses([](JobSpec& job) { job.secrets[""] = "x"; }));
  const RankOrder escape{.log_folder = "..", .log_name = "x"}, slash{.log_folder = "a", .log_name = "b/c"};
  EXPECT_FALSE(decode_request(encode(RequestFrame{1, RunRank{{}, escape, 0}})).ok());
  EXPECT_FALSE(decode_request(encode(RequestFrame{1, RunRank{{}, slash, 0}})).ok());
  EXPECT_FALSE(decode_request(encode(RequestFrame{1, SetAutostop{Autostop{.idle = Duration(-1)}}})).ok());
}

TEST(AgentCodec, RefusesKindsItDoesNotKnow) {
  EXPECT_FALSE(decode_request("").ok());
  wire::Request wire;
  wire.mutable_shut_down()->set_how(77);
  EXPECT_FALSE(decode_request(wire.SerializeAsString()).ok());
}

TEST(AgentCodecProperty, HostileBytesNeverDoHarm) {
  rc::check([](const std::string& bytes) {
    (void)decode_request(bytes).ok();
    (void)decode_reply(bytes).ok();
  });
  // And those that are nearly right.
  rc::check([] {
    const auto requests = all_requests();
    auto bytes = encode(RequestFrame{1, requests[*rc::gen::inRange<std::size_t>(0, requests.size())]});
    const auto flips = *rc::gen::container<std::vector<std::pair<std::size_t, char>>>(rc::gen::arbitrary<std::pair<std::size_t, char>>());
    for (const auto& [at, value] : flips) bytes[at % bytes.size()] = value;
    (void)decode_request(bytes).ok();
  });
}

TEST(FrameCutter, CutsWhateverPiecesArrive) {
  rc::check([](const std::vector<std::string>& contents, std::uint8_t step) {
    std::string stream;
    for (const auto& content : contents) stream += frame_of(content);
    FrameCutter cutter;
    std::vector<std::string> cut;
    for (std::size_t at = 0; at < stream.size(); at += step % 9 + 1) {
      cutter.feed(std::string_view(stream).substr(at, step % 9 + 1));
      for (auto frame = cutter.next(); *frame; frame = cutter.next()) cut.push_back(**frame);
    }
    RC_ASSERT(cut == contents);
  });
}

TEST(FrameCutter, GivesUpOnAnOversizedFrame) {
  FrameCutter cutter;
  cutter.feed(std::string_view("\xff\xff\xff\xff", 4));
  EXPECT_FALSE(cutter.next().ok());
}

TEST(AgentChannel, AddressesThatAreNoneAreRefused) {
  for (const std::string address : {"", "unix:", "http://x", "/path"})
    EXPECT_EQ(dial(address).error().code(), Code::kInvalidArgument) << address;
  EXPECT_EQ(dial("unix:/nonexistent/socket").error().code(), Code::kUnavailable);
}

TEST(AgentChannel, AnAnswerHasADeadline) {
  const auto address = "unix:" + (fs::temp_directory_path() / ("isobar-quiet-" + std::to_string(::getpid()))).string();
  const auto listener = listen_at(address);
  ASSERT_TRUE(listener.ok());
  Channel channel(dial(address).value());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(channel.receive(50ms).error().code(), Code::kDeadlineExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
  fs::remove(address.substr(5));
}

}  // namespace
}  // namespace isobar::broker
