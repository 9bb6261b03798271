#include "storage/secret_source.h"

#include <gtest/gtest.h>

#include "storage/sigv4.h"

namespace isobar::storage {
namespace {

struct TestClock final : Clock {
  Instant at = Instant::from_unix_seconds(1000);
  Instant now() const override { return at; }
};

// A fetch that answers when the test says so.
struct Vault {
  int fetches = 0;
  std::vector<Done<AwsCredentials>> pending;
  TestClock clock;
  SecretSource<AwsCredentials> source{&clock, [this](Done<AwsCredentials> done) {
                                        ++fetches;
                                        pending.push_back(std::move(done));
                                      }};
  std::vector<std::string> got;

  void ask() {
    source.get([this](const Result<AwsCredentials>& credentials) {
      got.push_back(credentials.ok() ? credentials->access_key_id : credentials.error().message());
    });
  }
  void answer(Result<AwsCredentials> credentials) {
    auto done = std::move(pending.front());
    pending.erase(pending.begin());
    done(std::move(credentials));
  }
  void answer(std::string id, Duration life) { answer(AwsCredentials{std::move(id), "s", "t", clock.at + life}); }
};

TEST(SecretSource, FetchesOnceForAllWhoAskMeanwhile) {
  Vault vault;
  vault.ask();
  vault.ask();
  vault.ask();
  EXPECT_EQ(vault.fetches, 1);
  vault.answer("one", 1h);
  EXPECT_EQ(vault.got, (std::vector<std::string>{"one", "one", "one"}));
  vault.ask();
  EXPECT_EQ(vault.fetches, 1);
}

TEST(SecretSource, RenewsBeforeExpiryWithoutMakingAnyoneWait) {
  Vault vault;
  vault.ask();
  vault.answer("one", 1h);
  vault.clock.at = vault.clock.at + 57min;
  vault.ask();
  vault.ask();
  EXPECT_EQ(vault.got.size(), 3U);
  EXPECT_EQ(vault.fetches, 2);
  vault.answer("two", 1h);
  vault.ask();
  EXPECT_EQ(vault.got.back(), "two");
}

TEST(SecretSource, NeverHandsOutWhatIsAboutToExpire) {
  Vault vault;
  vault.ask();
  vault.answer("one", 1h);
  vault.clock.at = vault.clock.at + 1h - 10s;
  vault.ask();
  EXPECT_EQ(vault.got.size(), 1U);
  vault.answer("two", 1h);
  EXPECT_EQ(vault.got.back(), "two");
}

TEST(SecretSource, FailureReachesAllWhoWaitAndTheNextOneTriesAgain) {
  Vault vault;
  vault.ask();
  vault.answer(unavailable("no route"));
  EXPECT_EQ(vault.got.back(), "no route");
  vault.ask();
  EXPECT_EQ(vault.fetches, 2);
  vault.answer("one", 1h);
}

TEST(SecretSource, ForgetsOnlyTheSecretThatWasRefused) {
  Vault vault;
  vault.ask();
  vault.answer("one", 1h);
  const AwsCredentials refused{"one", "s", "t", vault.clock.at + 1h};
  vault.source.forget(refused);
  vault.ask();
  EXPECT_EQ(vault.fetches, 2);
  vault.answer("two", 1h);
  vault.source.forget(refused);  // of a request that was sent before
  vault.ask();
  EXPECT_EQ(vault.fetches, 2);
}

}  // namespace
}  // namespace isobar::storage
