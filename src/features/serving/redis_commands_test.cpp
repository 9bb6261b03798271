// The Redis protocol's commands, one after another, as a client sends them.

#include "redis_commands.h"

#include <gmock/gmock.h>

#include <future>

#include "base/text.h"
#include "features/timestamp.h"
#include "serving_testing.h"

namespace isobar::features {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class RedisTest : public testing::Test {
 protected:
  RedisTest() {
    clock_.set(*parse_timestamp("2027-01-15T08:00:01Z"));
    auto opened = open_plain_keys(engine_.store(), clock_);
    CHECK(opened.ok(), opened.error().message());
    plain_ = std::move(*opened);
    commands_ = std::make_unique<RedisCommands>(engine_, *plain_, options_, clock_, metrics_);
    client_ = commands_->make_client();
  }
  /// A command's words; its reply, with lines ended by blanks.
  std::string say(const std::vector<std::string>& words) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    std::string reply;
    RespWriter out(reply, client_.protocol);
    RedisCall call{.words = views, .client = client_, .out = out};
    commands_->execute(call);
    if (call.later) {
      std::promise<std::string> told;
      call.later([&](std::string text) { told.set_value(std::move(text)); });
      reply = told.get_future().get();
    }
    std::string shown;
    for (const char c : reply) {
      if (c != '\r') shown += c == '\n' ? ' ' : c;
    }
    return shown;
  }
  /// The words of a line.
  std::string line(const std::string& text) {
    std::vector<std::string> words;
    for (const auto word : split(text, ' ')) words.emplace_back(word);
    return say(words);
  }
  void pay(std::int32_t user, double amount, std::string_view at) {
    EXPECT_THAT(say({"XADD", "payments", "*", "user_id", std::to_string(user), "amount", fmt::to_string(amount), "note", "a:b", "tags",
                     R"(["x"])", "raw", "AP8=", "paid_at", std::string(at)}),
                StartsWith("$15 1800000001000-"));
  }

  TestClock clock_;
  FakeEngine engine_{clock_};
  ServerOptions options_;
  ServingMetrics metrics_;
  std::unique_ptr<PlainKeys> plain_;
  std::unique_ptr<RedisCommands> commands_;
  RedisClient client_;
};

TEST_F(RedisTest, AViewsKeyIsAHashOfItsFeaturesAsText) {
  pay(1001, 0.5, "2027-01-15T08:00:00Z");
  EXPECT_EQ(line("HMGET spending:1001 amount doubled note tags raw paid_at precise"),
            R"(*7 $3 0.5 $3 1.0 $3 a:b $5 ["x"] $4 AP8= $20 2027-01-15T08:00:00Z $-1 )");
  EXPECT_EQ(line("HGET spending:1001 amount"), "$3 0.5 ");
  EXPECT_EQ(line("hget spending:7 amount"), "$-1 ");
  EXPECT_EQ(line("EXISTS spending:1001 spending:7 spending:1001"), ":2 ");
  EXPECT_EQ(line("TYPE spending:1001"), "+hash ");
  EXPECT_EQ(line("TYPE spending:7"), "+none ");
  EXPECT_EQ(line("HLEN spending:1001"), ":6 ") << "what is null is not there";
  EXPECT_EQ(line("HEXISTS spending:1001 precise"), ":0 ");
  EXPECT_EQ(line("HLEN spending:7"), ":0 ");
  EXPECT_EQ(line("HEXISTS spending:1001 amount"), ":1 ");
  EXPECT_EQ(line("HEXISTS spending:1001 amounts"), ":0 ");
  EXPECT_EQ(line("HKEYS spending:1001"), "*6 $6 amount $7 doubled $4 note $7 paid_at $3 raw $4 tags ");
  EXPECT_EQ(line("HGETALL spending:7"), "*0 ");
  EXPECT_THAT(line("HGETALL spending:1001"), StartsWith("*12 $6 amount $3 0.5 $7 doubled $3 1.0 "));
  EXPECT_THAT(line("HSCAN spending:1001 0 MATCH *d"), "*2 $1 0 *2 $7 doubled $3 1.0 ");
}

TEST_F(RedisTest, AKeyHasAllItsColumnsAndColonsInThemAreEscaped) {
  EXPECT_THAT(say({"XADD", "stock", "*", "region", "eu:west\\", "shop_id", "7", "left", "3", "at", "2027-01-15"}), StartsWith("$15"));
  EXPECT_EQ(say({"HGET", "stocks:eu\\:west\\\\:7", "left"}), "$1 3 ");
  EXPECT_THAT(say({"HGET", "stocks:eu", "left"}), HasSubstr("write region:shop_id"));
  EXPECT_THAT(say({"HGET", "stocks:eu:x", "left"}), AllOf(StartsWith("-ERR"), HasSubstr("shop_id")));
  EXPECT_THAT(say({"HGET", "stocks:eu\\x:1", "left"}), HasSubstr("stands before ':' or '\\' alone"));
  EXPECT_THAT(say({"HGET", "stocks", "left"}), HasSubstr("write region:shop_id"));
  EXPECT_EQ(say({"HGET", "total", "payments"}), "$-1 ") << "one row for all";
  pay(1, 2, "2027-01-15T08:00:00Z");
  EXPECT_EQ(say({"HGET", "total", "payments"}), "$1 1 ");
  EXPECT_THAT(say({"HGET", "total:1", "payments"}), HasSubstr("has one row for all"));
}

TEST_F(RedisTest, AFeatureThatIsNotThereIsAnErrorThatNamesTheNearest) {
  EXPECT_THAT(line("HMGET spending:1 amuont"), AllOf(StartsWith("-ERR"), HasSubstr("did you mean 'amount'?")));
  EXPECT_THAT(line("HMGET spending:1 offer"), HasSubstr("FS.GET"));
}

TEST_F(RedisTest, TheTtlIsTheViewsFromTheEventOn) {
  pay(1, 2, "2027-01-15T07:30:01Z");
  EXPECT_EQ(line("TTL spending:1"), ":1800 ");
  EXPECT_EQ(line("PTTL spending:1"), ":1800000 ");
  EXPECT_EQ(line("TTL spending:2"), ":-2 ");
  EXPECT_EQ(line("TTL total"), ":-1 ");
  clock_.advance(30min);
  EXPECT_EQ(line("HGET spending:1 amount"), "$3 2.0 ") << "of just that age";
  clock_.advance(1ns);
  EXPECT_EQ(line("HGET spending:1 amount"), "$-1 ");
  EXPECT_EQ(line("EXISTS spending:1"), ":0 ");
}

TEST_F(RedisTest, AViewsKeyIsNotWritten) {
  for (const char* command : {"HSET spending:1 amount 2", "SET spending:1 2", "DEL spending:1", "UNLINK a spending:1",
                              "HDEL spending:1 amount", "EXPIRE spending:1 9", "GET spending:1", "MGET a spending:1", "PERSIST spending:1"})
    EXPECT_THAT(line(command), AllOf(StartsWith("-WRONGTYPE"), HasSubstr("of view 'spending'"))) << command;
  EXPECT_EQ(line("SET internal:1 2"), "+OK ") << "a view that is not online has no keys here";
}

TEST_F(RedisTest, PlainKeysAreStringsAndHashes) {
  EXPECT_EQ(line("GET a"), "$-1 ");
  EXPECT_EQ(say({"SET", "a", std::string("x\0y", 3)}), "+OK ");
  EXPECT_EQ(line("GET a"), std::string("$3 x\0y ", 7));
  EXPECT_EQ(line("SET a z NX"), "$-1 ");
  EXPECT_EQ(line("SET b z XX"), "$-1 ");
  EXPECT_EQ(line("SET a z XX EX 100"), "+OK ");
  EXPECT_EQ(line("TTL a"), ":100 ");
  EXPECT_EQ(line("SET a y KEEPTTL"), "+OK ");
  EXPECT_EQ(line("PTTL a"), ":100000 ");
  EXPECT_EQ(line("PERSIST a"), ":1 ");
  EXPECT_EQ(line("TTL a"), ":-1 ");
  EXPECT_EQ(line("MGET a b"), "*2 $1 y $-1 ");
  EXPECT_EQ(line("HSET h f 1 g 2"), ":2 ");
  EXPECT_EQ(line("HSET h f 3 i 4"), ":1 ");
  EXPECT_EQ(line("HMGET h f x i"), "*3 $1 3 $-1 $1 4 ");
  EXPECT_EQ(line("HGETALL h"), "*6 $1 f $1 3 $1 g $1 2 $1 i $1 4 ");
  EXPECT_EQ(line("HVALS h"), "*3 $1 3 $1 2 $1 4 ");
  EXPECT_EQ(line("HLEN h"), ":3 ");
  EXPECT_EQ(line("HDEL h f g x"), ":2 ");
  EXPECT_EQ(line("HDEL h i"), ":1 ");
  EXPECT_EQ(line("EXISTS h a"), ":1 ") << "a hash of nothing is none";
  EXPECT_EQ(line("TYPE a"), "+string ");
  EXPECT_EQ(line("DBSIZE"), ":1 ");
  EXPECT_EQ(line("DEL a b"), ":1 ");
}

TEST_F(RedisTest, PlainKeysExpireInTime) {
  line("SET a x PX 1500");
  line("HSET h f 1");
  EXPECT_EQ(line("EXPIRE h 2"), ":1 ");
  EXPECT_EQ(line("EXPIRE no 2"), ":0 ");
  clock_.advance(1500ms);
  EXPECT_EQ(line("GET a"), "$-1 ");
  EXPECT_EQ(line("HGET h f"), "$1 1 ");
  clock_.advance(500ms);
  EXPECT_EQ(line("HGET h f"), "$-1 ");
  line("SET a x");
  EXPECT_EQ(line("EXPIRE a -1"), ":1 ");
  EXPECT_EQ(line("GET a"), "$-1 ");
  line("SET a x");
  EXPECT_EQ(line("EXPIRE a 99999999999"), "-ERR invalid expire time in 'expire' command ");
}

TEST_F(RedisTest, AKeyOfTheOtherTypeIsRefusedAndStays) {
  line("SET a x");
  line("HSET h f 1");
  for (const char* command : {"HSET a f 1", "HGET a f", "HMGET a f g", "HGETALL a", "HDEL a f", "HLEN a", "GET h"})
    EXPECT_THAT(line(command), StartsWith("-WRONGTYPE")) << command;
  EXPECT_EQ(line("MGET a h"), "*2 $1 x $-1 ");
  EXPECT_EQ(line("GET a"), "$1 x ");
}

TEST_F(RedisTest, AScanFindsPlainKeysByPatternAndType) {
  for (int i = 0; i < 30; ++i) say({"SET", fmt::format("k{}", i), "x"});
  line("HSET hash f 1");
  EXPECT_EQ(line("SCAN 0 MATCH has* COUNT 1000"), "*2 $1 0 *1 $4 hash ");
  EXPECT_EQ(line("SCAN 0 COUNT 1000 TYPE hash"), "*2 $1 0 *1 $4 hash ");
  EXPECT_THAT(line("SCAN 0"), AllOf(StartsWith("*2 $"), HasSubstr("*10 ")));
  EXPECT_EQ(line("SCAN x"), "-ERR invalid cursor ");
  EXPECT_EQ(line("SCAN 0 COUNT 0"), "-ERR syntax error ");
}

TEST_F(RedisTest, AServiceIsReadByItsInputsInOrder) {
  pay(1001, 0.5, "2027-01-15T08:00:00Z");
  EXPECT_EQ(line("FS.GET fraud 1001 0.75"), "*6 $6 amount $3 0.5 $5 offer $4 true $12 all_payments $1 1 ");
  EXPECT_THAT(line("FS.GET fraud 1001"), HasSubstr("needs 2 values, user_id offered"));
  EXPECT_THAT(line("FS.GET frau 1001"), HasSubstr("did you mean 'fraud'?"));
  line("HELLO 3");
  EXPECT_EQ(line("FS.GET fraud 7 1"), "%3 $6 amount _ $5 offer _ $12 all_payments $1 1 ");
}

TEST_F(RedisTest, FeedbackAndExplanationsGoByKey) {
  EXPECT_EQ(line("FS.FEEDBACK stocks eu:7 0.25"), "+OK ");
  ASSERT_EQ(engine_.reports.size(), 1U);
  EXPECT_EQ(engine_.reports[0].key, (Row{Value("eu"), Value(std::int64_t{7})}));
  EXPECT_EQ(engine_.reports[0].error, 0.25);
  EXPECT_THAT(line("FS.FEEDBACK stocks eu:7 much"), StartsWith("-ERR value is not a valid float"));
  EXPECT_THAT(line("FS.EXPLAIN stocks eu:7"), HasSubstr(R"("eu" of stocks waits.)"));
  EXPECT_THAT(line("FS.EXPLAIN stock eu:7"), StartsWith("-ERR Feature view stock does not exist"));
}

TEST_F(RedisTest, AStreamIsASourceAndAnIdThatIsSaidCountsOnce) {
  EXPECT_EQ(line("XADD payments 1800000000000-5 user_id 1 amount 2"), "$15 1800000000000-5 ");
  EXPECT_EQ(line("XADD payments 1800000000000-5 user_id 1 amount 2"), "$15 1800000000000-5 ");
  EXPECT_EQ(line("HGET total payments"), "$1 1 ");
  EXPECT_EQ(line("HGET spending:1 paid_at"), "$20 2027-01-15T08:00:00Z ") << "its time is the id's where it says none";
  EXPECT_EQ(line("XADD payments NOMKSTREAM MAXLEN ~ 1000 LIMIT 10 * user_id 1"), "$15 1800000001000-0 ");
  EXPECT_EQ(line("XADD payments * user_id 1"), "$15 1800000001000-1 ") << "ids grow";
  EXPECT_EQ(line("XADD pings * device AP8= load 0.5"), "$15 1800000001000-2 ");
  EXPECT_EQ(line("HGET devices:AP8= load"), "$3 0.5 ");
  EXPECT_EQ(line("HGET total payments"), "$1 3 ");
  EXPECT_THAT(line("XADD payment * user_id 1"), StartsWith("-ERR there is no source 'payment'"));
  EXPECT_THAT(line("XADD files * user_id 1"), HasSubstr("of kind file"));
  EXPECT_THAT(line("XADD payments * user_id"), HasSubstr("wrong number"));
  EXPECT_THAT(line("XADD payments x-1 user_id 1"), HasSubstr("Invalid stream ID"));
  EXPECT_THAT(line("XADD payments * user 1"), HasSubstr("user_id"));
  EXPECT_THAT(line("XADD payments * user_id one"), HasSubstr("user_id"));
}

TEST_F(RedisTest, WhatClientsSayWhenTheyConnectIsUnderstood) {
  EXPECT_EQ(line("PING"), "+PONG ");
  EXPECT_EQ(line("PING hello"), "$5 hello ");
  EXPECT_EQ(line("ECHO hello"), "$5 hello ");
  EXPECT_EQ(line("SELECT 0"), "+OK ");
  EXPECT_THAT(line("SELECT 1"), StartsWith("-ERR DB index"));
  EXPECT_EQ(line("CLIENT SETINFO LIB-NAME ioredis"), "+OK ");
  EXPECT_EQ(line("CLIENT MAINT_NOTIFICATIONS ON"), "+OK ");
  EXPECT_EQ(line("CLIENT ID"), ":1 ");
  EXPECT_THAT(line("INFO"), AllOf(HasSubstr("loading:0 "), HasSubstr("redis_version:7.")));
  EXPECT_EQ(line("COMMAND"), "*0 ");
  EXPECT_EQ(line("COMMAND DOCS"), "*0 ");
  EXPECT_EQ(line("CONFIG GET save"), "*0 ");
  EXPECT_THAT(line("CONFIG SET save 1"), StartsWith("-ERR"));
  EXPECT_THAT(line("HELLO 4"), StartsWith("-NOPROTO"));
  EXPECT_THAT(line("HELLO 3 SETNAME me"), StartsWith("%7 $6 server $5 redis "));
  EXPECT_EQ(line("GET nothing"), "_ ");
  EXPECT_THAT(line("HELLO"), StartsWith("%7")) << "the version stays";
  EXPECT_THAT(line("FLUSHALL"), StartsWith("-ERR unknown command 'FLUSHALL'"));
  EXPECT_THAT(line("GET"), StartsWith("-ERR wrong number of arguments for 'GET'"));
  EXPECT_THAT(say({std::string(300, 'x')}), StartsWith("-ERR unknown command"));
}

TEST_F(RedisTest, WithATokenNothingIsSaidWithoutIt) {
  options_.token = "secret";
  client_ = commands_->make_client();
  EXPECT_THAT(line("GET a"), StartsWith("-NOAUTH"));
  EXPECT_THAT(line("HELLO 3"), StartsWith("-NOAUTH"));
  EXPECT_THAT(line("AUTH secre"), StartsWith("-WRONGPASS"));
  EXPECT_THAT(line("GET a"), StartsWith("-NOAUTH"));
  EXPECT_EQ(line("AUTH default secret"), "+OK ");
  EXPECT_EQ(line("GET a"), "$-1 ");
  client_ = commands_->make_client();
  EXPECT_THAT(line("HELLO 3 AUTH default secret"), StartsWith("%7"));
  EXPECT_EQ(line("GET a"), "_ ");
  options_.token = "";
  client_ = commands_->make_client();
  EXPECT_THAT(line("AUTH x"), StartsWith("-ERR"));
}

TEST_F(RedisTest, WithoutADefinitionPlainKeysAreThereAlone) {
  FakeEngine empty(clock_, "");
  RedisCommands commands(empty, *plain_, options_, clock_, metrics_);
  std::string reply;
  RespWriter out(reply, 2);
  const std::vector<std::string_view> words = {"SET", "spending:1", "x"};
  RedisCall call{.words = words, .client = client_, .out = out};
  commands.execute(call);
  EXPECT_EQ(reply, "+OK\r\n");
}

}  // namespace
}  // namespace isobar::features
