#include "pools_file.h"

#include <gmock/gmock.h>

namespace isobar::cloud {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Result<std::vector<Pool>> parse(std::string_view yaml) { return parse_pools(yaml, "pools.yaml", "/home/ada"); }

TEST(PoolsFile, DefaultsHoldForHostsThatSayNothingElse) {
  const auto pools = parse(
      "lab:\n  user: ada\n  identity_file: ~/.ssh/lab\n  password: secret\n  hosts:\n    - gpu1\n    - {ip: 10.0.0.7, user: root, "
      "password: other}\n"
      "    - bob@gpu2\nedge:\n  hosts: [e1]\n");
  ASSERT_TRUE(pools.ok()) << pools.error().message();
  ASSERT_EQ(pools->size(), 2U);
  const auto& lab = (*pools)[0];
  ASSERT_EQ(lab.hosts.size(), 3U);
  EXPECT_EQ(lab.hosts[0].target, (SshTarget{"gpu1", "ada", "/home/ada/.ssh/lab", 0}));
  EXPECT_EQ(lab.hosts[0].password, "secret");
  EXPECT_EQ(lab.hosts[1].target, (SshTarget{"10.0.0.7", "root", "/home/ada/.ssh/lab", 0}));
  EXPECT_EQ(lab.hosts[1].password, "other");
  EXPECT_EQ(lab.hosts[2].target.user, "bob");
  EXPECT_EQ((*pools)[1].hosts[0].target, (SshTarget{"e1", "", "", 0}));
}

TEST(PoolsFile, EveryProblemIsToldWithItsPlace) {
  const auto pools =
      parse("lab:\n  hosts: []\n  usr: ada\nedge:\n  hosts:\n    - {user: x}\n    - -oProxyCommand=evil\n    - twice\n    - twice\n");
  ASSERT_FALSE(pools.ok());
  EXPECT_THAT(pools.error().message(),
              AllOf(HasSubstr("pools.yaml:2:"), HasSubstr("lab.hosts"), HasSubstr("did you mean"), HasSubstr("edge.hosts[0].ip"),
                    HasSubstr("cannot be a machine's name"), HasSubstr("twice is listed twice")));
}

TEST(PoolsFile, AnEmptyFileHasNoPools) {
  EXPECT_TRUE(parse("")->empty());
  EXPECT_TRUE(parse("# nothing yet\n")->empty());
}

}  // namespace
}  // namespace isobar::cloud
