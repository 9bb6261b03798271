// Against a real redis-server.

#include <hiredis/hiredis.h>

#include "ingest_testing.h"

namespace isobar::features {

namespace {

class RedisSourceTest : public SourceRunnerTest {
 protected:
  void SetUp() override {
    if (!fs::exists("/usr/bin/redis-server")) GTEST_SKIP() << "there is no redis-server here: apt-get install redis-server";
    port_ = free_port();
    start();
  }
  void start() {
    server_.emplace(std::vector<std::string>{"/usr/bin/redis-server", "--port", fmt::format("{}", port_), "--bind", "127.0.0.1", "--save",
                                             "", "--appendonly", "yes", "--appendfsync", "always", "--dir", (folder_ / "").string()});
    ASSERT_TRUE(comes_true([&] { return run("PING") == "PONG"; }));
  }
  void TearDown() override { server_.reset(); }

  std::string run(const char* words) {
    redisContext* context = ::redisConnect("127.0.0.1", port_);
    std::string answer;
    if (context != nullptr && context->err == 0)
      if (auto* reply = static_cast<redisReply*>(::redisCommand(context, words)); reply != nullptr) {
        answer = reply->str != nullptr ? std::string(reply->str, reply->len) : "";
        ::freeReplyObject(reply);
      }
    if (context != nullptr) ::redisFree(context);
    return answer;
  }
  void apply_stream() { apply(fmt::format("kind: redis_stream, url: \"redis://127.0.0.1:{}\", stream: paid", port_)); }

  int port_ = 0;
  std::optional<BackgroundProgram> server_;
};

TEST_F(RedisSourceTest, EachEntryIsTakenOnceWhateverEndsInBetween) {
  run("XADD paid 1767225600000-0 user_id 1 amount 10 at 2026-01-01T00:00:00Z note x");
  run("XADD paid 1767225600001-0 user_id 1 amount 20");
  apply_stream();
  EXPECT_TRUE(comes_true([&] { return total(1) == "30 of 2"; })) << total(1) << progress().problem;
  open();
  run("XADD paid * user_id 1 amount 5");
  EXPECT_TRUE(comes_true([&] { return total(1) == "35 of 3"; })) << total(1);
  server_.reset();
  EXPECT_TRUE(comes_true([&] { return !progress().problem.empty(); }));
  start();
  run("XADD paid * user_id 1 amount 6");
  EXPECT_TRUE(comes_true([&] { return total(1) == "41 of 4" && progress().problem.empty(); })) << total(1) << progress().problem;
}

TEST_F(RedisSourceTest, AnEntryThatIsNoRowIsCountedAndPassed) {
  run("XADD paid 1-0 user_id one amount 10");
  run("XADD paid 2-0 user_id 1 amount 20");
  apply_stream();
  EXPECT_TRUE(comes_true([&] { return total(1) == "20 of 1"; })) << total(1);
  // Counted once the batch is taken, which is a moment after it is seen.
  EXPECT_TRUE(comes_true([&] { return progress().refused == 1U; })) << progress().refused;
  EXPECT_THAT(progress().problem, ::testing::HasSubstr("entry 1-0: "));
}

TEST_F(RedisSourceTest, WhatWasTrimmedAwayUnreadIsTold) {
  for (int i = 1; i <= 10; ++i) run(fmt::format("XADD paid {}-0 user_id 1 amount 1", i).c_str());
  run("XTRIM paid MAXLEN 4");
  apply_stream();
  EXPECT_TRUE(comes_true([&] { return total(1) == "4 of 4"; })) << total(1);
  EXPECT_EQ(progress().problem, "entries may have been trimmed before they were read: the stream begins at 7-0, and was read up to 0-0");
}

TEST_F(RedisSourceTest, AStreamThatIsNotThereIsWaitedFor) {
  apply_stream();
  EXPECT_TRUE(comes_true([&] { return !progress().problem.empty(); }));
  run("XADD paid * user_id 1 amount 5");
  EXPECT_TRUE(comes_true([&] { return total(1) == "5 of 1"; })) << progress().problem;
}

}  // namespace

}  // namespace isobar::features
