#include "features/request_plan.h"

#include <gmock/gmock.h>

namespace isobar::features {

namespace {

constexpr std::string_view kTwo = R"(
project: two
entities:
  user: {keys: {user_id: int64}}
  place: {keys: {city: string, street: string}}
sources:
  a: {kind: push, schema: {at: timestamp, user_id: int64, score: float64, city: string, street: string}, timestamp: at}
views:
  users:
    source: a
    entity: user
    features: {score: , twice: {request: {factor: float64}, sql: score * factor}}
  places: {source: a, entity: place, features: {score: }}
  hidden: {source: a, entity: user, online: false, features: {secret: score}}
  bare: {entity: user, features: {sum: {request: {left: int64, right: int64}, sql: left + right}}}
services:
  both: ["users:score", "places:score as place_score", "users:twice"]
)";

class RequestPlanTest : public ::testing::Test {
 protected:
  RequestPlanTest() { project_ = *Project::create(*parse_definition(kTwo, "two.yaml")); }
  std::string refusal(RequestSpec spec) const {
    const auto plan = RequestPlan::create(project_, std::move(spec));
    return plan.ok() ? "none" : plan.error().message();
  }
  std::string names(const std::vector<Column>& columns) const {
    std::string names;
    for (const auto& column : columns) names += column.name + " ";
    return names;
  }
  std::shared_ptr<const Project> project_;
};

TEST_F(RequestPlanTest, AsksForEachKeyOnceAndThenForWhatTheRequestSays) {
  const auto plan = RequestPlan::create(project_, {.service = "both"});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(names((*plan)->inputs()), "user_id city street factor ");
  EXPECT_EQ((*plan)->key_count(), 3U);
  EXPECT_EQ((*plan)->outputs()[1].name, "place_score");
}

TEST_F(RequestPlanTest, ANameThatTwoViewsHaveIsNeverGuessed) {
  EXPECT_EQ(refusal({.features = {"score"}}), "'score' is a feature of places and of users; say which, as places:score");
  EXPECT_EQ(
      refusal({.features = {"users:score", "places:score"}}),
      "'score' is asked for of users and of places: ask with full feature names, or by a service that gives one of them another name");
  EXPECT_EQ(refusal({.features = {"users:score", "places:score"}, .full_names = true}), "none");
}

TEST_F(RequestPlanTest, SaysWhatIsNotThere) {
  EXPECT_EQ(refusal({.features = {"user:score"}}), "there is no view 'user'; did you mean 'users'?");
  EXPECT_EQ(refusal({.service = "both", .features = {"users:score"}}), "ask for a service, or for features, and not for both");
  EXPECT_EQ(refusal({}), "ask for a service, or for features, and not for both");
  EXPECT_EQ(refusal({.features = {"hidden:secret"}}), "view 'hidden' is not online");
  EXPECT_EQ(refusal({.features = {"hidden:secret"}, .offline_too = true}), "none");
}

TEST_F(RequestPlanTest, AFeatureOnDemandIsComputedFromTheRequestAndTheRow) {
  const auto plan = *RequestPlan::create(project_, {.features = {"users:twice", "bare:sum"}});
  const Row row{Value(std::int64_t{1}), Value(3.0), Value(std::int64_t{2}), Value(std::int64_t{5})};
  ViewReading found{.status = ViewReading::Status::kFound, .values = {Value(1.5)}, .statuses = {FieldStatus::kPresent}};
  std::vector<Answered> out(2);
  plan->answer(row, std::vector{found, ViewReading{}}, out);
  EXPECT_EQ(out[0].value, Value(4.5));
  EXPECT_EQ(out[1].value, Value(std::int64_t{7})) << "a view without sources has nothing that could be missing";
  plan->answer(row, std::vector{ViewReading{}, ViewReading{}}, out);
  EXPECT_EQ(out[0].status, FieldStatus::kNotFound);
  EXPECT_TRUE(out[0].value.is_null());
  plan->answer(row, std::vector{ViewReading{.status = ViewReading::Status::kExpired}, ViewReading{}}, out);
  EXPECT_EQ(out[0].status, FieldStatus::kOutsideMaxAge);
  const Row overflow{Value(std::int64_t{1}), Value(3.0), Value(INT64_MAX), Value(std::int64_t{5})};
  plan->answer(overflow, std::vector{found, ViewReading{}}, out);
  EXPECT_EQ(out[1].status, FieldStatus::kInvalid);
}

TEST_F(RequestPlanTest, PartOfAKeyIsNoKey) {
  const auto plan = *RequestPlan::create(project_, {.features = {"places:score"}});
  EXPECT_TRUE(plan->key(plan->parts()[0], {Value("Paris"), Value("Rue X")}).ok());
  EXPECT_FALSE(plan->key(plan->parts()[0], {Value(std::int64_t{1}), Value("Rue X")}).ok());
}

}  // namespace

}  // namespace isobar::features
