// The pure rules of a launch: which image, which quota, which tags.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image_alias.h"
#include "quota.h"
#include "tags.h"
#include "test_user.h"

namespace isobar::cloud::ec2 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ImageAlias, EachIsFoundForItsArchitecture) {
  const auto amd = find_image_source("ubuntu-24.04", "x86_64", "m6i.large");
  EXPECT_EQ(amd->parameter, "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id");
  EXPECT_EQ(amd->login_user, "ubuntu");
  const auto arm = find_image_source("debian-12", "arm64", "m7g.large");
  EXPECT_EQ(arm->parameter, "/aws/service/debian/release/12/latest/arm64");
  EXPECT_EQ(arm->login_user, "admin");
  EXPECT_EQ(find_image_source("amazon-linux-2023", "x86_64", "t3.micro")->login_user, "ec2-user");
  for (const auto& alias : image_aliases())
    for (const char* architecture : {"x86_64", "arm64"}) {
      const auto source = find_image_source(alias, architecture, "m6i.large");
      ASSERT_TRUE(source.ok());
      EXPECT_EQ((source->parameter + source->name_pattern).find('{'), std::string::npos);
    }
}

TEST(ImageAlias, TheDefaultHasNvidiasDriverWhereThereAreItsGpus) {
  for (const char* type : {"p5.48xlarge", "g5.xlarge", "g4dn.xlarge", "p4d.24xlarge", "gr6.4xlarge", "g6e.xlarge", "g5g.xlarge"})
    EXPECT_THAT(find_image_source("", "x86_64", type)->parameter, HasSubstr("nvidia")) << type;
  for (const char* type : {"m6i.large", "g4ad.xlarge", "inf2.xlarge", "trn1.2xlarge", "t3.micro"})
    EXPECT_THAT(find_image_source("", "x86_64", type)->parameter, HasSubstr("canonical")) << type;
}

TEST(ImageAlias, AMisspeltOneIsAnsweredWithTheNearest) {
  const auto wrong = find_image_source("ubunto-22.04", "x86_64", "m6i.large");
  EXPECT_EQ(wrong.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(wrong.error().message(), HasSubstr("did you mean 'ubuntu-22.04'?"));
  EXPECT_FALSE(find_image_source("", "riscv64", "m6i.large").ok());
}

TEST(ImageAlias, TheLoginUserIsGuessedFromTheMaker) {
  EXPECT_EQ(guess_login_user({.name = "my-Ubuntu-build"}), "ubuntu");
  EXPECT_EQ(guess_login_user({.name = "x", .description = "Debian 12"}), "admin");
  EXPECT_EQ(guess_login_user({.name = "al2023-ami"}), "ec2-user");
}

TEST(Quotas, AreFoundByFamilyAndByHowAMachineIsPaidFor) {
  struct Row {
    const char* type;
    const char* on_demand;
    const char* spot;
  };
  for (const Row& row :
       {Row{"m6i.large", "L-1216C47A", "L-34B43A08"}, Row{"im4gn.large", "L-1216C47A", "L-34B43A08"},
        Row{"is4gen.large", "L-1216C47A", "L-34B43A08"}, Row{"t3.micro", "L-1216C47A", "L-34B43A08"},
        Row{"g5.xlarge", "L-DB2E81BA", "L-3819A6DF"}, Row{"vt1.3xlarge", "L-DB2E81BA", "L-3819A6DF"},
        Row{"gr6.4xlarge", "L-DB2E81BA", "L-3819A6DF"}, Row{"p4d.24xlarge", "L-417A185B", "L-7212CCBC"},
        Row{"p5.48xlarge", "L-417A185B", "L-C4BD4855"}, Row{"p6-b200.48xlarge", "L-417A185B", ""},
        Row{"x2gd.large", "L-7295265B", "L-E3A00192"}, Row{"inf2.xlarge", "L-1945791B", "L-B5D1601B"},
        Row{"trn1.2xlarge", "L-2C3B7624", "L-6B0D517C"}, Row{"dl1.24xlarge", "L-6E869C2A", "L-85EED4F7"},
        Row{"f1.2xlarge", "L-74FC7D96", "L-88CF9481"}, Row{"mac2.metal", "", ""}, Row{"u-6tb1.metal", "", ""}, Row{"", "", ""}}) {
    const auto code = [&](bool spot) {
      const auto quota = find_quota(row.type, spot);
      return quota ? std::string(quota->code) : std::string();
    };
    EXPECT_EQ(code(false), row.on_demand) << row.type;
    EXPECT_EQ(code(true), row.spot) << row.type;
  }
}

TEST(EC2Tags, CarryAllThatIsKnownOfANode) {
  auto order = an_order("train", 4);
  order.labels = {{"team", "x"}};
  const Tags tags = tags_of(order, "ada", 3, "ubuntu");
  Machine machine{.id = "i-1", .state = "running", .zone = "us-east-1c", .private_address = "10.0.0.1", .tags = tags};
  const Instance instance = instance_of(machine_of(machine, "us-east-1"), "/key");
  EXPECT_EQ(instance.cluster, "train");
  EXPECT_EQ(instance.rank, 3);
  EXPECT_EQ(instance.zone, "use1-az2");
  EXPECT_EQ(instance.address, "10.0.0.1");
  EXPECT_EQ(tags.at("Name"), "train-3");
  EXPECT_EQ(tags.at("team"), "x");
  EXPECT_EQ(tags.at(kNodesTag), "4");
  machine.tags[kRankTag] = "x7";
  EXPECT_EQ(machine_of(machine, "us-east-1").mark.rank, -1);
}

TEST(EC2Tags, AClientTokenFitsAndDiffersByOrderAndRank) {
  EXPECT_EQ(client_token_of("abc", 12), "abc-12");
  const std::string lengthy(200, 'x');
  EXPECT_LE(client_token_of(lengthy, 999).size(), 64U);
  EXPECT_NE(client_token_of(lengthy, 1), client_token_of(lengthy + "y", 1));
  EXPECT_NE(client_token_of("ü", 1), "ü-1");
}

TEST(EC2Tags, AnOwnerWithWildcardsMatchesItselfAlone) {
  EXPECT_THAT(all_that_is({.owner = "a*b", .cluster = "c?\\", .token = {}}).at(0).values, ElementsAre("a\\*b"));
  EXPECT_THAT(all_that_is({.owner = "a*b", .cluster = "c?\\", .token = {}}).at(1).values, ElementsAre("c\\?\\\\"));
}

}  // namespace
}  // namespace isobar::cloud::ec2
