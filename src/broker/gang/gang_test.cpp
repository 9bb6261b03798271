#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "gang_place.h"

namespace isobar::broker {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

RC_GTEST_PROP(GangMessages, ComeOutAsTheyWentIn, (std::uint32_t command, const std::string& payload)) {
  for (const auto kind : {GangKind::kHello, GangKind::kRun, GangKind::kOutput, GangKind::kEnd}) {
    const GangMessage message{kind, command, payload};
    RC_ASSERT(decode_gang_message(encode(message)).value() == message);
  }
}

TEST(GangMessages, WhatIsNoneIsRefused) {
  for (const std::string bytes : {"", "H", "Habc", "?1234"}) EXPECT_FALSE(decode_gang_message(bytes).ok()) << bytes;
  for (const std::string text : {"", "1", "1\n\n2", "x\nh\n2", "-1\nh\n2", "1\nh\n2\n3"}) EXPECT_FALSE(decode_member(text).ok()) << text;
  EXPECT_EQ(decode_member(encode(GangMember{3, "w3", 8})).value(), (GangMember{3, "w3", 8}));
}

TEST(GangPlace, IsWhatTheJobsEnvironmentSays) {
  std::map<std::string, std::string> all = {{"ISOBAR_NODE_RANK", "1"},
                                            {"ISOBAR_NODE_IPS", "10.0.0.1\n10.0.0.2"},
                                            {"ISOBAR_TASK_ID", "t"},
                                            {"ISOBAR_GANG_KEY", "k"},
                                            {"ISOBAR_NUM_GPUS_PER_NODE", "4"}};
  const auto place = [&] {
    return gang_place([&](const std::string& name) { return all.contains(name) ? std::optional(all.at(name)) : std::nullopt; });
  };
  EXPECT_EQ(place()->rank, 1);
  EXPECT_EQ(place()->gpus, 4);
  EXPECT_THAT(place()->addresses, ElementsAre("10.0.0.1", "10.0.0.2"));
  all["ISOBAR_NODE_RANK"] = "2";
  EXPECT_THAT(place().error().message(), HasSubstr("names 2 nodes"));
  all.erase("ISOBAR_GANG_KEY");
  EXPECT_THAT(place().error().message(), HasSubstr("runs within a job"));
}

TEST(GangPlace, PortsFollowFromTheJobAndDiffer) {
  const auto ports = gang_ports("sky-2026-11-25_train_7");
  EXPECT_EQ(ports, gang_ports("sky-2026-11-25_train_7"));
  EXPECT_EQ(std::set(ports.begin(), ports.end()).size(), ports.size());
  EXPECT_NE(ports, gang_ports("sky-2026-11-25_train_8"));
  for (const auto port : ports) EXPECT_TRUE(port >= 20'000 && port < 30'000) << port;
}

TEST(GangPlace, NodesAreCalledByTheirHostsUnlessTwoShareOne) {
  EXPECT_THAT(gang_names({{0, "a", 1}, {1, "b", 1}}), ElementsAre("a", "b"));
  const auto names = gang_names({{0, "a", 1}, {1, "a", 1}, {2, "b", 1}});
  EXPECT_THAT(names, ElementsAre("a", "rank-1", "rank-2"));
  const std::vector<std::string> addresses = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
  EXPECT_EQ(gang_rank_of("rank-2", names, addresses), 2);
  EXPECT_EQ(gang_rank_of("10.0.0.2", names, addresses), 1);
  EXPECT_EQ(gang_rank_of("rank-0", {"a", "b"}, {}), 0);
  for (const std::string host : {"", "c", "rank-3", "rank--1", "rank-x"})
    EXPECT_EQ(gang_rank_of(host, names, addresses), std::nullopt) << host;
}

TEST(GangPlace, AnAddressOfThisMachineHasANetwork) {
  EXPECT_EQ(network_of("127.0.0.1"), "127.0.0.0/8");
  EXPECT_EQ(network_of("127.77.1.2"), "127.0.0.0/8") << "all of it is this machine's";
  EXPECT_EQ(network_of("203.0.113.99"), "");
  EXPECT_EQ(network_of("no address"), "");
}

TEST(GangPlace, MpirunIsToldWhereItsNodesAre) {
  const auto told = mpi_variables("/f/hosts", "/f/rsh", "10.0.0.0/24", true);
  EXPECT_THAT(told, Contains(Pair("OMPI_MCA_orte_default_hostfile", "/f/hosts")));
  EXPECT_THAT(told, Contains(Pair("OMPI_MCA_plm_rsh_agent", "/f/rsh")));
  EXPECT_THAT(told, Contains(Pair("OMPI_MCA_btl_tcp_if_include", "10.0.0.0/24")));
  EXPECT_THAT(told, Contains(Pair("OMPI_ALLOW_RUN_AS_ROOT", "1")));
  EXPECT_EQ(mpi_variables("/f/hosts", "/f/rsh", "", false).size(), 5U);
}

}  // namespace
}  // namespace isobar::broker
