// Plain keys against a map that says the obvious; over the store's end and beginning; under a clock that is set.

#include "plain_keys.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "base/await.h"
#include "serving_testing.h"

namespace isobar::features {
namespace {

class PlainKeysTest : public testing::Test {
 protected:
  PlainKeysTest() { open(); }
  void open() {
    keys_.reset();
    auto opened = open_plain_keys(engine_.store(), clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    keys_ = std::move(*opened);
  }
  void reopen() {
    keys_.reset();
    engine_.reopen_store();
    open();
  }
  Ticket set(const std::string& key, std::optional<PlainValue> value) {
    const auto ticket = keys_->write(key, [&](std::optional<PlainValue>& now) { now = value; });
    EXPECT_TRUE(ticket.ok()) << ticket.error().message();
    return ticket.ok() ? *ticket : 0;
  }
  std::optional<PlainValue> get(const std::string& key) {
    std::optional<PlainValue> found;
    keys_->read(key, [&](const PlainValue* value) {
      if (value != nullptr) found = *value;
    });
    return found;
  }
  Status wait(Ticket ticket) {
    const auto done = await_outcome<bool>([&](auto tell) {
      keys_->when_durable(ticket, [tell](const Status& status) { tell(status.ok() ? Result<bool>(true) : Result<bool>(status.error())); });
    });
    return done.ok() ? Status() : Status(done.error());
  }
  std::set<std::string> scan(std::size_t count) {
    std::set<std::string> all;
    std::uint64_t cursor = 0;
    do {
      auto page = keys_->scan(cursor, count);
      all.insert(page.keys.begin(), page.keys.end());
      cursor = page.cursor;
    } while (cursor != 0);
    return all;
  }

  TestClock clock_;
  FakeEngine engine_{clock_, ""};
  std::unique_ptr<PlainKeys> keys_;
};

TEST_F(PlainKeysTest, AreThereAgainWhenTheStoreIsOpenedAgain) {
  set("text", PlainValue{std::string("a\0b", 3), {}});
  set("gone", PlainValue{"x", {}});
  set("gone", std::nullopt);
  const Ticket last = set("hash", PlainValue{PlainValue::Hash{{"f", "1"}, {std::string("\0\xff", 2), ""}}, clock_.now() + 10s});
  EXPECT_TRUE(wait(last).ok());
  EXPECT_TRUE(keys_->durable(last));
  reopen();
  EXPECT_EQ(get("text"), (PlainValue{std::string("a\0b", 3), {}}));
  EXPECT_EQ(get("gone"), std::nullopt);
  EXPECT_EQ(get("hash"), (PlainValue{PlainValue::Hash{{"f", "1"}, {std::string("\0\xff", 2), ""}}, clock_.now() + 10s}));
  EXPECT_EQ(keys_->size(), 2U);
}

TEST_F(PlainKeysTest, ExpireAtTheInstantNotBefore) {
  set("a", PlainValue{"x", clock_.now() + 10s});
  clock_.advance(10s - 1ns);
  EXPECT_TRUE(get("a"));
  clock_.advance(1ns);
  EXPECT_FALSE(get("a"));
  EXPECT_TRUE(scan(10).empty());
  for (int i = 0; i < 64; ++i) keys_->forget_expired();
  EXPECT_EQ(keys_->size(), 0U);
  reopen();
  EXPECT_FALSE(get("a"));
}

TEST_F(PlainKeysTest, WhatChangesNothingIsNotWritten) {
  EXPECT_NE(set("a", PlainValue{"x", {}}), 0U);
  EXPECT_EQ(set("a", PlainValue{"x", {}}), 0U);
  EXPECT_EQ(set("b", std::nullopt), 0U);
}

TEST_F(PlainKeysTest, AValueThatIsTooLongIsRefusedAndNothingChanges) {
  set("a", PlainValue{"x", {}});
  const auto refused =
      keys_->write("a", [](std::optional<PlainValue>& value) { value->content = std::string(PlainKeys::kValueMost, 'x'); });
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(get("a")->text()->size(), 1U);
}

TEST_F(PlainKeysTest, AScanMeetsEveryKeyThatIsThereAllTheTime) {
  std::set<std::string> all;
  for (int i = 0; i < 500; ++i) {
    const std::string key = fmt::format("key-{}", i);
    set(key, PlainValue{"", {}});
    all.insert(key);
  }
  EXPECT_EQ(scan(1), all);
  EXPECT_EQ(scan(7), all);
  EXPECT_EQ(scan(1000), all);
  std::set<std::string> met;
  std::uint64_t cursor = 0;
  int turn = 0;
  do {  // while others come and go
    auto page = keys_->scan(cursor, 10);
    met.insert(page.keys.begin(), page.keys.end());
    cursor = page.cursor;
    set(fmt::format("other-{}", turn), PlainValue{"", {}});
    if (turn > 0) set(fmt::format("other-{}", turn - 1), std::nullopt);
    ++turn;
  } while (cursor != 0);
  for (const auto& key : all) EXPECT_TRUE(met.contains(key)) << key;
}

TEST_F(PlainKeysTest, HoldWhatAMapHolds) {
  Random random(1);
  std::map<std::string, std::string> model;
  for (int step = 0; step < 400; ++step) {
    const std::string key = std::to_string(random.below(8)), text = std::to_string(random.below(100));
    const bool there = random.below(3) > 0;
    const Ticket ticket = set(key, there ? std::optional(PlainValue{text, {}}) : std::nullopt);
    if (there) model[key] = text;
    else model.erase(key);
    if (step % 150 == 149) {
      ASSERT_TRUE(wait(ticket).ok());
      reopen();
    }
    if (step % 10 != 9) continue;
    for (int each = 0; each < 8; ++each) {
      const auto found = get(std::to_string(each));
      const auto expected = model.find(std::to_string(each));
      ASSERT_EQ(found.has_value(), expected != model.end()) << step;
      ASSERT_EQ(found ? *found->text() : "", found ? expected->second : "") << step;
    }
  }
}

RC_GTEST_PROP(PlainValue, IsReadAsItWasWritten, (const std::map<std::string, std::string>& fields, const std::string& text, bool is_hash)) {
  PlainValue value{text, Instant::from_unix_nanos(*rc::gen::arbitrary<std::int64_t>())};
  if (is_hash) value.content = PlainValue::Hash(fields.begin(), fields.end());
  if (value.expires->unix_nanos() == INT64_MAX) value.expires.reset();
  const auto read = decode_plain(encode_plain(value));
  RC_ASSERT(read.ok());
  RC_ASSERT(*read == value);
}

TEST(PlainValue, OfBytesThatNobodyWroteIsDataLoss) {
  EXPECT_EQ(decode_plain("").error().code(), Code::kDataLoss);
  EXPECT_EQ(decode_plain("\x07\x00").error().code(), Code::kDataLoss);
  EXPECT_EQ(decode_plain(encode_plain({"x", {}}) + "y").error().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace isobar::features
