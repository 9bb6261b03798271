#include "preemption_notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>

#include "preemption_watch.h"

namespace isobar::broker {
namespace {

using testing::HasSubstr;

Instant on_second(std::int64_t seconds) { return Instant::from_unix_seconds(seconds); }

TEST(PreemptionNotice, OfEc2SaysWhatWillBeDoneAndWhen) {
  const auto notice = parse_instance_action(R"({"action": "terminate", "time": "2017-09-18T08:22:00Z"})").value();
  EXPECT_EQ(notice, (NodeNotice{0, on_second(1505722920), "terminate"}));
  EXPECT_EQ(parse_rebalance(R"({"noticeTime": "2020-10-27T08:22:00Z"})").value(), (NodeNotice{0, std::nullopt, "rebalance"}));
  for (const char* wrong :
       {"", "[]", "{}", R"({"action": "stop"})", R"({"action": "stop", "time": "soon"})", R"({"action": 3, "time": 4})"})
    EXPECT_EQ(parse_instance_action(wrong).error().code(), Code::kDataLoss) << wrong;
}

TEST(PreemptionNotice, OfComputeEngineComesHalfAMinuteAhead) {
  EXPECT_EQ(parse_preempted("FALSE\n", on_second(100)).value(), std::nullopt);
  EXPECT_EQ(parse_preempted("TRUE", on_second(100)).value(), (NodeNotice{0, on_second(130), "preempted"}));
  EXPECT_FALSE(parse_preempted("maybe", on_second(100)).ok());
}

TEST(PreemptionNotice, OfAzureIsAboutTheMachinesThatItNames) {
  const std::string events =
      R"({"DocumentIncarnation": 2, "Events": [
          {"EventId": "a", "EventType": "Reboot", "Resources": ["train-0"], "NotBefore": "Mon, 19 Sep 2016 18:29:47 GMT"},
          {"EventId": "b", "EventType": "Preempt", "Resources": ["train-1"], "NotBefore": "Mon, 19 Sep 2016 18:29:47 GMT"}]})";
  EXPECT_EQ(parse_scheduled_events(events, "train-0").value(), std::nullopt);
  EXPECT_EQ(parse_scheduled_events(events, "Train-1").value(), (NodeNotice{0, on_second(1474309787), "preempt"}));
  EXPECT_EQ(parse_scheduled_events(R"({"Events": []})", "train-1").value(), std::nullopt);
  EXPECT_FALSE(parse_scheduled_events(R"({"Incidents": []})", "train-1").ok());
}

TEST(PreemptionNotice, ComesBackFromItsFile) {
  for (const auto& notice : {NodeNotice{3, on_second(1505722920), "terminate"}, NodeNotice{0, std::nullopt, "preempt"}})
    EXPECT_EQ(parse_notice(notice_text(notice)).value(), notice);
  EXPECT_THAT(notice_text({3, on_second(1505722920), "terminate"}), HasSubstr("2017-09-18T08:22:00Z"));
  EXPECT_THAT(describe(NodeNotice{1, on_second(1505722920), "terminate"}), HasSubstr("node 1 will be taken away at 2017-09-18 "));
}

TEST(PreemptionWatchSettings, NameTheServiceAndWhereItIs) {
  EXPECT_EQ(parse_watch_settings("aws").value().base, "http://169.254.169.254");
  EXPECT_EQ(parse_watch_settings("gcp http://127.0.0.1:9").value().base, "http://127.0.0.1:9");
  EXPECT_EQ(parse_watch_settings("lambda").error().code(), Code::kInvalidArgument);
}

/// EC2's metadata service by its documentation: sessions, and 404 where there is nothing to say.
class FakeMetadata final : public net::HttpTransport {
 public:
  struct World {
    std::mutex mutex;
    std::string action, rebalance;
    int sessions = 0, refused = 0;
    bool session_runs_out = false, reachable = true;
  };
  explicit FakeMetadata(World& world) : world_(world) {}
  void start(net::HttpRequest request, net::HttpDone done) override { done(answer(request)); }

 private:
  Result<net::HttpResponse> answer(const net::HttpRequest& request) {
    const std::scoped_lock lock(world_.mutex);
    if (!world_.reachable) return unavailable("nobody answers");
    const auto reply = [](int status, std::string body = {}) {
      net::HttpResponse response;
      response.status = status;
      response.body = std::move(body);
      return response;
    };
    if (request.method == "PUT")
      return reply(request.headers.has("X-aws-ec2-metadata-token-ttl-seconds") ? 200 : 400, "token-" + std::to_string(++world_.sessions));
    if (std::exchange(world_.session_runs_out, false) ||
        request.headers.get("X-aws-ec2-metadata-token") != "token-" + std::to_string(world_.sessions)) {
      ++world_.refused;
      return reply(401);
    }
    const auto& said = request.url.target.ends_with("instance-action") ? world_.action : world_.rebalance;
    return said.empty() ? reply(404) : reply(200, said);
  }
  World& world_;
};

class Watched : public testing::Test {
 protected:
  void begin() {
    watch_ = std::make_unique<PreemptionWatch>(
        parse_watch_settings("aws").value(), std::chrono::milliseconds(1),
        [this](const NodeNotice& notice) {
          const std::scoped_lock lock(mutex_);
          heard_.push_back(notice);
          more_.notify_all();
        },
        log_, std::make_unique<FakeMetadata>(world_));
  }
  void say(std::string FakeMetadata::World::*what, const std::string& text) {
    const std::scoped_lock lock(world_.mutex);
    world_.*what = text;
  }
  std::vector<NodeNotice> heard(std::size_t count) {
    std::unique_lock lock(mutex_);
    more_.wait_for(lock, std::chrono::seconds(10), [&] { return heard_.size() >= count; });
    return heard_;
  }

  FakeMetadata::World world_;
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<NodeNotice> heard_;
  Log log_;
  std::unique_ptr<PreemptionWatch> watch_;
};

TEST_F(Watched, HearsEachThingOnce) {
  say(&FakeMetadata::World::rebalance, R"({"noticeTime": "2020-10-27T08:22:00Z"})");
  begin();
  EXPECT_THAT(heard(1), testing::ElementsAre(NodeNotice{0, std::nullopt, "rebalance"}));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(heard(1).size(), 1U) << "said again and again, heard once";
  say(&FakeMetadata::World::action, R"({"action": "stop", "time": "2017-09-18T08:22:00Z"})");
  EXPECT_THAT(heard(2).back(), (NodeNotice{0, on_second(1505722920), "stop"}));
}

TEST_F(Watched, BeginsANewSessionWhenTheOldOneHasRunOut) {
  world_.session_runs_out = true;
  say(&FakeMetadata::World::action, R"({"action": "terminate", "time": "2017-09-18T08:22:00Z"})");
  begin();
  EXPECT_EQ(heard(1).size(), 1U);
  watch_.reset();
  EXPECT_EQ(world_.sessions, 2);
  EXPECT_EQ(world_.refused, 1);
}

TEST_F(Watched, GoesOnWhenTheServiceDoesNotAnswerForAWhile) {
  world_.reachable = false;
  say(&FakeMetadata::World::action, R"({"action": "terminate", "time": "2017-09-18T08:22:00Z"})");
  begin();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(heard(0).empty());
  {
    const std::scoped_lock lock(world_.mutex);
    world_.reachable = true;
  }
  EXPECT_EQ(heard(1).size(), 1U);
}

}  // namespace
}  // namespace isobar::broker
