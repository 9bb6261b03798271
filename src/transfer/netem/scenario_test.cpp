#include "transfer/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "layout.h"
#include "transfer/plan_request.h"

namespace isobar::transfer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Scenario read(std::string_view yaml) {
  auto scenario = parse_scenario(yaml, "folder/s.yaml");
  CHECK(scenario.ok(), scenario.error().message());
  return std::move(scenario).value();
}

std::string error_of(std::string_view yaml) {
  const auto scenario = parse_scenario(yaml, "s.yaml");
  return scenario.ok() ? "read without error" : scenario.error().message();
}

const std::string kTwo = "regions: {a: {}, b: {}}\n";

TEST(ScenarioFile, GivesBothDirectionsOfALinkTheSameShape) {
  const auto scenario = read(kTwo + "links: [{from: a, to: b, rate: 200Mbit, rtt: 80ms, loss: 1%, queue: 1MB}]\n");
  EXPECT_EQ(scenario.name, "s");
  ASSERT_EQ(scenario.links.size(), 1U);
  for (const auto& shape : {scenario.links[0].there, scenario.links[0].back}) {
    EXPECT_EQ(shape.gbps, 0.2);
    EXPECT_EQ(shape.delay, 40ms);
    EXPECT_EQ(shape.loss, 0.01);
    EXPECT_EQ(shape.queue, ByteCount{kMiB});
  }
}

TEST(ScenarioFile, TheWayBackDiffersWhereItSaysSo) {
  const auto link = read(kTwo + "links: [{from: a, to: b, rate: 1Gbit, rtt: 20ms, back: {rate: 100Mbit, loss: 0.5%}}]\n").links[0];
  EXPECT_EQ(link.there.gbps, 1);
  EXPECT_EQ(link.there.loss, 0);
  EXPECT_EQ(link.back.gbps, 0.1);
  EXPECT_EQ(link.back.loss, 0.005);
  EXPECT_EQ(link.back.delay, 10ms);
}

TEST(ScenarioFile, AQueueHoldsARoundTripUnlessToldOtherwise) {
  const auto link = read(kTwo + "links: [{from: a, to: b, rate: 1Gbit, rtt: 80ms, back: {rate: 1Mbit}}]\n").links[0];
  EXPECT_EQ(link.there.queue, ByteCount{10'000'000});
  EXPECT_EQ(link.back.queue, ByteCount{256 * kKiB}) << "and no less than this";
}

TEST(ScenarioFile, OrdersEventsByTheirTimes) {
  const auto scenario = read(
      "regions: {a: {}, b-c: {}}\nlinks: [{from: a, to: b-c}]\n"
      "events: [{at: 9s, heal: b-c-a}, {at: 5s, cut: a-b-c}, {at: 6s, loss: a-b-c, to: 2%}, {at: 500ms, kill: b-c}]\n");
  std::vector<ScenarioEvent::Kind> kinds;
  for (const auto& event : scenario.events) kinds.push_back(event.kind);
  EXPECT_THAT(kinds,
              ElementsAre(ScenarioEvent::Kind::kKill, ScenarioEvent::Kind::kCut, ScenarioEvent::Kind::kLoss, ScenarioEvent::Kind::kHeal));
  EXPECT_EQ(scenario.events[0].region, 1U);
  EXPECT_EQ(scenario.events[2].loss, 0.02);
}

TEST(ScenarioFile, TellsEveryProblemWithItsPlaceAndMend) {
  const auto message = error_of(
      "regions:\n  a: {}\n  Bé: {usd_per_gb: much}\nlinks:\n  - {from: a, to: c, rate: quick, rtt: 2m, loss: 1}\n"
      "  - {from: a, too: a}\nevents:\n  - {cut: a-c}\n");
  EXPECT_THAT(message, HasSubstr("s.yaml:3:3: regions: 'Bé' is not a region's name; write 1 to 12 of a-z, 0-9, _ and -"));
  EXPECT_THAT(message, HasSubstr("regions.Bé.usd_per_gb: expected a number of 0 or more, got 'much'"));
  EXPECT_THAT(message, HasSubstr("s.yaml:5:19: links[0].to: there is no region 'c'; there are a, Bé"));
  EXPECT_THAT(message, HasSubstr("links[0].rate: 'quick' is not a rate; write it like 20Gbit or 800Mbit"));
  EXPECT_THAT(message, HasSubstr("links[0].rtt: expected at most 1m 0s"));
  EXPECT_THAT(message, HasSubstr("links[0].loss: '1' is not a share of what is sent; write it like 1% or 0.01%"));
  EXPECT_THAT(message, HasSubstr("links[1].too: there is no such field; did you mean to?"));
  EXPECT_THAT(message, HasSubstr("events[0].at: is missing; say when, like 5s"));
}

TEST(ScenarioFile, RefusesWhatCannotBeSetUp) {
  EXPECT_THAT(error_of(""), HasSubstr("a scenario needs regions"));
  EXPECT_THAT(error_of(kTwo + "links: [{from: a, to: a}]\n"), HasSubstr("a link joins two regions; name another one"));
  EXPECT_THAT(error_of(kTwo + "links: [{from: a, to: b}, {from: b, to: a}]\n"), HasSubstr("these two regions have a link already"));
  EXPECT_THAT(error_of(kTwo + "links: [{from: a, to: b, queue: 1MB}]\n"), HasSubstr("a link without a rate has no queue"));
  EXPECT_THAT(error_of(kTwo + "events: [{at: 1s, cut: a-b}]\n"), HasSubstr("the scenario has no links"));
  EXPECT_THAT(error_of(kTwo + "events: [{at: 1s}]\n"), HasSubstr("an event is one of cut, heal, loss (of a link) and kill (of a region)"));
  EXPECT_THAT(error_of(kTwo + "events: [{at: 1s, kill: a, to: 1%}]\n"), HasSubstr("loss needs the share to lose"));
  EXPECT_THAT(error_of(kTwo + "---\n" + kTwo), HasSubstr("a scenario is one document"));
}

TEST(BuiltinScenarios, AreAllReadAndSayWhatTheyAre) {
  EXPECT_THAT(builtin_scenario_names(), ElementsAre("edge-cut", "lossy", "multicast", "relay-killed", "triangle", "wan"));
  for (const auto& name : builtin_scenario_names()) {
    const auto scenario = open_scenario(name);
    ASSERT_TRUE(scenario.ok()) << scenario.error().message();
    EXPECT_EQ(scenario->name, name);
    EXPECT_FALSE(scenario->about.empty());
  }
  EXPECT_EQ(open_scenario("triangel").error().message(), "there is no scenario and no file 'triangel'; did you mean triangle?");
}

TEST(ScenarioGrid, IsOneThatThePlannerReads) {
  const auto grid = scenario_grid(*open_scenario("multicast"));
  const auto again = parse_grid(write_grid(grid), "grid.csv");
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(write_grid(*again), write_grid(grid));
}

TEST(ScenarioGrid, ThePlannerFillsTheTrianglesRelay) {
  const auto scenario = *open_scenario("triangle");
  PlanRequest request{.source = "a", .destinations = {"b"}, .bytes = {10 * kGiB}, .gbps_least = 0.99, .links_are_shared = true};
  const auto report = plan_transfer(request, scenario_grid(scenario), scenario_prices(scenario));
  ASSERT_TRUE(report.ok()) << report.error().message();
  EXPECT_NEAR(report->cost.gbps, 1, 0.011);
  EXPECT_EQ(report->links.size(), 3U);
}

TEST(ScenarioGrid, AGatewaysLimitsAreThoseOfItsRegion) {
  const auto scenario = read("regions: {a: {vm_egress: 5Gbit, vm_usd_per_hour: 2, usd_per_gb: 0.1}, b: {}}\nlinks: [{from: a, to: b}]\n");
  const auto prices = scenario_prices(scenario);
  EXPECT_EQ(prices.vm("netem:a")->egress_gbps, 5);
  EXPECT_EQ(prices.vm("netem:a")->usd_per_hour, 2);
  EXPECT_EQ(prices.vm("netem:b")->egress_gbps, 0) << "no limit";
  EXPECT_EQ(prices.egress("netem:a", "netem:b").usd(0, 1), 0.1);
  EXPECT_EQ(prices.egress("netem:b", "netem:a").usd(0, 1), 0);
}

TEST(Layout, GivesEveryAddressOnce) {
  const auto scenario = *open_scenario("multicast");
  const auto layout = lay_out(scenario, 4711, 3);
  std::set<std::string> addresses;
  std::size_t given = 0;
  for (const auto& site : layout.sites) {
    addresses.insert({site.management_address, site.root_address});
    for (const auto& [peer, address] : site.addresses) addresses.insert(address);
    given += 2 + site.addresses.size();
  }
  EXPECT_EQ(addresses.size(), given);
  EXPECT_EQ(layout.sites[1].management_address, "10.98.3.6");
}

TEST(Layout, NamespacesTellWhoseTheyAre) {
  const auto layout = lay_out(read("regions: {us-east: {}}\n"), 4711, 3);
  EXPECT_EQ(layout.sites[0].namespace_name, "inb-4711-3-us-east");
  const auto name = parse_namespace_name("inb-4711-3-us-east");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->owner, 4711);
  EXPECT_EQ(name->slot, 3);
  for (const auto* other : {"", "inb", "inb-1-2", "inb-x-1-a", "inb-1-256-a", "inb--1-1-a", "home"})
    EXPECT_FALSE(parse_namespace_name(other)) << other;
}

}  // namespace
}  // namespace isobar::transfer
