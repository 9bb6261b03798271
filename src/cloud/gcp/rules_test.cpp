// The pure rules of a launch on Compute Engine, and its documents as the API reference shows them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "answers.h"
#include "cloud/json_fields.h"
#include "gcp_refusals.h"
#include "launch_rules.h"
#include "project.h"
#include "requests.h"

namespace isobar::cloud::gcp {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

TEST(GcpRules, DisksFollowTheFamily) {
  for (const char* type : {"n1-standard-4", "e2-micro", "a2-highgpu-1g", "g2-standard-4", "a3-highgpu-8g", "c3-standard-4"})
    EXPECT_EQ(disk_type_of(type), "pd-balanced") << type;
  for (const char* type : {"c4-standard-4", "n4-standard-4", "a3-ultragpu-8g", "a4-highgpu-8g"})
    EXPECT_EQ(disk_type_of(type), "hyperdisk-balanced") << type;
}

TEST(GcpRules, GpusAreAttachedToN1Alone) {
  EXPECT_EQ(attached_gpu({.instance_type = "n1-standard-8", .accelerator = "V100"}), "nvidia-tesla-v100");
  EXPECT_EQ(attached_gpu({.instance_type = "a2-highgpu-1g", .accelerator = "A100"}), "");
  EXPECT_EQ(attached_gpu({.instance_type = "n1-standard-8"}), "");
}

TEST(GcpRules, ImagesAreNamedOnlyAsTheyCanBeAskedFor) {
  EXPECT_EQ(image_candidates("projects/my-proj/global/images/family/mine", {})->at(0), "projects/my-proj/global/images/family/mine");
  EXPECT_EQ(image_candidates("debian-12", {.architecture = "arm64"})->at(0), "projects/debian-cloud/global/images/family/debian-12-arm64");
  EXPECT_FALSE(image_candidates("gpu-ubuntu-22.04", {.architecture = "arm64"}).ok());
  for (const char* name : {"projects/a/global/images/b?c", "projects/a/global/images/../x/y", "projects//global/images/b", "docker:x"})
    EXPECT_EQ(image_candidates(name, {}).error().code(), Code::kInvalidArgument) << name;
}

TEST(GcpRules, NamesAreWithinGooglesBounds) {
  std::string lengthy(200, 'X');
  lengthy += "é";
  const std::string name = machine_name(lengthy, "ada", "tok", 999);
  EXPECT_LE(name.size(), 63U);
  EXPECT_THAT(name, MatchesRegex("[a-z]([-a-z0-9]*[a-z0-9])?"));
  EXPECT_NE(machine_name("c", "ada", "tok", 0), machine_name("c", "bob", "tok", 0));
  EXPECT_NE(machine_name("c", "ada", "tok", 0), machine_name("c", "ada", "tok2", 0));
  EXPECT_THAT(request_id("x"), MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
}

TEST(GcpProject, IsReadFromGcloudsConfiguration) {
  EXPECT_EQ(project_in_config("[compute]\nproject = no\n[core]\naccount = a@b\nproject = my-proj\n"), "my-proj");
  EXPECT_EQ(project_in_config("project = no\n"), "");
  EXPECT_EQ(project_in_config("[core]\nproject = a/../b\n"), "");
}

TEST(GcpAnswers, AnOperationThatFailedKeepsItsCode) {
  const auto operation = parse_operation(R"({"kind":"compute#operation","name":"operation-1","zone":
    "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a","status":"DONE","httpErrorStatusCode":503,
    "error":{"errors":[{"code":"ZONE_RESOURCE_POOL_EXHAUSTED","message":"The zone 'projects/p/zones/us-central1-a' does not have enough
    resources available to fulfill the request."}]}})");
  EXPECT_FALSE(operation.ok());  // A line break within text is none of JSON.
  const auto good = parse_operation(
      R"({"name":"operation-1","zone":"https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a","status":"DONE",
          "httpErrorStatusCode":503,"error":{"errors":[{"code":"ZONE_RESOURCE_POOL_EXHAUSTED","message":"No room."}]}})");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->zone, "us-central1-a");
  ASSERT_TRUE(good->failure);
  EXPECT_EQ(good->failure->code, "ZONE_RESOURCE_POOL_EXHAUSTED");
  for (const char* text : {"", "[]", "{}", R"({"name":"a/b"})", R"({"name":"a","zone":"x/y?z"})"})
    EXPECT_EQ(parse_operation(text).error().code(), Code::kDataLoss) << text;
}

TEST(GcpAnswers, RefusedRequestsAreNamedAsTheFailoverTableDoes) {
  const auto code = [](const std::string& reason, const std::string& message = "no") {
    return parse_refusal(403, R"({"error":{"code":403,"message":")" + message + R"(","errors":[{"reason":")" + reason + R"("}]}})").code;
  };
  EXPECT_EQ(code("quotaExceeded"), "QUOTA_EXCEEDED");
  EXPECT_EQ(code("quotaExceeded", "Quota 'GPUS_ALL_REGIONS' exceeded."), "QUOTA_EXCEEDED: GPUS_ALL_REGIONS");
  EXPECT_EQ(code("invalid", "Requested disk size cannot be smaller than the image size (50 GB)"), "DISK_SMALLER_THAN_IMAGE");
  EXPECT_EQ(code("somethingNew"), "somethingNew");
  EXPECT_EQ(parse_refusal(401, R"({"error":{"status":"UNAUTHENTICATED","message":"x"}})").code, "UNAUTHENTICATED");
  EXPECT_THAT(
      refused_by(parse_refusal(403, R"({"error":{"errors":[{"reason":"accessNotConfigured"}]}})"), kShown, kRefusals, "look").message(),
      HasSubstr("gcloud services enable"));
}

TEST(GcpAnswers, MachinesWithoutNamesAreNotBelieved) {
  EXPECT_TRUE(parse_machines(R"({"items":{"zones/a":{"warning":{}}}})").ok());
  EXPECT_FALSE(parse_machines(R"({"items":{"zones/a":{"instances":[{"name":"x"}]}}})").ok());
  EXPECT_FALSE(parse_machines(R"({"items":{"zones/a":{"instances":[{"name":"x/../y","zone":"z"}]}}})").ok());
}

}  // namespace
}  // namespace isobar::cloud::gcp
