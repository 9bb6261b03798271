#include "slurm_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace isobar::cloud {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<SlurmCluster> clusters(std::string_view text) { return parse_slurm_config(text, "config").value(); }
std::string refusal(std::string_view text) { return parse_slurm_config(text, "config").error().message(); }

TEST(SlurmConfig, EveryHostWithoutWildcardsIsACluster) {
  EXPECT_THAT(clusters("# ours\nHost alps\n  HostName login.alps.example\n  User ada\n  Port 2222\n  IdentityFile ~/.ssh/alps\n"
                       "  ProxyJump gate.example\n\nHost eiger daint\n  HostName %h.example\nHost *\n  ServerAliveInterval 30\n"),
              ElementsAre(SlurmCluster{"alps", false, 2}, SlurmCluster{"eiger", false, 9}, SlurmCluster{"daint", false, 9}));
  EXPECT_THAT(clusters(""), IsEmpty());
}

TEST(SlurmConfig, TheSyntaxIsThatOfSsh) {
  EXPECT_THAT(clusters("host=a\r\nHOSTNAME = this-machine # here\r\n\tHost \"b\"\r\n"),
              ElementsAre(SlurmCluster{"a", true, 1}, SlurmCluster{"b", false, 3}));
  EXPECT_THAT(clusters("\xef\xbb\xbfHost a\nProxyCommand ssh -W %h:%p gate\nMatch user ada\nHostName this-machine\n"),
              ElementsAre(SlurmCluster{"a", false, 1}));
}

TEST(SlurmConfig, OnlyThisMachineIsReachedWithoutSsh) {
  EXPECT_THAT(clusters("Host a\nHostName this-machine\nHost b\nHostName localhost\nHost this-machine\n"),
              ElementsAre(SlurmCluster{"a", true, 1}, SlurmCluster{"b", false, 3}, SlurmCluster{"this-machine", true, 5}));
}

TEST(SlurmConfig, AsInSshTheFirstHostNameThatFitsCounts) {
  EXPECT_THAT(clusters("Host !lab2 lab*\nHostName this-machine\nHost lab1 lab2\nHostName far.example\n"),
              ElementsAre(SlurmCluster{"lab1", true, 3}, SlurmCluster{"lab2", false, 3}));
  EXPECT_THAT(clusters("Host l?b*x\nHostName this-machine\nHost laboxbx labox\n"),
              ElementsAre(SlurmCluster{"laboxbx", true, 3}, SlurmCluster{"labox", true, 3}));
}

TEST(SlurmConfig, ABadLineIsNamedWithItsMend) {
  EXPECT_EQ(refusal("Host a\nHostNme login\n"), "config:2: unknown keyword \"hostnme\"; did you mean HostName?");
  EXPECT_EQ(refusal("Host a\n  User\n"), "config:2: \"user\" has no value; write one after it");
  EXPECT_EQ(refusal("Host\n"), "config:1: \"host\" has no value; write one after it");
  EXPECT_EQ(refusal("Host a\nPort 70000\n"), "config:2: \"70000\" is not a port; write a number from 1 to 65535");
  EXPECT_EQ(refusal("Host \"a\n"), "config:1: a quote is not closed; add the closing quote");
  EXPECT_EQ(refusal("= a\n"), "config:1: a keyword is missing before '='; write KEYWORD VALUE");
  EXPECT_THAT(refusal(std::string_view("Host a\n\0\n", 9)), HasSubstr("config:2: a zero byte"));
}

TEST(SlurmConfig, NoNameCanBecomeAnOptionOfSsh) {
  EXPECT_THAT(refusal("Host -oProxyCommand=x\n"), HasSubstr("config:1: \"-oProxyCommand=x\" cannot name a cluster"));
  EXPECT_THAT(refusal("Host a\nHostName -oProxyCommand=x\n"), HasSubstr("config:2: \"-oProxyCommand=x\" is not a host"));
  EXPECT_THAT(refusal("Host ada@login\n"), HasSubstr("give the address as HostName"));
}

TEST(SlurmConfig, AFileThatIsNotThereNamesNoClusters) {
  EXPECT_THAT(read_slurm_config("/nonexistent/slurm/config").value(), IsEmpty());
  EXPECT_THAT(read_slurm_config("/").error().message(), HasSubstr("the list of Slurm clusters"));
}

}  // namespace
}  // namespace isobar::cloud
