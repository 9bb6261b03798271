#include "volume_claim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube_json.h"
#include "kube_objects.h"
#include "pod_spec.h"

namespace isobar::cloud {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kOwner = "0123456789abcdef";

Volume a_volume() {
  return {.name = "data",
          .token = "t1",
          .region = "lab",
          .name_space = "research",
          .id = claim_name(kOwner, "data"),
          .size_gib = 100,
          .storage_class = "fast",
          .access_mode = "ReadWriteMany",
          .labels = {{"team", "vision"}}};
}

TEST(VolumeClaim, SaysWhoseItIsAndWhatItIsToBe) {
  const json::value claim = make_claim(kOwner, a_volume());
  EXPECT_EQ(text_in(claim, {"metadata", "name"}), "data-01234567");
  EXPECT_EQ(text_in(claim, {"metadata", "namespace"}), "research");
  EXPECT_EQ(text_in(claim, {"metadata", "labels", "team"}), "vision");
  EXPECT_EQ(text_in(claim, {"metadata", "labels", kVolumeLabel}), "data");
  EXPECT_EQ(text_in(claim, {"spec", "resources", "requests", "storage"}), "100Gi");
  const auto state = state_of_claim(claim, kOwner, "t1");
  EXPECT_TRUE(state.ours);
  EXPECT_FALSE(state.bound);
  EXPECT_EQ(state.size_gib, 100U);
  EXPECT_EQ(state.storage_class, "fast");
  EXPECT_EQ(state.access_mode, "ReadWriteMany");
  EXPECT_FALSE(state_of_claim(claim, kOwner, "t2").ours) << "of another creation";
  EXPECT_FALSE(state_of_claim(claim, "fedcba9876543210", "t1").ours) << "of another home";
}

TEST(VolumeClaim, WhereNoClassIsNamedTheUsualOneIsLeftToTheServer) {
  auto volume = a_volume();
  volume.storage_class.clear();
  const json::value claim = make_claim(kOwner, volume);
  EXPECT_TRUE(value_in(claim, {"spec", "storageClassName"}).is_null());
}

TEST(VolumeClaim, ItsSizeIsThatOfTheDiskBehindItOnceThereIsOne) {
  const auto claim = parse_kube_json(R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"spec":{"accessModes":["ReadOnlyMany"],
    "resources":{"requests":{"storage":"10Gi"}}},"status":{"phase":"Bound","capacity":{"storage":"17179869184"}}})")
                         .value();
  const auto state = state_of_claim(claim, kOwner, "t1");
  EXPECT_EQ(state.size_gib, 16U);
  EXPECT_TRUE(state.bound);
  EXPECT_TRUE(state.deleting);
  EXPECT_FALSE(state.ours);
  EXPECT_EQ(state_of_claim(json::value(), kOwner, "t1").size_gib, 0U);
}

TEST(VolumeClaim, PodsMountClaimsByNameAndEphemeralOnesByTemplate) {
  PodOrder order{.owner = kOwner, .cluster = "train", .token = "t"};
  VolumeUse own{.path = "/scratch", .volume = {}, .ephemeral = true};
  own.volume.size_gib = 3;
  order.volumes = {{.path = "/mnt/data", .volume = a_volume()}, own};
  const auto pod = make_pod(order);
  const auto& volumes = list_in(pod, {"spec", "volumes"});
  ASSERT_EQ(volumes.size(), 4U);
  EXPECT_EQ(text_in(volumes[2], {"persistentVolumeClaim", "claimName"}), "data-01234567");
  EXPECT_EQ(text_in(volumes[3], {"ephemeral", "volumeClaimTemplate", "spec", "resources", "requests", "storage"}), "3Gi");
  const auto& mounts = list_in(list_in(pod, {"spec", "containers"})[0], {"volumeMounts"});
  ASSERT_EQ(mounts.size(), 4U);
  EXPECT_EQ(text_in(mounts[2], {"mountPath"}), "/mnt/data");
  EXPECT_EQ(text_in(mounts[3], {"name"}), text_in(volumes[3], {"name"}));
}

TEST(VolumeClaim, PodsThatHaveEndedMountNothing) {
  const auto pods = parse_kube_json(R"([
    {"metadata":{"name":"a","namespace":"n"},"spec":{"volumes":[{"persistentVolumeClaim":{"claimName":"c"}}]},"status":{"phase":"Running"}},
    {"metadata":{"name":"b","namespace":"n"},"spec":{"volumes":[{"persistentVolumeClaim":{"claimName":"c"}}]},"status":{"phase":"Failed"}},
    {"metadata":{"name":"d","namespace":"n"},"spec":{"volumes":[{"emptyDir":{}}]},"status":{"phase":"Running"}}])")
                        .value();
  EXPECT_THAT(pods_with_claim(pods.as_array(), "c"), ElementsAre("pod n/a"));
}

TEST(VolumeClaim, AStorageClassIsThereOrTheUsualOneIs) {
  const auto classes = parse_kube_json(R"([{"metadata":{"name":"slow"}},{"metadata":{"name":"fast","annotations":{
    "storageclass.kubernetes.io/is-default-class":"true"}}}])")
                           .value()
                           .as_array();
  EXPECT_TRUE(check_storage_class(classes, "").ok());
  EXPECT_TRUE(check_storage_class(classes, "slow").ok());
  EXPECT_THAT(check_storage_class(classes, "best").error().message(), HasSubstr("there is slow, fast"));
  EXPECT_THAT(check_storage_class({}, "").error().message(), HasSubstr("no storage class is the usual one"));
}

}  // namespace
}  // namespace isobar::cloud
