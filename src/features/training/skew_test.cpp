#include "features/skew.h"

#include <gmock/gmock.h>

#include "training_testing.h"

namespace isobar::features {
namespace {

using testing::HasSubstr;

constexpr std::string_view kLines = R"(project: lines
entities: {line: {keys: {line: int64}}}
sources: {loads: {kind: push, schema: {line: int64, at: timestamp, load: float64}, timestamp: at}}
views: {last: {source: loads, entity: line, ttl: 1h, features: {load:, mean: mean(load) over 1h}}}
)";

class SkewTest : public testing::Test {
 protected:
  SkewTest() : plan_(plan_of(kLines, {.features = {"load", "mean"}})) {
    for (std::uint64_t i = 0; i < 200; ++i) {
      const Instant at = at_second(static_cast<std::int64_t>(i) * 60);
      events_.events.push_back(
          {0, {at, at, i}, at, false, {}, {Value(at), Value(static_cast<std::int64_t>(i % 3)), Value(0.1 * static_cast<double>(i))}});
    }
  }
  /// As serving does it: state that events go to as they come, read at each instant.
  std::vector<ServedRow> served() const {
    const CompiledView& view = plan_->project().views()[0];
    const auto state = must(ViewState::create(view, {}));
    std::vector<ServedRow> served;
    for (const auto& event : events_.events) {
      state->advance(event.arrived);
      state->insert(event.order, *must(view.contribution(event.row)));
      ServedRow& row = served.emplace_back(ServedRow{event.arrived + 17s, {Value(static_cast<std::int64_t>(served.size() % 4))}, {}});
      state->advance(row.at);
      const ViewReading reading = state->read(must(plan_->key(plan_->parts()[0], row.inputs)), row.at);
      row.answers.resize(2);
      plan_->answer(row.inputs, std::span(&reading, 1), row.answers);
    }
    return served;
  }
  SkewReport report(const std::vector<ServedRow>& served) const { return must(measure_skew(*plan_, served, events_, in_memory())); }

  std::shared_ptr<const RequestPlan> plan_;
  EventsInMemory events_;
};

TEST_F(SkewTest, WhatIsServedIsWhatIsRecomputed) {
  const SkewReport skew = report(served());
  EXPECT_EQ(skew.rows, 200u);
  EXPECT_EQ(skew.differing_rows, 0u);
  for (const FeatureSkew& feature : skew.features) {
    EXPECT_EQ(feature.compared, 200u);
    EXPECT_EQ(feature.differing(), 0u);
    EXPECT_EQ(feature.smape, 0);
  }
}

TEST_F(SkewTest, EachSortOfDifferenceIsCounted) {
  auto rows = served();
  rows[100].answers[0].value = Value(3 * rows[100].answers[0].value.as<double>());
  rows[101].answers[0] = {Value(), FieldStatus::kNotFound, {}};
  rows[103].answers[1] = {Value(1.0), FieldStatus::kPresent, {}};  // nobody knows line 3
  const SkewReport skew = report(rows);
  EXPECT_EQ(skew.differing_rows, 3u);
  EXPECT_EQ(skew.features[0].mismatches, 1u);
  EXPECT_EQ(skew.features[0].missing, 1u);
  EXPECT_EQ(skew.features[1].extra, 1u);
  EXPECT_GT(skew.features[0].smape, 0);
  ASSERT_EQ(skew.examples.size(), 3u);
  EXPECT_EQ(skew.examples[2].feature + " " + skew.examples[2].key, "last:mean 3");
  EXPECT_THAT(describe(skew.examples[2]), HasSubstr("1.0 (PRESENT) was served, and null (NOT_FOUND) is recomputed"));
}

TEST_F(SkewTest, RowsOfOtherFeaturesAreRefused) {
  const auto skew = measure_skew(*plan_, {ServedRow{at_second(0), {}, {}}}, events_, in_memory());
  ASSERT_FALSE(skew.ok());
  EXPECT_THAT(skew.error().message(), HasSubstr("row 1 of what was served has 0 inputs"));
}

}  // namespace
}  // namespace isobar::features
