// What is kept on disk: the key, and where something of ours may be.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "cloud/machine_user.h"
#include "cloud/own_key.h"
#include "cloud/places_used.h"

namespace isobar::cloud {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(OwnKey, IsMadeOnceForAllWhoAskAtOnce) {
  if (std::system("command -v ssh-keygen >/dev/null") != 0) GTEST_SKIP() << "ssh-keygen is not installed";
  const ScratchHome home;
  std::vector<std::string> names(6);
  {
    std::vector<std::jthread> threads;
    for (auto& name : names)
      threads.emplace_back([&] {
        const auto key = own_key(home.path());
        name = key.ok() ? key->name : key.error().message();
      });
  }
  EXPECT_THAT(names[0], testing::MatchesRegex("isobar-[0-9a-f]{8}"));
  EXPECT_THAT(names, Each(names[0]));
  struct stat status {};
  ASSERT_EQ(::stat((home.path() / "ssh" / "id_ed25519").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(home.path() / "ssh"), {}), 2);
}

TEST(OwnKey, AMissingProgramIsNamedWithItsPackage) {
  const ScratchHome home;
  const auto key = own_key(home.path(), "no-such-keygen");
  EXPECT_EQ(key.error().code(), Code::kNotFound);
  EXPECT_THAT(key.error().message(), HasSubstr("no-such-keygen is not installed; install the package openssh-client"));
}

TEST(OwnKey, AFileThatIsNoKeyIsNamed) {
  const ScratchHome home;
  fs::create_directories(home.path() / "ssh");
  ASSERT_TRUE(write_file(home.path() / "ssh" / "id_ed25519", "x").ok());
  ASSERT_TRUE(write_file(home.path() / "ssh" / "id_ed25519.pub", "x").ok());
  EXPECT_THAT(own_key(home.path()).error().message(), HasSubstr("id_ed25519.pub"));
}

TEST(PlacesUsed, AreKeptWhoeverAddsThem) {
  const ScratchHome home;
  const PlacesUsed places(home.path() / "aws" / "regions");
  EXPECT_THAT(*places.read(), IsEmpty());
  {
    std::vector<std::jthread> threads;
    for (const char* region : {"us-east-1", "eu-west-1", "us-west-2", "eu-west-1"})
      threads.emplace_back([&, region] { ASSERT_TRUE(places.add(region).ok()); });
  }
  EXPECT_THAT(*places.read(), ElementsAre("eu-west-1", "us-east-1", "us-west-2"));
}

}  // namespace
}  // namespace isobar::cloud
