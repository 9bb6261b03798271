// Volumes against a cloud whose answers are lost, and commands that end between what they say they will do and what they have done.

#include "broker/volumes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace isobar::broker {
namespace {

using testing::HasSubstr;

/// Claims in memory. What it is asked may be refused, or done with nobody hearing of it.
class ClaimsForTests final : public cloud::VolumeDriver {
 public:
  enum class Answer { kGiven, kLostBefore, kLostAfter, kRefused };
  Answer answer = Answer::kGiven;
  std::map<std::string, cloud::Volume> there;
  std::vector<std::string> pods;
  int made = 0;

  Status check(const std::vector<cloud::VolumeUse>&, int) const override { return {}; }
  Result<cloud::Volume> plan(cloud::Volume wanted, Duration) override {
    if (wanted.region.empty()) wanted.region = "lab";
    if (wanted.name_space.empty()) wanted.name_space = "default";
    wanted.id = wanted.use_existing ? wanted.name : wanted.name + "-claim";
    return wanted;
  }
  Status make(const cloud::Volume& volume, Duration) override {
    if (answer == Answer::kRefused) return invalid("quota");
    if (answer == Answer::kLostBefore) return unavailable("no answer");
    if (there.emplace(volume.id, volume).second) ++made;
    return answer == Answer::kLostAfter ? Status(unavailable("no answer")) : Status();
  }
  Result<std::optional<cloud::VolumeState>> find(const cloud::Volume& volume, Duration) override {
    const auto found = there.find(volume.id);
    if (found == there.end()) return std::optional<cloud::VolumeState>();
    return std::optional(cloud::VolumeState{.ours = found->second.token == volume.token});
  }
  Result<std::vector<std::string>> users(const cloud::Volume&, Duration) override { return pods; }
  Status remove(const cloud::Volume& volume, Duration) override {
    if (answer == Answer::kLostBefore) return unavailable("no answer");
    const auto found = there.find(volume.id);
    if (found != there.end() && found->second.token == volume.token) there.erase(found);
    return answer == Answer::kLostAfter ? Status(unavailable("no answer")) : Status();
  }
};

class CloudForTests final : public cloud::Provider {
 public:
  ClaimsForTests claims;
  std::string name() const override { return "kubernetes"; }
  Status check() override { return {}; }
  cloud::CreateOutcome create(const cloud::CreateOrder&, Duration) override { return {}; }
  Result<std::vector<cloud::Instance>> list(const std::string&) override { return std::vector<cloud::Instance>(); }
  Result<std::vector<std::string>> clusters() override { return std::vector<std::string>(); }
  Status stop(const std::string&, Duration) override { return {}; }
  Result<std::vector<cloud::Instance>> start(const std::string&, Duration) override { return std::vector<cloud::Instance>(); }
  Status terminate(const std::string&, Duration) override { return {}; }
  cloud::VolumeDriver* volumes() override { return &claims; }
};

class VolumesTest : public testing::Test {
 protected:
  using Answer = ClaimsForTests::Answer;
  void TearDown() override { fs::remove_all(folder_); }
  Volumes volumes() { return Volumes(parts_); }
  static VolumeSpec a_spec() { return {.name = "data", .size_gib = 10}; }
  std::string status() {
    const auto record = state_.volume("data").value();
    return record ? std::string(name_of(record->status)) : "none";
  }
  ClusterRecord a_cluster() {
    ClusterRecord cluster;
    cluster.name = "train";
    cluster.volumes = {{.path = "/d", .name = "data", .ephemeral_gb = {}}};
    return cluster;
  }

  fs::path folder_ = fs::temp_directory_path() / ("isobar-volumes-" + secure_random_hex(6));
  CloudForTests cloud_;
  SystemClock clock_;
  Log log_;
  StateStore state_ = StateStore::open(folder_ / "state.db").value();
  BrokerParts parts_{Config(), folder_ / "locks", state_, {{"kubernetes", &cloud_}}, clock_, log_, [](const std::string&) {},
                     nullptr,  nullptr,           nullptr};
};

TEST_F(VolumesTest, AreMadeOnceHoweverOftenTheyAreAskedFor) {
  ASSERT_TRUE(volumes().apply(a_spec(), "me").ok());
  ASSERT_TRUE(volumes().apply(a_spec(), "me").ok());
  EXPECT_EQ(cloud_.claims.made, 1);
  auto larger = a_spec();
  larger.size_gib = 11;
  EXPECT_THAT(volumes().apply(larger, "me").error().message(), HasSubstr("size: it has 10Gi"));
  cloud_.claims.there.clear();
  EXPECT_THAT(volumes().apply(a_spec(), "me").error().message(), HasSubstr("was deleted by somebody else"));
}

TEST_F(VolumesTest, WhatIsRefusedLeavesNoRecord) {
  cloud_.claims.answer = Answer::kRefused;
  EXPECT_FALSE(volumes().apply(a_spec(), "me").ok());
  EXPECT_EQ(status(), "none");
}

TEST_F(VolumesTest, AMakingWhoseAnswerWasLostIsCompletedOrUndone) {
  for (const auto lost : {Answer::kLostBefore, Answer::kLostAfter}) {
    cloud_.claims.answer = lost;
    EXPECT_FALSE(volumes().apply(a_spec(), "me").ok());
    EXPECT_EQ(status(), "INIT");
    EXPECT_THAT(volumes().resolve({{.path = "/d", .name = "data", .ephemeral_gb = {}}}).error().message(), HasSubstr("is INIT"));
    cloud_.claims.answer = Answer::kGiven;
    ASSERT_TRUE(volumes().list().ok());
    EXPECT_EQ(status(), lost == Answer::kLostAfter ? "READY" : "none");
    EXPECT_EQ(cloud_.claims.there.size(), lost == Answer::kLostAfter ? 1U : 0U);
  }
  EXPECT_EQ(cloud_.claims.made, 1);
}

TEST_F(VolumesTest, ARemovalCutShortIsCompleted) {
  for (const auto lost : {Answer::kLostBefore, Answer::kLostAfter}) {
    cloud_.claims.answer = Answer::kGiven;
    ASSERT_TRUE(volumes().apply(a_spec(), "me").ok());
    cloud_.claims.answer = lost;
    EXPECT_FALSE(volumes().remove("data").ok());
    EXPECT_EQ(status(), "DELETING");
    EXPECT_EQ(
        state_.begin({IntentKind::kCreate, "train", "kubernetes", "t", clock_.now()}, std::make_unique<ClusterRecord>(a_cluster()).get())
            .error()
            .code(),
        Code::kUnavailable);
    EXPECT_TRUE(state_.intents().value().empty()) << "what cannot be mounted is not launched";
    cloud_.claims.answer = Answer::kGiven;
    ASSERT_TRUE(volumes().list().ok());
    EXPECT_EQ(status(), "none");
    EXPECT_TRUE(cloud_.claims.there.empty());
  }
}

TEST_F(VolumesTest, OneThatIsMountedIsKept) {
  ASSERT_TRUE(volumes().apply(a_spec(), "me").ok());
  const auto cluster = a_cluster();
  ASSERT_TRUE(state_.begin({IntentKind::kCreate, "train", "kubernetes", "t", clock_.now()}, &cluster).ok());
  EXPECT_EQ(state_.cluster("train")->volumes, cluster.volumes);
  EXPECT_THAT(volumes().remove("data").error().message(), HasSubstr("mounted by cluster 'train'"));
  ASSERT_TRUE(state_.finish("train", std::nullopt, clock_.now()).ok());
  cloud_.claims.pods = {"pod default/theirs"};
  EXPECT_THAT(volumes().remove("data").error().message(), HasSubstr("mounted by pod default/theirs"));
  EXPECT_EQ(status(), "READY");
  cloud_.claims.pods.clear();
  EXPECT_TRUE(volumes().remove("data").ok());
  EXPECT_TRUE(cloud_.claims.there.empty());
}

TEST_F(VolumesTest, OneThatWasThereIsForgottenAndStays) {
  cloud_.claims.there["data"] = {.name = "data", .token = "theirs"};
  auto spec = a_spec();
  spec.use_existing = true;
  ASSERT_TRUE(volumes().apply(spec, "me").ok());
  ASSERT_TRUE(volumes().remove("data").ok());
  EXPECT_EQ(status(), "none");
  EXPECT_EQ(cloud_.claims.there.size(), 1U);
}

TEST_F(VolumesTest, OneWhoseCloudIsNotToBeHadCanBeGivenUp) {
  ASSERT_TRUE(volumes().apply(a_spec(), "me").ok());
  cloud_.claims.answer = Answer::kLostBefore;
  EXPECT_FALSE(volumes().remove("data").ok());
  EXPECT_TRUE(volumes().remove("data", IfItFails::kForget).ok());
  EXPECT_EQ(status(), "none");
}

TEST_F(VolumesTest, TheTaskGoesWhereItsVolumesAre) {
  ASSERT_TRUE(volumes().apply(a_spec(), "me").ok());
  const auto uses = volumes().resolve({{.path = "/d", .name = "data", .ephemeral_gb = {}}}).value();
  Task task;
  task.resources.alternatives = {ResourceRequest{}, ResourceRequest{.cloud = "kubernetes"}, ResourceRequest{.cloud = "aws"}};
  const auto placed = placed_at_volumes(task, uses).value();
  EXPECT_EQ(placed.resources.alternatives[0].cloud, "kubernetes");
  EXPECT_EQ(placed.resources.alternatives[1].region, "lab");
  EXPECT_FALSE(placed.resources.alternatives[2].region) << "aws says itself that it mounts none";
  EXPECT_EQ(placed.config.at("kubernetes.namespace"), "default");
  task.resources.alternatives[1].region = "other";
  EXPECT_THAT(placed_at_volumes(task, uses).error().message(), HasSubstr("is in context lab, the task asks for other"));
  task.resources.alternatives.resize(1);
  task.config["kubernetes.namespace"] = "research\n";
  EXPECT_THAT(placed_at_volumes(task, uses).error().message(), HasSubstr("is in namespace default"));
}

}  // namespace
}  // namespace isobar::broker
