// Feast's HTTP API, byte for byte where an answer is Feast's.

#include "feast_api.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <cmath>

#include "base/await.h"
#include "features/timestamp.h"
#include "http_reader.h"
#include "serving_testing.h"

namespace isobar::features {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class FeastApiTest : public testing::Test {
 protected:
  HttpAnswer ask(std::string method, std::string target, std::string body, const std::function<void(HttpRequest&)>& with = {}) {
    HttpRequest request{.method = std::move(method), .body = std::move(body)};
    std::tie(request.path, request.query) = *parse_target(target);
    if (with) with(request);
    return *await_outcome<HttpAnswer>([&](auto done) { api().handle(request, [done](HttpAnswer answer) { done(std::move(answer)); }); });
  }
  HttpAnswer post(std::string target, std::string body) { return ask("POST", std::move(target), std::move(body)); }
  HttpAnswer online(std::string body) { return post("/get-online-features", std::move(body)); }
  FeastApi& api() {
    if (!api_) api_ = std::make_unique<FeastApi>(engine_, options_, clock_, metrics_, log_);
    return *api_;
  }
  void pay(const std::string& df) {
    const HttpAnswer answer = post("/push", R"({"push_source_name":"payments","df":)" + df + "}");
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body, "") << "as Feast answers";
  }
  /// 1001 paid a while ago, and 1002 now, without a note.
  void two_payments() {
    pay(R"({"user_id":[1001,1002],"amount":[0.7,1e20],"note":["caf\u00e9",null],"precise":[0.1,3],"raw":["AP8=",null],
            "tags":[["a","b"],[]],"paid_at":["2027-01-15T07:30:00Z","2027-01-15T08:00:00.5Z"]})");
  }
  void SetUp() override { clock_.set(*parse_timestamp("2027-01-15T08:00:01Z")); }

  TestClock clock_;
  FakeEngine engine_{clock_};
  ServerOptions options_;
  ServingMetrics metrics_;
  Log log_;
  std::unique_ptr<FeastApi> api_;
};

/// What Feast's clients raise it as, and what it says.
std::pair<std::string, std::string> raised(const HttpAnswer& answer) {
  const auto outer = boost::json::parse(answer.body);
  const auto inner = boost::json::parse(outer.as_string()).as_object();
  EXPECT_EQ(inner.at("module").as_string(), "feast.errors");
  return {std::string(inner.at("class").as_string()), std::string(inner.at("message").as_string())};
}

TEST_F(FeastApiTest, AnAnswerHasOneColumnForEachNameTheKeysFirst) {
  two_payments();
  const HttpAnswer answer = online(R"({"features":["spending:amount","spending:note"],"entities":{"user_id":[1001,1002,7]}})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(answer.body, R"({"results":[{"values":[1001,1002,7],"statuses":["PRESENT","PRESENT","PRESENT"],)"
                         R"("event_timestamps":["1970-01-01T00:00:00Z","1970-01-01T00:00:00Z","1970-01-01T00:00:00Z"]},)"
                         R"({"values":[0.7,1e+20,null],"statuses":["PRESENT","PRESENT","NOT_FOUND"],)"
                         R"("event_timestamps":["2027-01-15T07:30:00Z","2027-01-15T08:00:00.500Z","1970-01-01T00:00:00Z"]},)"
                         "{\"values\":[\"caf\u00e9\",null,null],\"statuses\":[\"PRESENT\",\"NULL_VALUE\",\"NOT_FOUND\"],"
                         R"("event_timestamps":["2027-01-15T07:30:00Z","2027-01-15T08:00:00.500Z","1970-01-01T00:00:00Z"]}],)"
                         R"("metadata":{"feature_names":["user_id","amount","note"]}})");
}

TEST_F(FeastApiTest, EveryTypeHasItsForm) {
  two_payments();
  const HttpAnswer answer = online(
      R"({"features":["spending:precise","spending:raw","spending:tags","spending:paid_at"],"entities":{"user_id":[1001]},"full_feature_names":true})");
  EXPECT_THAT(answer.body,
              AllOf(HasSubstr(R"({"values":[0.1],)"), HasSubstr(R"({"values":["AP8="],)"), HasSubstr(R"({"values":[["a","b"]],)"),
                    HasSubstr(R"({"values":["2027-01-15T07:30:00Z"],)"),
                    HasSubstr(R"("feature_names":["user_id","spending__precise","spending__raw","spending__tags","spending__paid_at"])")));
}

// feast #6821, #1802, #4133
TEST_F(FeastApiTest, AValueOlderThanTheTtlIsOutsideMaxAgeAndOneOfJustThatAgeIsNot) {
  two_payments();
  const auto status = [&] { return online(R"({"features":["spending:amount"],"entities":{"user_id":[1001]}})").body; };
  clock_.set(*parse_timestamp("2027-01-15T08:30:00Z"));
  EXPECT_THAT(status(), HasSubstr(R"({"values":[0.7],"statuses":["PRESENT"],"event_timestamps":["2027-01-15T07:30:00Z"]})"));
  clock_.advance(1ns);
  EXPECT_THAT(status(), HasSubstr(R"({"values":[null],"statuses":["OUTSIDE_MAX_AGE"],"event_timestamps":["2027-01-15T07:30:00Z"]})"));
}

// feast's Redis store: an absent entity was PRESENT, null, 1970
TEST_F(FeastApiTest, AnAbsentEntityIsNotFoundAndAPresentNullIsNullValue) {
  pay(R"({"user_id":[1],"paid_at":["2027-01-15T08:00:00Z"]})");
  const HttpAnswer answer = online(R"({"features":["spending:amount"],"entities":{"user_id":[1,2]}})");
  EXPECT_THAT(answer.body, HasSubstr(R"({"values":[null,null],"statuses":["NULL_VALUE","NOT_FOUND"],)"
                                     R"("event_timestamps":["2027-01-15T08:00:00Z","1970-01-01T00:00:00Z"]})"));
}

// feast #3171, #4110, #5357
TEST_F(FeastApiTest, KeysAreCastToTheirDeclaredTypeWithoutLossOrRefused) {
  two_payments();
  EXPECT_THAT(online(R"({"features":["spending:amount"],"entities":{"user_id":[1001.0]}})").body,
              HasSubstr(R"({"values":[1001],"statuses":["PRESENT"])"));
  const HttpAnswer wide = online(R"({"features":["spending:amount"],"entities":{"user_id":[1001, 4294968297]}})");
  EXPECT_EQ(wide.status, 422);
  EXPECT_THAT(raised(wide).second, AllOf(HasSubstr("row 2"), HasSubstr("user_id"), HasSubstr("4294968297")));
  EXPECT_THAT(raised(online(R"({"features":["spending:amount"],"entities":{"user_id":["1001"]}})")).second,
              HasSubstr("write it without quotes"));
}

// feast #6488, #6603
TEST_F(FeastApiTest, PartOfACompositeKeyIsAnErrorAndNeverAnothersRow) {
  EXPECT_EQ(
      post("/push",
           R"({"push_source_name":"stock","df":{"region":["eu","eu"],"shop_id":[1,2],"left":[5,6],"at":["2027-01-15","2027-01-15"]}})")
          .status,
      200);
  EXPECT_THAT(
      online(R"({"features":["stocks:left"],"entities":{"shop_id":[2,1],"region":["eu","eu"]}})").body,
      AllOf(HasSubstr(R"({"values":[6,5],"statuses":["PRESENT","PRESENT"])"), HasSubstr(R"("feature_names":["shop_id","region","left"])")));
  const HttpAnswer part = online(R"({"features":["stocks:left"],"entities":{"region":["eu"]}})");
  EXPECT_EQ(part.status, 422);
  EXPECT_EQ(raised(part).first, "FeastError");
  EXPECT_THAT(raised(part).second, HasSubstr("Missing join key values for keys: ['shop_id']"));
}

// feast #5628
TEST_F(FeastApiTest, AViewWithoutEntityIsWrittenAndReadWithoutAKey) {
  two_payments();
  EXPECT_EQ(online(R"({"features":["total:payments"]})").body,
            R"({"results":[{"values":[2],"statuses":["PRESENT"],"event_timestamps":["2027-01-15T08:00:00.500Z"]}],)"
            R"("metadata":{"feature_names":["payments"]}})");
  EXPECT_THAT(online(R"({"features":["total:payments"],"entities":{"anything":[1,2,3]}})").body, HasSubstr(R"("values":[2,2,2])"))
      << "a row for each of the request's";
}

// feast #3165, #3911, #5727
TEST_F(FeastApiTest, OneNameInTwoViewsIsAnErrorUntilItIsToldApart) {
  two_payments();
  const HttpAnswer both = online(R"({"features":["spending:amount","total:amount"],"entities":{"user_id":[1001]}})");
  EXPECT_EQ(both.status, 422);
  EXPECT_THAT(raised(both).second, HasSubstr("full feature names"));
  EXPECT_THAT(online(R"({"features":["spending:amount","total:amount"],"entities":{"user_id":[1001]},"full_feature_names":true})").body,
              HasSubstr(R"(["user_id","spending__amount","total__amount"])"));
  EXPECT_THAT(raised(online(R"({"features":["amount"],"entities":{"user_id":[1001]}})")).second, HasSubstr("spending and of total"));
}

// feast #1693
TEST_F(FeastApiTest, TheSameEntityTwiceIsAnsweredTwiceAndNoneNotAtAll) {
  two_payments();
  EXPECT_THAT(online(R"({"features":["spending:amount"],"entities":{"user_id":[1001,1001,1001]}})").body,
              HasSubstr(R"({"values":[0.7,0.7,0.7],"statuses":["PRESENT","PRESENT","PRESENT"])"));
  EXPECT_THAT(online(R"({"features":["spending:amount"],"entities":{"user_id":[]}})").body,
              HasSubstr(R"({"values":[],"statuses":[],"event_timestamps":[]})"));
}

// feast #1904, #3400
TEST_F(FeastApiTest, AnIntegerInAFloatColumnIsTakenAndStaysInItsWidth) {
  pay(R"({"user_id":[1],"amount":[0],"precise":[16777217.0],"paid_at":["2027-01-15T08:00:00Z"]})");
  EXPECT_THAT(online(R"({"features":["spending:amount","spending:precise"],"entities":{"user_id":[1]}})").body,
              AllOf(HasSubstr(R"("values":[0.0])"), HasSubstr(R"("values":[16777216.0])")));
  const HttpAnswer lossy =
      post("/push", R"({"push_source_name":"payments","df":{"user_id":[1],"precise":[16777217],"paid_at":["2027-01-15"]}})");
  EXPECT_EQ(lossy.status, 422);
  EXPECT_THAT(raised(lossy).second, AllOf(HasSubstr("row 1"), HasSubstr("precise"), HasSubstr("16777217")));
}

// feast #1480, #2814, #6063, #4274
TEST_F(FeastApiTest, ColumnsOfNothingButNullsAreTypedAndANanIsInvalidAndNeverWritten) {
  pay(R"({"user_id":[1,2],"amount":[null,null],"note":[null,null],"paid_at":["2027-01-15T08:00:00Z","2027-01-15T08:00:00Z"]})");
  const HttpAnswer nulls = online(R"({"features":["spending:amount","spending:doubled"],"entities":{"user_id":[1,2]}})");
  EXPECT_THAT(nulls.body, Not(HasSubstr("NaN")));
  EXPECT_THAT(nulls.body, HasSubstr(R"("statuses":["NULL_VALUE","NULL_VALUE"])"));
  const HttpAnswer untimed = post("/push", R"({"push_source_name":"payments","df":{"user_id":[1],"paid_at":[null]}})");
  EXPECT_EQ(untimed.status, 422) << untimed.body;
  Arrival nan{.source = "payments"};
  nan.rows.push_back({Row{Value(std::int32_t{3}), Value(std::nan("")), {}, {}, {}, {}, {}, {}}, false});
  const auto& schema = engine_.project()->sources()[*engine_.project()->find_source("payments")].schema;
  Row row(schema.columns().size());
  row[*schema.find("user_id")] = Value(std::int32_t{3});
  row[*schema.find("amount")] = Value(std::nan(""));
  row[*schema.find("paid_at")] = Value(clock_.now());
  nan.rows[0].row = row;
  ASSERT_TRUE(static_cast<Engine&>(engine_).push(nan).ok());
  EXPECT_THAT(online(R"({"features":["spending:amount"],"entities":{"user_id":[3]}})").body,
              HasSubstr(R"({"values":[null],"statuses":["INVALID"])"));
}

TEST_F(FeastApiTest, WhatIsNotThereIs404AndNamesTheNearest) {
  const HttpAnswer view = online(R"({"features":["spendin:amount"],"entities":{"user_id":[1]}})");
  EXPECT_EQ(view.status, 404);
  EXPECT_EQ(raised(view).first, "FeatureViewNotFoundException");
  EXPECT_THAT(raised(view).second, HasSubstr("did you mean 'spending'?"));
  const HttpAnswer feature = online(R"({"features":["spending:amoun"],"entities":{"user_id":[1]}})");
  EXPECT_EQ(feature.status, 404);
  EXPECT_EQ(raised(feature).first, "FeastObjectNotFoundException");
  const HttpAnswer service = online(R"({"feature_service":"frau","entities":{"user_id":[1]}})");
  EXPECT_EQ(service.status, 404);
  EXPECT_EQ(raised(service).first, "FeatureServiceNotFoundException");
}

TEST_F(FeastApiTest, AServiceMayRenameAndFeaturesOnDemandTakeTheRequestsValues) {
  two_payments();
  const std::string expected = R"({"values":[false],"statuses":["PRESENT"],"event_timestamps":["2027-01-15T07:30:00Z"]})";
  const HttpAnswer inside = online(R"({"feature_service":"fraud","entities":{"user_id":[1001],"offered":[0.5]}})");
  EXPECT_THAT(inside.body, AllOf(HasSubstr(expected), HasSubstr(R"(["user_id","amount","offer","all_payments"])")))
      << "as Feast's Python server";
  EXPECT_THAT(
      online(R"({"feature_service":"fraud","features":["ignored"],"entities":{"user_id":[1001]},"request_context":{"offered":[0.5]}})")
          .body,
      HasSubstr(expected))
      << "as its Go server";
  const HttpAnswer lacking = online(R"({"feature_service":"fraud","entities":{"user_id":[1001]}})");
  EXPECT_EQ(lacking.status, 404);
  EXPECT_EQ(raised(lacking).first, "RequestDataNotFoundInEntityRowsException");
  EXPECT_THAT(raised(lacking).second, HasSubstr("['offered']"));
}

TEST_F(FeastApiTest, AgesAreTheirOwnColumnsWhereTheyAreAskedFor) {
  two_payments();
  EXPECT_THAT(online(R"({"features":["spending:amount"],"entities":{"user_id":[1002,7]},"include_age":true})").body,
              AllOf(HasSubstr(R"("ages":[0.5,null]})"), HasSubstr(R"("ages":[null,null]})")));
}

TEST_F(FeastApiTest, ADefinitionThatIsReplacedMeanwhileIsPlannedAgain) {
  two_payments();
  engine_.conflicts = 2;
  EXPECT_EQ(online(R"({"features":["spending:amount"],"entities":{"user_id":[1001]}})").status, 200);
  engine_.conflicts = 100;
  EXPECT_EQ(online(R"({"features":["spending:amount"],"entities":{"user_id":[1001]}})").status, 409);
}

TEST_F(FeastApiTest, BadBodiesAreToldWhereTheyAreBad) {
  const auto message = [&](const std::string& body) {
    const HttpAnswer answer = online(body);
    EXPECT_EQ(answer.status, 422) << body;
    return raised(answer).second;
  };
  EXPECT_THAT(message("{\"features\":"), HasSubstr("the body"));
  EXPECT_THAT(message("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(message(R"({"features":"spending:amount","entities":{}})"), HasSubstr("list of texts"));
  EXPECT_THAT(message(R"({"features":["spending:amount"],"entities":[1]})"), HasSubstr("\"entities\": it is an object"));
  EXPECT_THAT(message(R"({"features":["spending:amount"],"entities":{"user_id":1}})"), HasSubstr("with a value for each row"));
  EXPECT_THAT(message(R"({"features":["spending:amount"],"entities":{"user_id":[1],"x":[1,2]}})"),
              HasSubstr("has 2 values, and another column 1"));
  EXPECT_THAT(message(R"({"entities":{"user_id":[1]}})"), HasSubstr("ask for a service, or for features"));
  EXPECT_THAT(message(R"({"features":["spending:amount"],"entities":{"user_id":[1]},"full_feature_names":"yes"})"),
              HasSubstr("true or false"));
  options_.config.rows_most.value = 2;
  EXPECT_THAT(message(R"({"features":["spending:amount"],"entities":{"user_id":[1,2,3]}})"), HasSubstr("3 rows; ask for 2"));
}

TEST_F(FeastApiTest, APushOfAnUnknownSourceIs422AndNamesThoseThatAreThere) {
  const HttpAnswer unknown = post("/push", R"({"push_source_name":"payment","df":{}})");
  EXPECT_EQ(unknown.status, 422);
  EXPECT_EQ(raised(unknown).first, "PushSourceNotFoundException");
  EXPECT_THAT(raised(unknown).second, AllOf(HasSubstr("Unable to find push source 'payment'."), HasSubstr("payments, stock")));
  EXPECT_THAT(raised(post("/push", R"({"push_source_name":"files","df":{}})")).second, HasSubstr("It is a source of kind file."));
}

TEST_F(FeastApiTest, APushGoesOnlineAndOfflineAtOnceOrNotAtAll) {
  const std::string rows = R"("push_source_name":"stock","df":{"region":["eu"],"shop_id":[1],"left":[5],"at":["2027-01-15"]})";
  EXPECT_EQ(post("/push", "{" + rows + R"(,"to":"online_and_offline","allow_registry_cache":true})").status, 200);
  EXPECT_EQ(post("/push", "{" + rows + R"(,"to":"online"})").status, 200);
  EXPECT_THAT(raised(post("/push", "{" + rows + R"(,"to":"offline"})")).second, HasSubstr("push them once, to online_and_offline"));
  EXPECT_THAT(raised(post("/push", "{" + rows + R"(,"to":"both"})")).second, HasSubstr("not a supported push format"));
}

TEST_F(FeastApiTest, APushWithAKeyCountsOnce) {
  const auto push = [&](const std::string& key) {
    return ask("POST", "/push", R"({"push_source_name":"payments","df":{"user_id":[1],"paid_at":["2027-01-15T08:00:00Z"]}})",
               [&](HttpRequest& request) { request.idempotency_key = key; })
        .status;
  };
  EXPECT_EQ(push("a"), 200);
  EXPECT_EQ(push("a"), 200);
  EXPECT_EQ(push("b"), 200);
  EXPECT_THAT(online(R"({"features":["total:payments"]})").body, HasSubstr(R"("values":[2])"));
}

TEST_F(FeastApiTest, APushIsRefusedWithColumnRowAndMend) {
  const auto message = [&](const std::string& df) {
    const HttpAnswer answer = post("/push", R"({"push_source_name":"payments","df":)" + df + "}");
    EXPECT_EQ(answer.status, 422) << df;
    return raised(answer).second;
  };
  EXPECT_THAT(message(R"({"user_ids":[1]})"), HasSubstr("user_id"));
  EXPECT_THAT(message(R"({"user_id":[1,2],"amount":[1]})"), HasSubstr("amount"));
  EXPECT_THAT(message(R"([{"user_id":1}])"), HasSubstr("not an object"));
  EXPECT_THAT(message(R"({"user_id":[1],"paid_at":["yesterday"]})"), HasSubstr("row 1"));
  EXPECT_THAT(raised(post("/push", R"({"push_source_name":"payments"})")).second, HasSubstr("\"df\""));
}

TEST_F(FeastApiTest, AServerThatIsFullOrBrokenSaysWhatToDo) {
  engine_.refuse_pushes = Error(Code::kExhausted, "too much waits");
  const std::string push = R"({"push_source_name":"payments","df":{"user_id":[1],"paid_at":["2027-01-15"]}})";
  HttpAnswer answer = post("/push", push);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.retry_after, 1);
  engine_.refuse_pushes = unavailable("the disk is gone");
  EXPECT_EQ(post("/push", push).status, 503);
}

// feast #5549, #6595, featureform #423: Feast's clients call these columns so, whatever the source calls them
TEST_F(FeastApiTest, WhatIsWrittenToAViewHasTheTimesNamesOfFeastOrOfTheSource) {
  EXPECT_EQ(post("/write-to-online-store", R"({"feature_view_name":"spending","df":{"user_id":[1],"amount":[2.5],
      "event_timestamp":["2027-01-15T08:00:00"],"created":["2027-01-15T08:00:00.25"]},"allow_registry_cache":false})")
                .body,
            "null");
  EXPECT_EQ(post("/write-to-online-store", R"({"feature_view_name":"stocks","df":{"region":["eu"],"shop_id":[1],"left":[5],
      "at":[1799999999],"created":[null]}})")
                .status,
            200)
      << "seconds since 1970, as Feast's clients send times";
  EXPECT_THAT(online(R"({"features":["stocks:left"],"entities":{"region":["eu"],"shop_id":[1]}})").body,
              HasSubstr(R"("event_timestamps":["2027-01-15T07:59:59Z"])"));
  EXPECT_THAT(online(R"({"features":["spending:amount"],"entities":{"user_id":[1]}})").body,
              HasSubstr(R"({"values":[2.5],"statuses":["PRESENT"],"event_timestamps":["2027-01-15T08:00:00Z"]})"));
  const HttpAnswer unknown = post("/write-to-online-store", R"({"feature_view_name":"x","df":{}})");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(raised(unknown).first, "FeatureViewNotFoundException");
  EXPECT_THAT(raised(post("/write-to-online-store", R"({"feature_view_name":"ranks","df":{}})")).second, HasSubstr("has no push source"));
  EXPECT_THAT(raised(post("/write-to-online-store",
                          R"({"feature_view_name":"spending","df":{"paid_at":["2027-01-15"],"event_timestamp":["2027-01-15"]}})"))
                  .second,
              HasSubstr("there twice"));
}

TEST_F(FeastApiTest, MaterializeHasNothingToDoForWhatIsPushedAndReadsFilesOtherwise) {
  EXPECT_EQ(post("/materialize-incremental", R"({"end_ts":"2027-01-15T08:00:00","feature_views":["spending"]})").body, "null");
  const std::string all = R"({"start_ts":"2027-01-01T00:00:00","end_ts":"2027-01-15T08:00:00"})";
  EXPECT_EQ(post("/materialize", all).status, 503) << "nobody reads files";
  EXPECT_THAT(raised(post("/materialize", all)).second, HasSubstr("source 'files' is of kind file"));
  EXPECT_EQ(post("/materialize", R"({"feature_views":["nothing"],"disable_event_timestamp":true})").status, 404);
  EXPECT_EQ(post("/materialize", R"({"start_ts":"2027-01-01"})").status, 422);
  EXPECT_EQ(post("/materialize", R"({"start_ts":"2027-01-02","end_ts":"2027-01-01"})").status, 422);
  EXPECT_EQ(post("/materialize-incremental", "{}").status, 422);

  std::vector<std::string> asked;
  std::atomic<bool> hold = true;
  std::atomic<int> begun = 0;
  options_.materialize = [&](const MaterializeRequest& request) -> Status {
    asked = request.views;
    ++begun;
    while (hold) std::this_thread::sleep_for(1ms);
    return {};
  };
  std::atomic<int> first = 0;
  HttpRequest request{.method = "POST", .path = "/materialize", .body = R"({"feature_views":["ranks"],"disable_event_timestamp":true})"};
  api().handle(request, [&](const HttpAnswer& answer) { first = answer.status; });
  while (begun == 0) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(post("/materialize", request.body).status, 409) << "one at a time";
  hold = false;
  while (first == 0) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(first, 200);
  EXPECT_THAT(asked, testing::ElementsAre("ranks"));
  EXPECT_EQ(post("/materialize", request.body).body, "null");
  EXPECT_EQ(begun, 2);
  EXPECT_EQ(post("/materialize", R"({"feature_views":["devices"],"disable_event_timestamp":true})").body, "null");
  EXPECT_EQ(begun, 2) << "a stream is read as it comes";
}

TEST_F(FeastApiTest, ADefinitionIsAppliedAndToldInItsCanonicalForm) {
  FakeEngine empty(clock_, "");
  std::atomic<int> applied = 0;
  options_.applied = [&] { ++applied; };
  api_ = std::make_unique<FeastApi>(empty, options_, clock_, metrics_, log_);
  EXPECT_EQ(ask("GET", "/definition", "").status, 404);
  const HttpAnswer plan = post("/apply?file=shop.yaml", std::string(kShop));
  EXPECT_EQ(plan.status, 200) << plan.body;
  EXPECT_THAT(plan.body, HasSubstr("\"changes\""));
  const HttpAnswer told = ask("GET", "/definition", "");
  EXPECT_EQ(told.content_type, "application/yaml");
  EXPECT_THAT(post("/apply", told.body).body, HasSubstr("\"changes\":[]"));
  EXPECT_EQ(ask("GET", "/health", "").status, 200);
  EXPECT_EQ(applied, 2);
  const HttpAnswer wrong = post("/apply?file=shop.yaml", "project: shop\nviews: {a: {source: nothing}}");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_THAT(raised(wrong).second, HasSubstr("shop.yaml:2:"));
  empty.hold_apply = true;
  std::atomic<int> first = 0;
  api_->handle({.method = "POST", .path = "/apply", .body = std::string(kShop)}, [&](const HttpAnswer& answer) { first = answer.status; });
  EXPECT_EQ(post("/apply", std::string(kShop)).status, 409) << "one at a time";
  empty.hold_apply = false;
  while (first == 0) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(first, 200);
  api_.reset();
}

TEST_F(FeastApiTest, FeedbackTakesAnErrorOrALabelOfAKeyInAnyForm) {
  EXPECT_EQ(post("/feedback", R"({"view":"spending","key":{"user_id":7},"error":0.25})").status, 200);
  EXPECT_EQ(post("/feedback", R"([{"view":"spending","key":7,"feature":"outlook","label":3,"prediction":[2.5,1]},
                                 {"view":"stocks","key":["eu",1],"error":1}])")
                .status,
            200);
  ASSERT_EQ(engine_.reports.size(), 3U);
  EXPECT_EQ(engine_.reports[0].key, Row{Value(std::int32_t{7})});
  EXPECT_EQ(engine_.reports[0].error, 0.25);
  EXPECT_EQ(engine_.reports[1].feature, "outlook");
  EXPECT_EQ(engine_.reports[1].label, Value(3.0));
  EXPECT_EQ(engine_.reports[1].prediction, Value(List(std::vector<double>{2.5, 1})));
  EXPECT_EQ(engine_.reports[2].key, (Row{Value("eu"), Value(std::int64_t{1})}));
  EXPECT_EQ(post("/feedback", R"({"view":"x","key":7,"error":1})").status, 404);
  EXPECT_THAT(raised(post("/feedback", R"({"view":"stocks","key":"eu","error":1})")).second, HasSubstr("'region'"));
  EXPECT_THAT(raised(post("/feedback", R"([{"view":"spending","key":7}])")).second, AllOf(HasSubstr("report 1"), HasSubstr("either")));
}

TEST_F(FeastApiTest, ExplainSaysWhyOfAKeyAsText) {
  const HttpAnswer answer = ask("GET", "/explain?view=stocks&key=eu%5C%3Awest:7", "");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.body, AllOf(HasSubstr(R"("pending":3)"), HasSubstr(R"("rank":2)"), HasSubstr(R"(\"eu:west\" of stocks waits.)")));
  EXPECT_EQ(ask("GET", "/explain?view=stocks&key=eu", "").status, 422);
  EXPECT_EQ(ask("GET", "/explain?key=eu", "").status, 422);
  EXPECT_EQ(ask("GET", "/explain?view=x&key=eu", "").status, 404);
}

TEST_F(FeastApiTest, HealthStatusAndMetricsAreWhatMonitorsRead) {
  EXPECT_EQ(ask("GET", "/health", "").body, "");
  EXPECT_EQ(ask("HEAD", "/health", "").status, 200);
  EXPECT_THAT(ask("GET", "/status", "").body,
              AllOf(HasSubstr(R"({"definition_version":7,)"), HasSubstr(R"({"source":"payments","events":5,)"),
                    HasSubstr(R"("newest":"2027-01-15T07:59:59Z","last_seen":null})")));
  boost::json::parse(ask("GET", "/status", "").body);
  const HttpAnswer metrics = ask("GET", "/metrics", "");
  EXPECT_THAT(metrics.content_type, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(metrics.body, AllOf(HasSubstr("isobar_features_source_events_total{source=\"payments\"} 5\n"),
                                  HasSubstr("isobar_features_source_age_seconds{source=\"payments\"} 2\n"),
                                  HasSubstr("isobar_features_http_request_seconds_count{route=\"/health\"} 2\n"),
                                  HasSubstr("isobar_features_http_request_seconds_bucket{route=\"/health\",le=\"+Inf\"} 2\n")));
}

TEST_F(FeastApiTest, DriftIsMeasuredAnewOfTheViewsThatAreSaidOrOfAll) {
  EXPECT_EQ(ask("POST", "/restart-drift", R"({"views": ["stocks", "total"]})").body, "null");
  EXPECT_THAT(engine_.restarted, ElementsAre("stocks", "total"));
  EXPECT_EQ(ask("POST", "/restart-drift", "{}").body, "null");
  EXPECT_EQ(engine_.restarted.size(), 2 + engine_.project()->views().size());
  EXPECT_EQ(ask("POST", "/restart-drift", R"({"views": ["stock"]})").status, 404);
}

TEST_F(FeastApiTest, AServerWithoutADefinitionSaysSo) {
  FakeEngine empty(clock_, "");
  FeastApi api(empty, options_, clock_, metrics_, log_);
  const auto status = [&](std::string method, std::string path, std::string body) {
    int answered = 0;
    api.handle({.method = std::move(method), .path = std::move(path), .body = std::move(body)},
               [&](const HttpAnswer& answer) { answered = answer.status; });
    return answered;
  };
  EXPECT_EQ(status("GET", "/health", ""), 503);
  EXPECT_EQ(status("POST", "/get-online-features", R"({"features":["a:b"]})"), 404);
  EXPECT_EQ(status("POST", "/push", R"({"push_source_name":"a","df":{}})"), 503);
  EXPECT_EQ(status("POST", "/feedback", R"({"view":"a","error":1})"), 503);
}

TEST_F(FeastApiTest, PagesStandWhereNoRouteDoesAndReadersTellHowFarTheyAre) {
  options_.pages = [](std::string_view path) { return path == "/" ? std::optional(Page{"text/html", "<p>"}) : std::nullopt; };
  options_.progress = [] { return std::vector<ReadingProgress>{{"files", "file", true, 2, "no \"such\" file"}}; };
  EXPECT_EQ(ask("GET", "/", "").body, "<p>");
  EXPECT_EQ(ask("GET", "/", "").content_type, "text/html");
  EXPECT_EQ(ask("POST", "/", "").status, 404);
  EXPECT_EQ(ask("GET", "/other", "").status, 404);
  EXPECT_THAT(ask("GET", "/status", "").body,
              HasSubstr(R"("reading":[{"source":"files","kind":"file","at_end":true,"refused":2,"problem":"no \"such\" file"}])"));
  EXPECT_THAT(ask("GET", "/metrics", "").body, AllOf(HasSubstr("isobar_features_reader_refused_total{source=\"files\"} 2\n"),
                                                     HasSubstr("isobar_features_reader_blocked{source=\"files\"} 1\n")));
}

TEST_F(FeastApiTest, AnotherMethodOrPathIsToldWhichItWouldBe) {
  EXPECT_EQ(post("/get-online-feature", "").status, 404);
  const HttpAnswer wrong = ask("GET", "/push", "");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.allow, "POST");
}

TEST_F(FeastApiTest, WithATokenAllButHealthNeedsIt) {
  options_.token = "secret";
  EXPECT_EQ(ask("GET", "/health", "").status, 200);
  const auto status = [&](const std::string& header) {
    return ask("GET", "/status", "", [&](HttpRequest& request) { request.authorization = header; });
  };
  EXPECT_EQ(status("").status, 401);
  EXPECT_EQ(status("").authenticate, "Bearer");
  EXPECT_EQ(status("Bearer secre").status, 401);
  EXPECT_EQ(status("Basic secret").status, 401);
  EXPECT_EQ(status("Bearer secret").status, 200);
  EXPECT_EQ(post("/nothing", "").status, 401) << "nor is it told what there is";
}

}  // namespace
}  // namespace isobar::features
