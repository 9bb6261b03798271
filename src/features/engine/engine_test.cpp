#include "features/engine.h"

#include <thread>

#include "engine_testing.h"

namespace isobar::features {

namespace {

constexpr std::string_view kShop = R"(
project: shop
entities:
  user: {keys: {user_id: int64}}
sources:
  payments:
    kind: push
    schema: {user_id: int64, amount: float64, currency: string, made_at: timestamp}
    timestamp: made_at
  users:
    kind: push
    schema: {user_id: int64, country: string, changed_at: timestamp}
    timestamp: changed_at
    key: user_id
  corrected:
    kind: push
    schema: {id: string, user_id: int64, amount: int64, at: timestamp}
    timestamp: at
    key: id
views:
  spending:
    source: payments
    entity: user
    where: currency = 'EUR'
    ttl: 2d
    features:
      spent: sum(amount) over 1h, 24h
      payments: count(*) over 1h
      last: amount
      double: {sql: amount * 2}
      unusual: {request: {offered: float64}, sql: offered > 3 * last}
  profile:
    source: users
    entity: user
    features: {country: }
  ledger:
    source: corrected
    entity: user
    features:
      total: sum(amount) over unbounded
      most: max(amount) over 24h
      newest: amount
services:
  fraud: [spending:spent_1h, spending:payments, spending:last, spending:unusual, profile:country]
)";

/// Columns are in the order of their names.
SourceRow payment(std::int64_t user, double amount, std::string_view when, std::string_view currency = "EUR") {
  return {{Value(amount), Value(currency), Value(at(when)), Value(user)}};
}
SourceRow user(std::int64_t id, const char* country, std::string_view when) { return {{Value(at(when)), Value(country), Value(id)}}; }
SourceRow entry(const char* id, std::int64_t user, std::int64_t amount, std::string_view when) {
  return {{Value(amount), Value(at(when)), Value(id), Value(user)}};
}

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() { open(); }
  void open() {
    engine_.reset();
    auto opened = Engine::open(folder_ / "store", config_, clock_);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    engine_ = std::move(*opened);
  }
  void apply(std::string_view text) {
    const auto plan = engine_->apply(definition_of(text), "test.yaml");
    ASSERT_TRUE(plan.ok()) << plan.error().message();
  }
  Taken push(std::string source, std::vector<SourceRow> rows, std::string id = {}) {
    auto taken = engine_->push({.source = std::move(source), .rows = std::move(rows), .id = std::move(id)});
    EXPECT_TRUE(taken.ok()) << taken.error().message();
    return taken.ok() ? *taken : Taken{};
  }
  std::string fraud(std::int64_t user, double offered = 10) {
    return answered(*engine_, {.service = "fraud"}, {Value(user), Value(offered)});
  }
  std::string features(std::vector<std::string> names, std::int64_t user = 1) {
    return answered(*engine_, {.service = "", .features = std::move(names)}, {Value(user)});
  }
  std::string ledger() { return features({"ledger:total", "ledger:most", "ledger:newest"}); }

  TestFolder folder_;
  SetClock clock_;
  EngineConfig config_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, AnswersFromWhatWasPushed) {
  apply(kShop);
  EXPECT_EQ(fraud(1), "spent_1h=NOT_FOUND payments=NOT_FOUND last=NOT_FOUND unusual=NOT_FOUND country=NOT_FOUND");
  const Taken taken = push("payments", {payment(1, 2, "2026-05-01T11:50:00Z"), payment(1, 3, "2026-05-01T10:30:00Z"),
                                        payment(1, 100, "2026-05-01T11:55:00Z", "USD"), payment(2, 7, "2026-05-01T11:59:00Z")});
  EXPECT_EQ(taken.rows, 4U);
  push("users", {user(1, "DE", "2020-01-01")});
  EXPECT_EQ(fraud(1), "spent_1h=2 payments=1 last=2 unusual=true country='DE'");
  EXPECT_EQ(features({"spending:spent_24h", "spending:double"}), "spent_24h=5 double=4");
  clock_.pass(24h);
  EXPECT_EQ(fraud(1), "spent_1h=NULL_VALUE payments=0 last=2 unusual=true country='DE'");
  clock_.set(at("2026-05-03T11:50:00Z"));  // an age of just the ttl is within it
  EXPECT_EQ(features({"spending:last"}), "last=2");
  clock_.pass(1ns);
  EXPECT_EQ(fraud(1), "spent_1h=OUTSIDE_MAX_AGE payments=OUTSIDE_MAX_AGE last=OUTSIDE_MAX_AGE unusual=OUTSIDE_MAX_AGE country='DE'");
}

TEST_F(EngineTest, AnOlderEventNeverReplacesANewerOne) {
  apply(kShop);
  push("payments", {payment(1, 3, "2026-05-01T11:00:00Z"), payment(1, 2, "2026-05-01T10:00:00Z"), payment(1, 1, "2026-05-01T09:00:00Z")});
  EXPECT_EQ(features({"spending:last"}), "last=3");
}

TEST_F(EngineTest, AnEventOfTheFutureCountsWhenItsTimeHasCome) {
  apply(kShop);
  push("payments", {payment(1, 1, "2026-05-01T11:59:00Z"), payment(1, 5, "2026-05-01T12:02:00Z")});
  EXPECT_EQ(features({"spending:last", "spending:payments"}), "last=1 payments=1");
  clock_.set(at("2026-05-01T12:02:00Z"));
  EXPECT_EQ(features({"spending:last", "spending:payments"}), "last=5 payments=2");
  const auto refused =
      engine_->push({.source = "payments", .rows = {payment(1, 1, "2026-05-01T12:02:00Z"), payment(1, 1, "2026-05-01T13:00:00Z")}});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), ::testing::HasSubstr("row 2 of 2: 'made_at' is 2026-05-01T13:00:00Z, 58m 0s from now"));
  EXPECT_EQ(features({"spending:payments"}), "payments=2");
}

TEST_F(EngineTest, APushThatIsRepeatedCountsOnce) {
  apply(kShop);
  EXPECT_EQ(push("payments", {payment(1, 1, "2026-05-01T11:59:00Z")}, "batch-1").outcome, Outcome::kApplied);
  EXPECT_EQ(push("payments", {payment(1, 1, "2026-05-01T11:59:00Z")}, "batch-1").outcome, Outcome::kReplayed);
  open();
  EXPECT_EQ(push("payments", {payment(1, 1, "2026-05-01T11:59:00Z")}, "batch-1").outcome, Outcome::kReplayed);
  EXPECT_EQ(features({"spending:payments"}), "payments=1");
}

TEST_F(EngineTest, ASourceThatIsReadAgainGoesOnWhereItStands) {
  apply(kShop);
  const PartitionId partition{"payments", "0"};
  const auto advance = [&](std::optional<Position> after, Position upto) {
    return engine_->push({.source = "payments",
                          .rows = {payment(1, 1, "2026-05-01T11:59:00Z")},
                          .id = "",
                          .advance = Advance{.of = partition, .after = after, .upto = upto}});
  };
  EXPECT_TRUE(advance(std::nullopt, {10}).ok());
  EXPECT_EQ(advance(std::nullopt, {10})->outcome, Outcome::kReplayed);
  EXPECT_EQ(advance(Position{5}, {20}).error().code(), Code::kConflict);
  EXPECT_TRUE(advance(Position{10}, {20}).ok());
  open();
  EXPECT_EQ((*engine_->position(partition))->major, 20U);
  EXPECT_EQ(features({"spending:payments"}), "payments=2");
}

TEST_F(EngineTest, CorrectionsThatComeTogetherAreTakenOneAfterTheOther) {
  apply(kShop);
  push("corrected", {entry("a", 1, 30, "2026-05-01T10:00:00Z"), entry("b", 1, 5, "2026-05-01T11:00:00Z")});
  EXPECT_EQ(ledger(), "total=35 most=30 newest=5");
  // What the first of them takes out was the most: it is looked for among those that are left, of which the second takes one out.
  push("corrected", {entry("a", 1, 1, "2026-05-01T10:00:00Z"), entry("b", 1, 6, "2026-05-01T11:00:00Z")});
  EXPECT_EQ(ledger(), "total=7 most=6 newest=6");
  push("corrected", {entry("b", 1, 2, "2026-05-01T11:00:00Z")});
  EXPECT_EQ(ledger(), "total=3 most=2 newest=2");
  open();
  EXPECT_EQ(ledger(), "total=3 most=2 newest=2");
}

TEST_F(EngineTest, ACorrectionReplacesAndADeletionTakesAway) {
  apply(kShop);
  push("corrected", {entry("a", 1, 10, "2026-05-01T10:00:00Z"), entry("b", 1, 30, "2026-05-01T11:00:00Z")});
  EXPECT_EQ(ledger(), "total=40 most=30 newest=30");
  push("corrected", {entry("b", 1, 5, "2026-05-01T11:00:00Z")});
  EXPECT_EQ(ledger(), "total=15 most=10 newest=5");
  push("corrected", {entry("a", 1, 11, "2026-05-01T10:00:00Z")});
  EXPECT_EQ(ledger(), "total=16 most=11 newest=5");
  SourceRow gone = entry("b", 1, 0, "2026-05-01T11:30:00Z");
  gone.deleted = true;
  push("corrected", {gone});
  EXPECT_EQ(ledger(), "total=11 most=11 newest=11");
  push("corrected", {gone});  // once more
  EXPECT_EQ(ledger(), "total=11 most=11 newest=11");
  push("corrected", {entry("b", 1, 2, "2026-05-01T11:00:00Z")});
  EXPECT_EQ(ledger(), "total=13 most=11 newest=2");
  SourceRow other = entry("a", 2, 11, "2026-05-01T10:00:01Z");  // it was another user's
  push("corrected", {other});
  EXPECT_EQ(ledger(), "total=2 most=2 newest=2");
  open();
  EXPECT_EQ(ledger(), "total=2 most=2 newest=2");
}

TEST_F(EngineTest, AVersionThatComesLateIsNotTheOneThatCounts) {
  apply(kShop);
  push("users", {user(1, "FR", "2026-02-01")});
  push("users", {user(1, "DE", "2026-01-01")});
  EXPECT_EQ(features({"profile:country"}), "country='FR'");
}

TEST_F(EngineTest, IsTheSameAfterItsProcessEnded) {
  apply(kShop);
  push("payments", {payment(1, 2, "2026-05-01T11:50:00Z"), payment(1, 4, "2026-05-01T12:03:00Z")});
  open();
  EXPECT_EQ(engine_->status().replayed_events, 0U) << "all states were written";
  EXPECT_EQ(features({"spending:last", "spending:spent_1h"}), "last=2 spent_1h=2");
  clock_.set(at("2026-05-01T12:03:00Z"));
  EXPECT_EQ(features({"spending:last", "spending:spent_1h"}), "last=4 spent_1h=6");
}

TEST_F(EngineTest, TheSameDefinitionAgainChangesNothing) {
  apply(kShop);
  const Registry before = engine_->registry();
  push("payments", {payment(1, 2, "2026-05-01T11:50:00Z")});
  const auto plan = engine_->apply(definition_of(kShop), "test.yaml");
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->changes.empty());
  EXPECT_EQ(engine_->registry(), before);
  EXPECT_EQ(features({"spending:last"}), "last=2");
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST_F(EngineTest, AFeatureThatIsAddedIsMadeFromAllThatWasEverPushed) {
  apply(kShop);
  push("payments", {payment(1, 2, "2026-05-01T11:50:00Z"), payment(1, 3, "2026-05-01T09:30:00Z")});
  push("corrected", {entry("a", 1, 10, "2026-05-01T10:00:00Z"), entry("a", 1, 12, "2026-05-01T10:00:00Z")});
  const std::string more =
      replaced(replaced(std::string(kShop), "      last: amount", "      last: amount\n      mean: mean(amount) over 24h"),
               "      newest: amount", "      newest: amount\n      least: min(amount) over 24h");
  apply(more);
  EXPECT_EQ(features({"spending:mean", "spending:spent_24h"}), "mean=2.5 spent_24h=5");
  EXPECT_EQ(features({"ledger:least", "ledger:total"}), "least=12 total=12");
  push("corrected", {entry("a", 1, 13, "2026-05-01T10:00:00Z")});
  EXPECT_EQ(features({"ledger:least", "ledger:most", "ledger:newest"}), "least=13 most=13 newest=13");
  open();
  EXPECT_EQ(features({"ledger:least", "ledger:most", "spending:mean"}), "least=13 most=13 mean=2.5");
  apply(kShop);  // and back
  EXPECT_EQ(ledger(), "total=13 most=13 newest=13");
  EXPECT_EQ(features({"spending:mean"}),
            "there is no feature of 'spending' called 'mean'; there are double, last, payments, spent_1h, spent_24h, unusual");
}

TEST_F(EngineTest, ATtlThatChangesHoldsAtOnceAndNothingIsMadeAgain) {
  apply(kShop);
  push("payments", {payment(1, 2, "2026-05-01T10:00:00Z")});
  auto plan = engine_->plan({.service = "fraud"});
  apply(replaced(std::string(kShop), "ttl: 2d", "ttl: 1h"));
  EXPECT_EQ(features({"spending:last"}), "last=OUTSIDE_MAX_AGE");
  const Row row{Value(std::int64_t{1}), Value(1.0)};
  EXPECT_EQ(engine_->answer(**plan, std::span(&row, 1)).error().code(), Code::kConflict);
  apply(kShop);
  EXPECT_EQ(features({"spending:last"}), "last=2");
}

TEST_F(EngineTest, AColumnThatIsAddedIsNullInWhatIsOlder) {
  apply(kShop);
  push("users", {user(1, "DE", "2026-01-01")});
  apply(replaced(replaced(std::string(kShop), "country: string,", "country: string, city: string,"), "features: {country: }",
                 "features: {country: , city: }"));
  EXPECT_EQ(features({"profile:country", "profile:city"}), "country='DE' city=NULL_VALUE");
  push("users", {{{Value(at("2026-02-01")), Value("Lyon"), Value("FR"), Value(std::int64_t{1})}}});
  open();
  EXPECT_EQ(features({"profile:country", "profile:city"}), "country='FR' city='Lyon'");
}

TEST_F(EngineTest, ColumnsThatFirstCameWithARepetitionAreKnownLater) {
  apply(kShop);
  push("users", {user(1, "DE", "2026-01-01")}, "once");
  apply(replaced(replaced(std::string(kShop), "country: string,", "country: string, city: string,"), "features: {country: }",
                 "features: {country: , city: }"));
  const SourceRow with_city{{Value(at("2026-02-01")), Value("Lyon"), Value("FR"), Value(std::int64_t{1})}};
  EXPECT_EQ(push("users", {with_city}, "once").outcome, Outcome::kReplayed);
  push("users", {with_city});
  open();
  std::size_t events = 0;
  const Status told = engine_->each_event([&](const LoggedEvent&) -> Status { return ++events, Status(); });
  EXPECT_TRUE(told.ok()) << told.error().message();
  EXPECT_EQ(events, 3U);  // the first, its withdrawal, the second
}

TEST_F(EngineTest, AViewThatIsDroppedWhileItsStatesAreWrittenEndsNothing) {
  config_.write_behind.value = 0ms;
  open();
  const std::string whole(kShop), without = whole.substr(0, whole.find("  ledger:")) + whole.substr(whole.find("services:"));
  for (int round = 0; round < 10; ++round) {
    apply(whole);
    push("corrected", {entry("a", 1, round, "2026-05-01T10:00:00Z")});
    apply(without);
  }
  push("payments", {payment(1, 2, "2026-05-01T11:50:00Z")});
  for (int i = 0; i < 1000 && engine_->status().unwritten_keys > 0; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(engine_->status().unwritten_keys, 0U);
}

TEST_F(EngineTest, TellsAllEventsInOrderWithWhatTheyWithdraw) {
  apply(kShop);
  push("users", {user(1, "DE", "2026-01-01"), user(1, "FR", "2026-02-01"), user(1, "IT", "2026-01-15")});
  std::string told;
  ASSERT_TRUE(engine_
                  ->each_event([&](const LoggedEvent& event) -> Status {
                    told += fmt::format("{}{}{} ", event.removed ? "-" : "+", short_form(event.row[1]),
                                        event.removed ? "@" + to_rfc3339(event.withdrawn).substr(0, 10) : "");
                    return {};
                  })
                  .ok());
  EXPECT_EQ(told, "+'DE' -'DE'@2026-02-01 +'FR' +'IT' -'IT'@2026-02-01 ");
}

TEST_F(EngineTest, SaysWhatIsWrongWithARequest) {
  EXPECT_EQ(fraud(1), "no definition was applied yet: isobar features apply FILE");
  apply(kShop);
  EXPECT_EQ(features({"spending:spend"}),
            "there is no feature of 'spending' called 'spend'; there are double, last, payments, spent_1h, spent_24h, unusual");
  EXPECT_EQ(answered(*engine_, {.service = "fraude"}, {}), "there is no service 'fraude'; did you mean 'fraud'?");
  EXPECT_EQ(engine_->push({.source = "payment", .rows = {}}).error().message(), "there is no source 'payment'; did you mean 'payments'?");
  EXPECT_EQ(
      engine_->push({.source = "payments", .rows = {{{Value(1.0), Value("EUR"), Value(), Value(std::int64_t{1})}}}}).error().message(),
      "row 1 of 1: 'made_at', the time of the event, is null or not there");
  SourceRow gone = payment(1, 1, "2026-05-01T11:00:00Z");
  gone.deleted = true;
  EXPECT_EQ(engine_->push({.source = "payments", .rows = {gone}}).error().message(),
            "row 1 of 1: a deletion, and records of 'payments' have no key; give the source one in the definition");
}

}  // namespace

}  // namespace isobar::features
