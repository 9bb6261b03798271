// Requests out of bytes cut anywhere, and what is no request.

#include "http_reader.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace isobar::features {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

/// Reads one request, in pieces of so many bytes, giving again what was not taken as a connection does.
HttpRequest read_in_pieces(HttpReader& reader, std::string_view bytes, std::size_t piece, std::size_t* taken_bytes = nullptr) {
  std::string buffer;
  std::size_t given = 0, taken = 0;
  while (!reader.done() && !reader.refusal()) {
    const std::size_t now = std::min(piece, bytes.size() - given);
    buffer += bytes.substr(given, now);
    given += now;
    const std::size_t step = reader.take(buffer);
    buffer.erase(0, step);
    taken += step;
    if (now == 0 && step == 0) break;
  }
  if (taken_bytes != nullptr) *taken_bytes = taken;
  return reader.done() ? reader.release() : HttpRequest{};
}

constexpr std::string_view kPost =
    "POST /push?a=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nIdempotency-Key: k\r\nContent-Length: 5\r\n\r\nhelloGET";

TEST(HttpReader, ARequestIsTheSameHoweverItIsCut) {
  for (std::size_t piece = 1; piece <= kPost.size(); ++piece) {
    HttpReader reader(100);
    std::size_t taken = 0;
    const HttpRequest request = read_in_pieces(reader, kPost, piece, &taken);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/push");
    EXPECT_THAT(request.query, ElementsAre(Pair("a", "1")));
    EXPECT_EQ(request.authorization, "Bearer t");
    EXPECT_EQ(request.idempotency_key, "k");
    EXPECT_EQ(request.body, "hello");
    EXPECT_EQ(taken, kPost.size() - 3) << "what belongs to the next is left";
  }
}

RC_GTEST_PROP(HttpReader, ABodyInChunksIsPutTogether, ()) {
  const auto parts = *rc::gen::container<std::vector<std::string>>(rc::gen::nonEmpty<std::string>());
  std::string bytes = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", whole;
  for (const auto& part : parts) {
    bytes += fmt::format("{:x};extension=1\r\n", part.size()) + part + "\r\n";
    whole += part;
  }
  bytes += "0\r\n\r\n";
  HttpReader reader(1 << 20);
  const HttpRequest request = read_in_pieces(reader, bytes, *rc::gen::inRange<std::size_t>(1, 50));
  RC_ASSERT(request.method == "POST");
  RC_ASSERT(request.body == whole);
}

int refused(std::string_view bytes, std::size_t body_most = 100) {
  HttpReader reader(body_most);
  read_in_pieces(reader, bytes, 1000);
  return reader.refusal() ? reader.refusal()->status : 0;
}

TEST(HttpReader, WhatIsTooLongIsRefusedBeforeItIsThere) {
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n"), 413);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'x') + "\r\n0\r\n\r\n"), 413);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x')), 0);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nA: " + std::string(20'000, 'x') + "\r\n\r\n"), 431);
}

TEST(HttpReader, WhatIsNoRequestIsRefused) {
  EXPECT_EQ(refused("*1\r\n$4\r\nPING\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"), 400);
}

TEST(HttpReader, KeepAliveIsAsTheVersionAndTheClientSay) {
  const auto keeps = [](std::string_view bytes) {
    HttpReader reader(100);
    EXPECT_EQ(reader.take(bytes), bytes.size());
    EXPECT_TRUE(reader.done());
    return reader.keep_alive();
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
}

TEST(HttpReader, AClientThatAsksFirstIsToldOnceToGoOn) {
  HttpReader reader(100);
  reader.take("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(reader.wants_continue());
  EXPECT_FALSE(reader.wants_continue());
  reader.take("ok");
  EXPECT_EQ(reader.release().body, "ok");
}

TEST(HttpReader, ATargetIsTakenApartAndDecoded) {
  const auto target = parse_target("/explain?view=a%20b&key=x+y%3a1&flag");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->first, "/explain");
  EXPECT_THAT(target->second, ElementsAre(Pair("view", "a b"), Pair("key", "x y:1"), Pair("flag", "")));
  EXPECT_FALSE(parse_target("/%zz"));
}

TEST(HttpAnswer, IsWrittenWithItsLengthAndWhatTheStatusAsksFor) {
  std::string out;
  append_answer(out, {.status = 200, .body = "null"}, false, false);
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-type: application/json\r\n\r\nnull");
  out.clear();
  append_answer(out, {.status = 429, .retry_after = 1}, true, false);
  EXPECT_EQ(out, "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n");
  out.clear();
  append_answer(out, {.body = "null"}, false, true);
  EXPECT_THAT(out, HasSubstr("content-length: 4"));
  EXPECT_TRUE(out.ends_with("\r\n\r\n")) << "HEAD";
}

}  // namespace
}  // namespace isobar::features
