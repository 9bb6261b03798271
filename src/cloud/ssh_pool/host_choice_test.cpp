#include "host_choice.h"

#include <gmock/gmock.h>

namespace isobar::cloud {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

HostNow a_host(const std::string& name, HostShare whole, HostShare free, const std::string& accelerator = "") {
  HostNow host{name, HostReport{}, {}};
  host.report->whole = whole;
  host.report->free = free;
  host.report->accelerator = accelerator;
  return host;
}

TEST(HostChoice, LargeRoomsStayWholeAndGpusWeighMost) {
  const std::vector<HostNow> hosts = {a_host("a", {64, 256, 8}, {64, 256, 8}, "A100"), a_host("b", {64, 256, 8}, {16, 64, 2}, "A100"),
                                      a_host("c", {64, 256, 8}, {8, 32, 1}, "A100"), HostNow{"d", {}, "d does not answer"}};
  EXPECT_THAT(hosts_with_room(hosts, {8, 32, 1}, ""), ElementsAre(2, 1, 0));
  EXPECT_THAT(hosts_with_room(hosts, {8, 32, 2}, ""), ElementsAre(1, 0));
  EXPECT_THAT(hosts_with_room(hosts, {65, 32, 0}, ""), IsEmpty());
}

TEST(HostChoice, EquallyGoodHostsComeInTheOrderOfThePool) {
  const std::vector<HostNow> hosts = {a_host("a", {4, 16, 0}, {4, 16, 0}), a_host("b", {4, 16, 0}, {4, 16, 0}),
                                      a_host("c", {4, 16, 0}, {2, 8, 0})};
  EXPECT_THAT(hosts_with_room(hosts, {2, 8, 0}, ""), ElementsAre(2, 0, 1));
}

TEST(HostChoice, OnlyHostsOfTheKindThatWasPlannedWithAreTaken) {
  const std::vector<HostNow> hosts = {a_host("a", {4, 16, 0}, {4, 16, 0}), a_host("b", {8, 32, 0}, {8, 32, 0})};
  EXPECT_THAT(hosts_with_room(hosts, {2, 8, 0}, "8cpu-32gib"), ElementsAre(1));
}

TEST(HostChoice, WhyThereIsNoRoomNamesEachHost) {
  const std::vector<HostNow> hosts = {a_host("a", {4, 16, 0}, {1, 16, 0}), HostNow{"b", {}, "b does not answer"},
                                      a_host("c", {4, 16, 0}, {4, 16, 0})};
  EXPECT_THAT(no_room(hosts, {2, 8, 0}, "4cpu-16gib", 2), AllOf(HasSubstr("1 of 3 hosts has room for 2 CPUs, 8 GiB, 2 are asked for"),
                                                                HasSubstr("a has 1 CPU, 16 GiB free"), HasSubstr("b does not answer")));
}

}  // namespace
}  // namespace isobar::cloud
