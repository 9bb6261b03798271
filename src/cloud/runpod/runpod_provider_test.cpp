#include "cloud/runpod_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <mutex>

#include "cloud/machine_user.h"
#include "pods.h"

namespace isobar::cloud::runpod {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// RunPod by its documentation.
class FakeRunPod final : public net::HttpTransport {
 public:
  struct Pod {
    std::string id, status = "RUNNING", change = "Rented by User";
    boost::json::object order;
    int looks = 0;
  };
  std::vector<Pod> pods;
  std::vector<std::string> asked;
  std::string refusal;  ///< of the next creation, in RunPod's words
  int answers_lost_of_create = 0, looks_until_reachable = 1, requests_until_dead = 1 << 30, status_of_all = 200;

  void start(net::HttpRequest request, net::HttpDone done) override {
    Result<net::HttpResponse> response = unavailable("the connection broke");
    {
      const std::scoped_lock lock(mutex_);
      if (requests_until_dead-- > 0) response = answer(request);
    }
    done(std::move(response));
  }

 private:
  static net::HttpResponse reply(const boost::json::value& body, int status = 200) {
    net::HttpResponse response;
    response.status = status;
    response.body = boost::json::serialize(body);
    return response;
  }
  static boost::json::object told(Pod& pod, int looks_until_reachable) {
    boost::json::object told{{"id", pod.id},
                             {"desiredStatus", pod.status},
                             {"lastStatusChange", pod.change},
                             {"env", pod.order.at("env")},
                             {"interruptible", pod.order.at("interruptible")},
                             {"machine", {{"dataCenterId", "US-TX-3"}}},
                             {"publicIp", nullptr},
                             {"portMappings", nullptr}};
    if (pod.status == "RUNNING" && ++pod.looks > looks_until_reachable) {
      told["publicIp"] = "192.0.2.9";
      boost::json::object mappings{{"22", 10341}};
      for (const auto& port : pod.order.at("ports").as_array())
        if (port.as_string() != "22/tcp") mappings[std::string(port.as_string()).substr(0, port.as_string().find('/'))] = 20000;
      told["portMappings"] = mappings;
    }
    return told;
  }
  Result<net::HttpResponse> answer(const net::HttpRequest& request) {
    const std::string path = request.url.target;
    asked.push_back(request.method + " " + path);
    if (status_of_all != 200) return reply({{"error", "no"}}, status_of_all);
    if (path == "/v1/pods" && request.method == "GET") {
      boost::json::array all;
      for (auto& pod : pods) all.push_back(told(pod, looks_until_reachable));
      return reply(all);
    }
    if (path == "/v1/pods") {
      if (!refusal.empty()) return reply({{"error", "create pod: " + std::exchange(refusal, "")}}, 500);
      pods.push_back({.id = "pod" + std::to_string(pods.size()), .order = boost::json::parse(request.owned_body).as_object()});
      if (answers_lost_of_create-- > 0) return unavailable("the connection broke");
      return reply(told(pods.back(), 1 << 20), 201);
    }
    for (auto pod = pods.begin(); pod != pods.end(); ++pod) {
      if (!path.starts_with("/v1/pods/" + pod->id)) continue;
      if (request.method == "DELETE") {
        pods.erase(pod);
        return reply(boost::json::object());
      }
      pod->status = path.ends_with("/stop") ? "EXITED" : "RUNNING";
      pod->change = "Exited by User";
      return reply(told(*pod, 1 << 20));
    }
    return reply({{"detail", "pod not found"}, {"status", 404}}, 404);
  }
  std::mutex mutex_;
};

CreateOrder an_order() {
  CreateOrder order{.cluster = "train", .token = "tok1"};
  order.offer = {.cloud = "runpod", .region = "US", .zone = "US-TX-3", .instance_type = "2x_A100-80GB_SECURE", .vcpus = 16};
  order.offer.accelerator_count = 2;
  order.disk_gb = 100;
  return order;
}

class RunPod : public testing::Test {
 protected:
  RunPodProvider provider(FakeRunPod& world, std::map<std::string, std::string> variables = {{"RUNPOD_API_KEY", "SECRET"}}) {
    return RunPodProvider({.home = home.path(),
                           .owner = "ada",
                           .clock = clock,
                           .log = log,
                           .setup = setup,
                           .sleep = [this](Duration span) { clock.advance(span); }},
                          surroundings_with(variables), world);
  }
  CloudError refused(const CreateOrder& order = an_order()) {
    auto outcome = provider(runpod).create(order, 5min);
    EXPECT_TRUE(outcome.failure);
    return outcome.failure.value_or(CloudError{unavailable("nothing was refused"), "", {}});
  }

  ScratchHome home{ScratchHome::Holds::kKey};
  FakeRunPod runpod;
  PausedClock clock;
  Log log;
  RecordingSetup setup;
};

TEST_F(RunPod, APodHasThePortsThatItWasMadeWithAtOthersOfItsAddress) {
  FakeRunPod world;
  auto cloud = provider(world);
  auto order = an_order();
  order.ports = {{8080, 8080}};
  const auto made = cloud.create(order, 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  ASSERT_TRUE(cloud.open_ports("train", {{8080, 8080}}, 5min).ok());
  const auto endpoints = cloud.endpoints("train", {{8080, 8080}}, 5min).value();
  EXPECT_EQ(endpoints.at(0).host, "192.0.2.9");
  EXPECT_EQ(endpoints.at(0).outer_port, 20000);
  const auto more = cloud.open_ports("train", {{8080, 8081}}, 5min);
  EXPECT_EQ(more.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(more.error().message(), testing::HasSubstr("ports that it was made with"));
}

TEST_F(RunPod, APodIsMadeWithItsMarkAndReachedWhereItsPortLeads) {
  const auto made = provider(runpod).create(an_order(), 5min);
  ASSERT_FALSE(made.failure) << made.failure->error.message();
  ASSERT_THAT(runpod.pods, SizeIs(1));
  const auto& order = runpod.pods[0].order;
  EXPECT_EQ(boost::json::serialize(order.at("gpuTypeIds")), R"(["NVIDIA A100 80GB PCIe"])");
  EXPECT_EQ(order.at("gpuCount").as_int64(), 2);
  EXPECT_EQ(boost::json::serialize(order.at("dataCenterIds")), R"(["US-TX-3"])");
  EXPECT_EQ(order.at("volumeMountPath").as_string(), "/root");
  EXPECT_EQ(order.at("env").as_object().at("ISOBAR_MARK_CLUSTER").as_string(), "train");
  EXPECT_EQ(made.instances[0].ssh.host, "192.0.2.9");
  EXPECT_EQ(made.instances[0].ssh.port, 10341);
  EXPECT_EQ(made.instances[0].ssh.user, "root");
  EXPECT_EQ(setup.orders.at(0).nodes[0].ssh.port, 10341);
}

TEST_F(RunPod, AWantOfCapacityIsToldThoughItComesAsAServersError) {
  runpod.refusal = "There are no longer any instances available with the requested specifications.";
  const auto failure = refused();
  EXPECT_EQ(failure.provider_code, "NO_CAPACITY");
  EXPECT_EQ(failure.scope.zone, "US-TX-3");
  EXPECT_THAT(runpod.pods, IsEmpty());
  runpod.refusal = "Your account balance is too low to rent this pod.";
  EXPECT_FALSE(refused().scope.region);
}

TEST_F(RunPod, APodWhoseAnswerWasLostIsNotMadeTwice) {
  runpod.answers_lost_of_create = 1;
  ASSERT_FALSE(provider(runpod).create(an_order(), 5min).failure);
  EXPECT_THAT(runpod.pods, SizeIs(1));
}

TEST_F(RunPod, StopsAndStarts) {
  auto pods = provider(runpod);
  ASSERT_FALSE(pods.create(an_order(), 5min).failure);
  EXPECT_FALSE(pods.ends_by_itself());
  ASSERT_TRUE(pods.stop("train", 5min).ok());
  EXPECT_EQ(pods.list("train").value()[0].state, InstanceState::kStopped);
  EXPECT_EQ(pods.list("train").value()[0].problem, "");
  EXPECT_TRUE(pods.start("train", 5min).ok());
  ASSERT_TRUE(pods.terminate("train", 5min).ok());
  EXPECT_THAT(runpod.pods, IsEmpty());
  EXPECT_TRUE(pods.terminate("train", 5min).ok());
}

TEST_F(RunPod, APreemptedPodIsToldFromOneThatWasStopped) {
  auto pods = provider(runpod);
  auto order = an_order();
  order.use_spot = true;
  ASSERT_FALSE(pods.create(order, 5min).failure);
  EXPECT_EQ(pods.stop("train", 5min).error().code(), Code::kInvalidArgument);
  runpod.pods[0].status = "EXITED";
  runpod.pods[0].change = "Exited by Runpod: outbid";
  EXPECT_THAT(pods.list("train").value().at(0).problem, HasSubstr("preempted"));
  ASSERT_TRUE(pods.terminate("train", 5min).ok());
  EXPECT_THAT(runpod.pods, IsEmpty());
}

TEST_F(RunPod, WhatAnotherOwnerMadeIsNeverTouched) {
  ASSERT_FALSE(provider(runpod).create(an_order(), 5min).failure);
  runpod.pods[0].order.at("env").as_object()["ISOBAR_MARK_OWNER"] = "grace";
  ASSERT_TRUE(provider(runpod).terminate("train", 5min).ok());
  EXPECT_THAT(runpod.pods, SizeIs(1));
}

TEST_F(RunPod, DiesAfterEveryRequestAndIsCleanedUp) {
  for (int lives = 0;; ++lives) {
    ASSERT_LT(lives, 50);
    FakeRunPod world;
    world.requests_until_dead = lives;
    const bool made = !provider(world).create(an_order(), 5min).failure;
    const bool died = world.requests_until_dead < 0;
    world.requests_until_dead = 1 << 30;
    ASSERT_TRUE(provider(world).terminate("train", 5min).ok()) << lives;
    EXPECT_THAT(world.pods, IsEmpty()) << lives;
    EXPECT_NE(made, died) << lives;
    if (!died) break;
  }
}

TEST_F(RunPod, CheckNamesTheMendAndNeverASecret) {
  EXPECT_TRUE(provider(runpod).check().ok());
  EXPECT_THAT(provider(runpod).facts().at(0), HasSubstr("has 0 pods"));
  runpod.status_of_all = 401;
  EXPECT_THAT(provider(runpod).check().error().message(), testing::AllOf(HasSubstr("runpod config"), Not(HasSubstr("SECRET"))));
  EXPECT_FALSE(refused().scope.region);
  EXPECT_THAT(provider(runpod, {}).check().error().message(), HasSubstr("RUNPOD_API_KEY"));
}

TEST_F(RunPod, OrdersThatItDoesNotTakeAreRefusedBeforeAnythingIsSent) {
  auto order = an_order();
  order.count = 2;
  const auto failure = refused(order);
  EXPECT_THAT(failure.error.message(), HasSubstr("do not reach one another"));
  EXPECT_FALSE(failure.scope.region);  // No other region would do better.
  order = an_order();
  order.image = "docker:a b";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("is no image"));
  order = an_order();
  order.offer.instance_type = "2x_Abacus_SECURE";
  EXPECT_THAT(refused(order).error.message(), HasSubstr("Abacus"));
  EXPECT_THAT(runpod.asked, IsEmpty());
}

TEST(PodTypes, AreReadAsTheCatalogWritesThem) {
  EXPECT_EQ(parse_type("8x_H100_SECURE")->gpu_count, 8U);
  EXPECT_EQ(parse_type("1x_A100-80GB-SXM_COMMUNITY")->gpu_id, "NVIDIA A100-SXM4-80GB");
  for (const char* type :
       {"", "x_A40_SECURE", "0x_A40_SECURE", "99999999999999999999x_A40_SECURE", "1x_A40", "1x_A40_PUBLIC", "1x__SECURE"})
    EXPECT_EQ(parse_type(type).error().code(), Code::kInvalidArgument) << type;
}

TEST(RunPodConfig, TheKeyIsThatOfTheDefaultProfile) {
  EXPECT_EQ(parse_config("[other]\napi_key = \"no\"\n[default]\napi_key = \"rpa_1\"\n").value(), "rpa_1");
  EXPECT_EQ(parse_config("apikey = 'old'\n").value(), "old");
  for (const char* text : {"", "[default]\n", "[other]\napi_key = \"x\"", "[default]\napi_key = x", "[default]\napi_key = \"a b\""})
    EXPECT_THAT(parse_config(text).error().message(), HasSubstr("runpod config")) << text;
}

TEST(RunPodAnswers, RefusalsAreReadInEveryForm) {
  EXPECT_EQ(parse_refusal(400, R"({"detail":"There are no instances currently available.","title":"Bad Request"})").code, "NO_CAPACITY");
  EXPECT_EQ(parse_refusal(404, "not json").code, "NOT_FOUND");
  EXPECT_EQ(parse_refusal(500, R"({"error":"boom"})").code, "");
  EXPECT_FALSE(parse_pods("{}").ok());
  EXPECT_FALSE(parse_pods(R"([{"id":"../x"}])").ok());
}

}  // namespace
}  // namespace isobar::cloud::runpod
