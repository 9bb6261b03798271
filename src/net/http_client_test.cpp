#include "net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>

#include "http_server_for_tests.h"

namespace isobar::net {
namespace {

using testing::HasSubstr;

class HttpClientTest : public testing::TestWithParam<LoopKind> {
 protected:
  void SetUp() override {
    auto client = HttpClient::create({.loops = 2, .kind = GetParam()});
    if (!client.ok()) GTEST_SKIP() << client.error().message();
    client_ = std::move(client).value();
  }
  Result<HttpResponse> get(std::string target, std::span<char> into = {}) {
    HttpRequest request;
    request.url = server_.url(std::move(target));
    request.into = into;
    request.stall_max = 1s;
    return client_->fetch(std::move(request));
  }
  HttpServerForTests server_;
  std::unique_ptr<HttpClient> client_;
};

TEST_P(HttpClientTest, SendsABodyAndGetsOneBack) {
  HttpRequest request;
  request.method = "PUT";
  request.url = server_.url("/echo");
  const std::string body(3'000'000, 'x');
  request.body = body;
  const auto response = client_->fetch(std::move(request));
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, body);
  EXPECT_EQ(response->headers.get("x-method"), "PUT");
}

TEST_P(HttpClientTest, ReadsStraightIntoTheCallersMemory) {
  std::string memory(1'000'000, '\0');
  for (const char* target : {"/bytes/1000000", "/chunked/1000000", "/until-close/1000000"}) {
    std::fill(memory.begin(), memory.end(), '\0');
    const auto response = get(target, memory);
    ASSERT_TRUE(response.ok()) << target << response.error().message();
    EXPECT_EQ(response->body_bytes, memory.size());
    EXPECT_EQ(memory[999'999], static_cast<char>('a' + 999'999 % 26)) << target;
    EXPECT_TRUE(response->body.empty());
  }
}

TEST_P(HttpClientTest, ABodyLongerThanTheMemoryForItIsRefusedAndNothingIsOverwritten) {
  std::string memory(1100, '\0');
  for (const char* target : {"/bytes/2000", "/chunked/2000"}) {
    const auto response = get(target, std::span(memory).first(1000));
    ASSERT_FALSE(response.ok());
    EXPECT_EQ(response.error().code(), Code::kDataLoss);
    EXPECT_EQ(memory[1000], '\0');
  }
}

TEST_P(HttpClientTest, AStatusThatIsNoSuccessLeavesTheMemoryAlone) {
  std::string memory(100, '\0');
  const auto response = get("/missing", memory);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "nothing");
  EXPECT_EQ(memory[0], '\0');
}

TEST_P(HttpClientTest, HeadHasTheLengthAndNoBody) {
  HttpRequest request;
  request.method = "HEAD";
  request.url = server_.url("/bytes/5");
  const auto response = client_->fetch(std::move(request));
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->headers.get("content-length"), "5");
  EXPECT_EQ(get("/bytes/1")->body, "a") << "the connection is in step";
}

TEST_P(HttpClientTest, ReusesConnectionsAndOpensNoMoreThanItMay) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(get("/bytes/10").ok());
  EXPECT_LE(server_.connections(), 2) << "one a loop";
}

TEST_P(HttpClientTest, ManyRequestsAtOnceAreAllAnswered) {
  constexpr int kRequests = 2000;
  std::latch left(kRequests);
  std::atomic<int> good = 0;
  for (int i = 0; i < kRequests; ++i) {
    HttpRequest request;
    request.url = server_.url(fmt::format("/bytes/{}", i));
    client_->start(std::move(request), [&, i](const Result<HttpResponse>& response) {
      if (response.ok() && response->body.size() == static_cast<std::size_t>(i)) ++good;
      left.count_down();
    });
  }
  left.wait();
  EXPECT_EQ(good, kRequests);
  EXPECT_LE(server_.connections(), 256);
}

TEST_P(HttpClientTest, AnEarlyRefusalIsHeardWhileTheBodyIsStillSent) {
  HttpRequest request;
  request.method = "PUT";
  request.url = server_.url("/refuse-early");
  request.owned_body = std::string(50'000, 'x');
  const auto response = client_->fetch(std::move(request));
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ(response->status, 403);
}

TEST_P(HttpClientTest, CutAndHungUpConnectionsAreUnavailable) {
  for (const char* target : {"/cut", "/hang-up"}) {
    const auto response = get(target);
    ASSERT_FALSE(response.ok()) << target;
    EXPECT_EQ(response.error().code(), Code::kUnavailable);
  }
  std::string memory(100, '\0');
  EXPECT_THAT(get("/cut", memory).error().message(), HasSubstr("cut in the midst"));
}

TEST_P(HttpClientTest, AConnectionThatTheServerClosedWhileIdleIsReplacedSilently) {
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(get("/hang-up-later").ok());
    ASSERT_TRUE(get("/bytes/3").ok()) << i;
  }
}

TEST_P(HttpClientTest, NothingMovingIsADeadline) {
  const auto response = get("/stall");
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code(), Code::kDeadlineExceeded);
}

TEST_P(HttpClientTest, WhatIsNotHttpIsSaid) {
  const auto response = get("/nonsense");
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code(), Code::kDataLoss);
  EXPECT_THAT(response.error().message(), HasSubstr("not HTTP"));
}

TEST_P(HttpClientTest, NobodyThereIsUnavailable) {
  HttpRequest request;
  request.url = Url{"http", "127.0.0.1", 1, "/"};
  const auto response = client_->fetch(std::move(request));
  ASSERT_FALSE(response.ok());
  EXPECT_EQ(response.error().code(), Code::kUnavailable);
  HttpRequest unknown;
  unknown.url = Url{"http", "no-such-host.invalid", 80, "/"};
  EXPECT_EQ(client_->fetch(std::move(unknown)).error().code(), Code::kUnavailable);
}

TEST_P(HttpClientTest, AHeaderWithALinesEndIsNotSent) {
  HttpRequest request;
  request.url = server_.url("/bytes/1");
  request.headers.add("X", "a\r\nEvil: 1");
  EXPECT_EQ(client_->fetch(std::move(request)).error().code(), Code::kInvalidArgument);
}

TEST_P(HttpClientTest, ClosingTheClientEndsWhatIsUnderWay) {
  std::latch ended(1);
  HttpRequest request;
  request.url = server_.url("/stall");
  client_->start(std::move(request), [&](const Result<HttpResponse>& response) {
    EXPECT_FALSE(response.ok());
    ended.count_down();
  });
  std::this_thread::sleep_for(20ms);
  client_.reset();
  ended.wait();
}

INSTANTIATE_TEST_SUITE_P(, HttpClientTest, testing::Values(LoopKind::kUring, LoopKind::kEpoll),
                         [](const auto& it) { return it.param == LoopKind::kUring ? "Uring" : "Epoll"; });

TEST(Url, IsTakenApart) {
  const auto url = parse_url("HTTPS://host:8443/a%20b?c=d#e").value();
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.authority(), "host:8443");
  EXPECT_EQ(url.target, "/a%20b?c=d");
  EXPECT_EQ(parse_url("http://[::1]:80/")->authority(), "[::1]");
  EXPECT_EQ(parse_url("http://h?x")->target, "/?x");
  for (const char* bad : {"ftp://x", "http://", "http://a b/", "http://u:p@h/", "http://h:0/", "http://h:99999/", "http://h/a b"})
    EXPECT_FALSE(parse_url(bad).ok()) << bad;
}

TEST(Url, EncodesAndDecodesEveryByte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all)).value(), all);
  EXPECT_EQ(percent_encode("a/b c+~", "/"), "a/b%20c%2B~");
  EXPECT_FALSE(percent_decode("%4").ok());
  EXPECT_FALSE(percent_decode("%zz").ok());
  EXPECT_EQ(encode_query({{"list-type", "2"}, {"prefix", "a b&c"}, {"x", ""}}), "list-type=2&prefix=a%20b%26c&x=");
}

}  // namespace
}  // namespace isobar::net
