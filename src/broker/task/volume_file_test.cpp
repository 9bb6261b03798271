#include "broker/volume_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/task.h"

namespace isobar::broker {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(VolumeFile, IsReadAsSkyPilotsAre) {
  const auto spec = parse_volume_file(
      "name: data\ntype: k8s-pvc\ninfra: k8s/arn:aws:eks:us-east-1:1:cluster/train\nsize: 100Gi\nlabels: {team: vision}\n"
      "config: {namespace: research, storage_class_name: fast, access_mode: ReadWriteMany}\n",
      "v.yaml");
  ASSERT_TRUE(spec.ok()) << spec.error().message();
  EXPECT_EQ(spec->name, "data");
  EXPECT_EQ(spec->region, "arn:aws:eks:us-east-1:1:cluster/train");
  EXPECT_EQ(spec->size_gib, 100U);
  EXPECT_EQ(spec->labels.at("team"), "vision");
  EXPECT_EQ(spec->name_space, "research");
  EXPECT_EQ(spec->storage_class, "fast");
  EXPECT_EQ(spec->access_mode, "ReadWriteMany");
}

TEST(VolumeFile, TheCommandLineIsLaidOverItOrStandsAlone) {
  const auto over = parse_volume_file("name: data\ninfra: k8s\nsize: 1Ti\n", "v.yaml", {.name = "other", .size = "20"});
  ASSERT_TRUE(over.ok()) << over.error().message();
  EXPECT_EQ(over->name, "other");
  EXPECT_EQ(over->size_gib, 20U);
  const auto alone = parse_volume_file("", "command line", {.name = "theirs.data", .infra = "kubernetes/lab", .use_existing = true});
  ASSERT_TRUE(alone.ok()) << alone.error().message();
  EXPECT_TRUE(alone->use_existing);
  EXPECT_EQ(alone->region, "lab");
}

TEST(VolumeFile, EveryProblemIsToldAtOnceWithItsPlace) {
  const auto wrong = parse_volume_file("name: My_Data\ntype: nfs\ninfra: aws\nsize: 10MB\nconfig: {access_mod: x}\nlabel: {}\n", "v.yaml");
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message(),
              AllOf(HasSubstr("v.yaml:1:7: name: 'My_Data' is no volume's name"), HasSubstr("volumes of type 'nfs'"),
                    HasSubstr("volumes of 'aws'"), HasSubstr("at least 1Gi"), HasSubstr("did you mean"), HasSubstr("v.yaml:6:1: label")));
  EXPECT_THAT(parse_volume_file("name: data\n", "v.yaml").error().message(), HasSubstr("needs a size"));
  EXPECT_THAT(parse_volume_file("", "command line").error().message(), HasSubstr("needs a name"));
}

TEST(VolumeMounts, AreAbsoluteAndTwoNeverAtOnePlace) {
  const auto problems = [](const std::string& volumes) {
    const auto file = parse_task_file("run: x\nvolumes: " + volumes + "\n", "t.yaml");
    return file.ok() ? std::string() : file.error().message();
  };
  EXPECT_EQ(problems("{/mnt/data/: data, /scratch: {size: 10Gi}}"), "");
  EXPECT_THAT(problems("{data: data}"), HasSubstr("absolute path"));
  EXPECT_THAT(problems("{/a: one, /b/../a/: two}"), HasSubstr("two volumes"));
  EXPECT_THAT(problems("{/a: {}}"), HasSubstr("a volume needs the name"));
  EXPECT_THAT(problems("{/a: {size: 100}, /b: {size: lots}}"), HasSubstr("at least 1Gi"));
  EXPECT_THAT(problems("{/a: {name: x, size: 1Gi}}"), HasSubstr("as large as it was made"));
}

}  // namespace
}  // namespace isobar::broker
