// Lambda's documents as its API reference shows them.

#include "answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "requests.h"

namespace isobar::cloud::lambda {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

TEST(LambdaAnswers, AMachineIsReadWithItsMark) {
  const auto machines = parse_instances(R"({"data":[{"id":"0920582c7ff041399e34823a0be62549","name":"train-1","ip":"198.51.100.2",
    "private_ip":"10.0.2.100","status":"active","ssh_key_names":["isobar-1a2b3c4d"],"file_system_names":[],
    "region":{"name":"us-west-1","description":"California, USA"},"instance_type":{"name":"gpu_1x_a10"},"hostname":"h","is_reserved":false,
    "tags":[{"key":"isobar-cluster","value":"train"},{"key":"isobar-rank","value":"1"},{"key":"isobar-nodes","value":"2"},
            {"key":"isobar-owner","value":"ada"},{"key":"isobar-vcpus","value":"30"},{"key":"isobar-gpus","value":"1"}]},
    {"id":"m2","status":"booting","tags":null}]})");
  ASSERT_TRUE(machines.ok()) << machines.error().message();
  ASSERT_EQ(machines->size(), 2U);
  const auto& machine = machines->front();
  EXPECT_EQ(machine.state, InstanceState::kRunning);
  EXPECT_EQ(machine.region, "us-west-1");
  EXPECT_EQ(machine.mark.rank, 1);
  EXPECT_EQ(machine.mark.vcpus, 30);
  EXPECT_EQ(machines->back().state, InstanceState::kPending);
  EXPECT_EQ(machines->back().mark.rank, -1);
}

TEST(LambdaAnswers, WhatIsNoSuchDocumentIsRefused) {
  for (const char* text : {"", "[]", "{}", "null", R"({"data":[{"status":"active"}]})", R"({"data":[7]})"})
    EXPECT_EQ(parse_instances(text).error().code(), Code::kDataLoss) << text;
  for (const char* text : {"", "{}", R"({"data":{"instance_ids":[]}})", R"({"data":{"instance_ids":[""]}})"})
    EXPECT_EQ(parse_launch(text).error().code(), Code::kDataLoss) << text;
}

TEST(LambdaAnswers, RoomIsReadByTypeAndRegion) {
  const auto room = parse_capacity(R"({"data":{"gpu_8x_a100":{"instance_type":{"name":"gpu_8x_a100"},
    "regions_with_capacity_available":[{"name":"us-east-1","description":"x"}]},"gpu_1x_gh200":{}}})");
  ASSERT_TRUE(room.ok());
  EXPECT_THAT(*room, ElementsAre(Pair("gpu_1x_gh200", testing::IsEmpty()), Pair("gpu_8x_a100", ElementsAre("us-east-1"))));
}

TEST(LambdaAnswers, ARefusalKeepsItsCodeAndSuggestion) {
  const auto refusal = parse_refusal(400, R"({"error":{"code":"instance-operations/launch/insufficient-capacity",
    "message":"Not enough capacity to fulfill launch request.","suggestion":"Choose another\u0007 region."}})");
  const auto told = refused_by(refusal, "Lambda Cloud", {}, "launch node 0 of train");
  EXPECT_EQ(told.provider_code, "instance-operations/launch/insufficient-capacity");
  EXPECT_EQ(told.message(),
            "launch node 0 of train: Lambda Cloud answered 400 instance-operations/launch/insufficient-capacity: Not enough capacity to "
            "fulfill launch request. (Choose another  region.)");
  EXPECT_EQ(refused_by(parse_refusal(502, "<html>"), "Lambda Cloud", {}, "look").provider_code, "Http502");
}

TEST(LambdaKeyFile, IsReadWithoutEverBeingQuoted) {
  EXPECT_EQ(parse_key_file("other = x\n api_key=secret_k.v \r\n").value(), "secret_k.v");
  for (const char* text : {"", "api_key =", "apikey = x", "api_key = a b", "x\napi_key: y"}) {
    const auto none = parse_key_file(text);
    EXPECT_THAT(none.error().message(), HasSubstr("api_key = KEY")) << text;
  }
}

}  // namespace
}  // namespace isobar::cloud::lambda
