#include "cloud/rest_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "storage/scripted_transport.h"

namespace isobar::cloud {
namespace {

using testing::Each;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr std::array kRows = {
    RefusalRow{"no-room", Code::kExhausted, "try elsewhere"},
    RefusalRow{"hiccup", Code::kUnavailable},
    RefusalRow{"who-are-you", Code::kPermissionDenied},
};

class Rest : public testing::Test {
 protected:
  struct MovingClock final : Clock {
    Instant at = Instant::from_unix_seconds(1'760'000'000);
    Instant now() const override { return at; }
  };

  Answer<std::string> call(RestCall asked = {.doing = "look", .url = "https://api.example/things"}) {
    RestClient::Dialect dialect{.shown = "Example Cloud"};
    dialect.parse_refusal = [](int status, std::string_view body) { return RestRefusal{status, std::string(body), "no\nway", {}}; };
    dialect.rows = kRows;
    dialect.authorize = [this]() -> Result<net::Headers> {
      if (token.empty()) return not_found("nobody is signed in");
      return net::Headers{{"Authorization", "Bearer " + token}};
    };
    dialect.renewed = [this](const RestRefusal& refusal) {
      if (refusal.status == 401) token = "fresh";
      return refusal.status == 401;
    };
    const RestClient client(dialect, transport, {clock, [this](Duration span) {
                                                   pauses.push_back(span);
                                                   clock.at = clock.at + span;
                                                 }});
    return client.call(asked, clock.at + 2min);
  }
  RestCall once() const {
    return {.doing = "make", .method = "POST", .url = "https://api.example/things", .body = "{}", .repeatable = false};
  }

  std::string token = "stale";
  storage::ScriptedTransport transport;
  MovingClock clock;
  std::vector<Duration> pauses;
};

TEST_F(Rest, SendsWhatItIsTold) {
  transport.answer(200, "{}");
  EXPECT_EQ(*call(once()), "{}");
  EXPECT_EQ(transport.last().method, "POST");
  EXPECT_EQ(transport.last().url.text(), "https://api.example/things");
  EXPECT_EQ(transport.last_header("Authorization"), "Bearer stale");
  EXPECT_EQ(transport.last_header("Content-Type"), "application/json");
  EXPECT_THAT(pauses, IsEmpty());
}

TEST_F(Rest, ThrottlingIsWaitedOutAsLongAsIsAsked) {
  transport.answer(429, "", {{"Retry-After", "12"}});
  transport.answer(429, "", {{"Retry-After", "12"}});
  transport.answer(200, "{}");
  EXPECT_TRUE(call(once()).ok());
  EXPECT_THAT(pauses, testing::AllOf(SizeIs(2), Each(Ge(12s))));
}

TEST_F(Rest, ThrottlingEndsAtTheDeadline) {
  for (int i = 0; i < 3; ++i) transport.answer(429, "", {{"Retry-After", "60"}});
  const auto throttled = call();
  EXPECT_EQ(throttled.error().code(), Code::kExhausted);
  EXPECT_TRUE(transport.all_answered());
}

TEST_F(Rest, TroubleAndBrokenConnectionsAreRepeated) {
  transport.fail(unavailable("no route"));
  transport.answer(503);
  transport.answer(500, "hiccup");
  transport.answer(200, "{}");
  EXPECT_TRUE(call().ok());
  for (int i = 0; i < 5; ++i) transport.fail(unavailable("no route"));
  EXPECT_TRUE(call().refused_with("ApiUnreachable"));
  for (int i = 0; i < 8; ++i) transport.answer(502);
  EXPECT_TRUE(call().refused_with("Http502"));
  EXPECT_TRUE(transport.all_answered());
}

TEST_F(Rest, AWantOfRoomIsToldAtOnceThoughItComesAsAServersError) {
  transport.answer(503, "no-room");
  const auto refused = call();
  EXPECT_EQ(refused.error().code(), Code::kExhausted);
  EXPECT_EQ(refused.error().message(), "look: Example Cloud answered 503 no-room: no way; try elsewhere");
  EXPECT_THAT(pauses, IsEmpty());
}

TEST_F(Rest, WhatWouldBeMadeTwiceIsNotRepeated) {
  transport.fail(unavailable("it broke"));
  const auto lost = call(once());
  EXPECT_TRUE(lost.refused_with("ApiUnreachable"));
  EXPECT_TRUE(lost.error().may_have_acted);
  transport.answer(500);
  EXPECT_TRUE(call(once()).error().may_have_acted);
  transport.answer(400, "no-room");
  EXPECT_FALSE(call(once()).error().may_have_acted);
  EXPECT_TRUE(lost.error().context("create").may_have_acted);
}

TEST_F(Rest, CredentialsThatExpiredAreRenewedOnce) {
  transport.answer(401, "who-are-you");
  transport.answer(200, "{}");
  EXPECT_TRUE(call(once()).ok());
  EXPECT_EQ(transport.last_header("Authorization"), "Bearer fresh");
  transport.answer(401, "who-are-you");
  transport.answer(401, "who-are-you");
  EXPECT_EQ(call().error().code(), Code::kPermissionDenied);
  token.clear();
  EXPECT_TRUE(call().refused_with("CredentialsNotFound"));
  EXPECT_TRUE(transport.all_answered());
}

TEST_F(Rest, WhatACloudSaysIsCutAndCleaned) {
  EXPECT_EQ(one_line("a\r\n\tb\x7f "), "a   b");
  EXPECT_EQ(one_line(std::string(5000, 'x')).size(), 600U);
}

}  // namespace
}  // namespace isobar::cloud
