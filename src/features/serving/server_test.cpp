// A running server over sockets: what is kept alive, sent ahead, cut off, refused; and how it ends.

#include "features/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include "features/timestamp.h"
#include "serving_testing.h"

namespace isobar::features {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

/// A client's end.
class Wire {
 public:
  explicit Wire(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    const timeval patience{.tv_sec = 10};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  bool say(std::string_view bytes) { return write_all(socket_.get(), bytes).ok(); }
  void end_saying() { ::shutdown(socket_.get(), SHUT_WR); }
  /// Until there are so many bytes, or the end.
  std::string hear(std::size_t bytes) {
    std::string heard;
    char buffer[65536];
    while (heard.size() < bytes) {
      const auto got = ::recv(socket_.get(), buffer, std::min(sizeof buffer, bytes - heard.size()), 0);
      if (got <= 0) break;
      heard.append(buffer, static_cast<std::size_t>(got));
    }
    return heard;
  }
  std::string hear_all() { return hear(~std::size_t{0}); }
  bool ended() { return hear(1).empty(); }

 private:
  Fd socket_;
};

class ServerTest : public testing::Test {
 protected:
  void start() {
    options_.http_port = 0;
    options_.redis_port = 0;
    options_.threads = 2;
    auto started = Server::start(engine_, options_, clock_, log_);
    ASSERT_TRUE(started.ok()) << started.error().message();
    server_ = std::move(*started);
  }
  Wire http() { return Wire(server_->http_port()); }
  Wire redis() { return Wire(*server_->redis_port()); }
  static std::string post(std::string_view path, std::string_view body, std::string_view fields = "") {
    return fmt::format("POST {} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{}", path, fields, body.size(), body);
  }
  static constexpr std::string_view kPush =
      R"({"push_source_name":"payments","df":{"user_id":[1],"amount":[0.5],"paid_at":["2027-01-15T08:00:00Z"]}})";
  static constexpr std::string_view kHealthy = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

  TestClock clock_;
  FakeEngine engine_{clock_};
  Log log_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AConnectionIsKeptAndRequestsSentAheadAreAnsweredInOrder) {
  start();
  Wire wire = http();
  std::string ahead;
  for (int i = 0; i < 50; ++i) ahead += post("/push", kPush) + "GET /health HTTP/1.1\r\n\r\n" + "GET /nothing HTTP/1.1\r\n\r\n";
  ahead += "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n";
  ASSERT_TRUE(wire.say(ahead));
  const std::string heard = wire.hear_all();
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i)
    for (const char* status : {"HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 404"}) {
      ASSERT_EQ(heard.substr(at, 12), status) << i;
      at = heard.find("HTTP/1.1", at + 1);
    }
  EXPECT_THAT(heard.substr(at), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("connection: close")));
}

TEST_F(ServerTest, ARequestMayComeByteByByteAndInChunks) {
  start();
  Wire wire = http();
  const std::string body =
      fmt::format("{:x}\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n", 20, kPush.substr(0, 20), kPush.size() - 20, kPush.substr(20));
  for (const char byte : "POST /push HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body) ASSERT_TRUE(wire.say({&byte, 1}));
  EXPECT_EQ(wire.hear(kHealthy.size()), kHealthy);
}

TEST_F(ServerTest, ALargeBodyIsInvitedAndTakenInPieces) {
  start();
  Wire wire = http();
  std::string ids = "1", times = "\"2027-01-15T08:00:00Z\"";
  for (int i = 1; i < 5'000; ++i) {
    ids += fmt::format(",{}", i);
    times += ",\"2027-01-15T08:00:00Z\"";
  }
  const std::string body = R"({"push_source_name":"payments","df":{"user_id":[)" + ids + R"(],"paid_at":[)" + times + "]}}";
  ASSERT_TRUE(wire.say(fmt::format("POST /push HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n", body.size())));
  EXPECT_EQ(wire.hear(25), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(wire.say(body));
  EXPECT_EQ(wire.hear(kHealthy.size()), kHealthy);
  ASSERT_TRUE(wire.say(post("/get-online-features", R"({"features":["total:payments"]})", "Connection: close\r\n")));
  EXPECT_THAT(wire.hear_all(), HasSubstr(R"("values":[5000])"));
}

TEST_F(ServerTest, WhatIsNoHttpOrTooLongIsToldAndEnds) {
  options_.config.request_bytes.value = {64 * kKiB};
  start();
  for (const auto& [said, answer] :
       std::vector<std::pair<std::string, std::string>>{{"*1\r\n$4\r\nPING\r\n", "HTTP/1.1 400"},
                                                        {"POST /push HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", "HTTP/1.1 413"},
                                                        {"GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n\r\n", "HTTP/1.1 431"}}) {
    Wire wire = http();
    wire.say(said);
    EXPECT_THAT(wire.hear_all(), StartsWith(answer));
  }
}

TEST_F(ServerTest, AClientThatNeverEndsItsRequestIsLetGo) {
  options_.config.request_most.value = 100ms;
  options_.config.idle_most.value = 100ms;
  start();
  Wire slow = http(), idle = http(), patient = redis();
  ASSERT_TRUE(slow.say("POST /push HT"));
  ASSERT_TRUE(patient.say("PING\r\n"));
  EXPECT_TRUE(slow.ended());
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(patient.hear(7), "+PONG\r\n");
  ASSERT_TRUE(patient.say("PING\r\n"));
  EXPECT_EQ(patient.hear(7), "+PONG\r\n") << "a Redis client may be silent";
}

TEST_F(ServerTest, MoreConnectionsThanAllowedAreClosed) {
  options_.config.connections_most.value = 2;
  start();
  Wire first = http(), second = redis();
  ASSERT_TRUE(first.say("GET /health HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(first.hear(kHealthy.size()), kHealthy);
  ASSERT_TRUE(second.say("PING\r\n"));
  EXPECT_EQ(second.hear(7), "+PONG\r\n");
  Wire third = http();
  EXPECT_TRUE(third.ended());
}

TEST_F(ServerTest, ManyWritesOfARedisClientShareFlushesAndRepliesKeepTheirOrder) {
  start();
  Wire wire = redis();
  std::string ahead;
  for (int i = 0; i < 2000; ++i) ahead += fmt::format("SET k{} {}\r\nGET k{}\r\nECHO {}\r\n", i % 7, i, i % 7, i);
  ahead += "XADD payments 1-1 user_id 5 amount 2\r\nHGET total payments\r\nQUIT\r\n";
  ASSERT_TRUE(wire.say(ahead));
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    const std::string bulk = fmt::format("${}\r\n{}\r\n", std::to_string(i).size(), i);
    expected += "+OK\r\n" + bulk + bulk;
  }
  const std::string heard = wire.hear_all();
  EXPECT_TRUE(heard.starts_with(expected));
  EXPECT_EQ(heard.substr(std::min(heard.size(), expected.size())).substr(0, 9), "$3\r\n1-1\r\n");
}

TEST_F(ServerTest, WhatIsNoRedisCommandIsToldAndEnds) {
  start();
  Wire wire = redis();
  ASSERT_TRUE(wire.say("PING\r\n*1\r\n:1\r\nPING\r\n"));
  EXPECT_EQ(wire.hear_all(), "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n");
}

TEST_F(ServerTest, AClientThatDoesNotReadIsNotServedWithoutBound) {
  start();
  Wire wire = redis();
  const std::string value(100'000, 'x');
  ASSERT_TRUE(wire.say(fmt::format("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${}\r\n{}\r\n", value.size(), value)));
  EXPECT_EQ(wire.hear(5), "+OK\r\n");
  std::string ahead;
  for (int i = 0; i < 1000; ++i) ahead += "GET a\r\n";  // 100 MB of replies
  ASSERT_TRUE(wire.say(ahead));
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(wire.hear(1000 * (value.size() + 11)).size(), 1000 * (value.size() + 11));
}

TEST_F(ServerTest, EndsWhenWhatIsUnderWayIsAnswered) {
  start();
  Wire busy = http(), idle = http(), quiet = redis();
  ASSERT_TRUE(quiet.say("PING\r\n"));
  EXPECT_EQ(quiet.hear(7), "+PONG\r\n");
  engine_.hold_apply = true;
  ASSERT_TRUE(busy.say(post("/apply", kShop)));
  while (!engine_.applying) std::this_thread::sleep_for(1ms);
  std::thread release([this] {
    std::this_thread::sleep_for(50ms);
    engine_.hold_apply = false;
  });
  server_.reset();
  release.join();
  EXPECT_THAT(busy.hear_all(), StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(quiet.ended());
}

TEST_F(ServerTest, BeyondLoopbackItTakesTlsAndAToken) {
  options_.address = "0.0.0.0";
  EXPECT_THAT(Server::start(engine_, options_, clock_, log_).error().message(), HasSubstr("a certificate with its key, and a token"));
  options_.token = "secret";
  EXPECT_EQ(Server::start(engine_, options_, clock_, log_).error().code(), Code::kInvalidArgument);
  options_.address = "127.0.0.1";
  options_.certificate_pem = "x";
  EXPECT_THAT(Server::start(engine_, options_, clock_, log_).error().message(), HasSubstr("TLS needs both"));
  options_.key_pem = "y";
  EXPECT_EQ(Server::start(engine_, options_, clock_, log_).error().code(), Code::kInvalidArgument) << "no PEM";
}

TEST_F(ServerTest, APortThatIsTakenIsSaid) {
  start();
  ServerOptions second;
  second.http_port = server_->http_port();
  EXPECT_EQ(Server::start(engine_, second, clock_, log_).error().code(), Code::kAlreadyExists);
}

}  // namespace
}  // namespace isobar::features
