#include "transfer/grid.h"

#include <gtest/gtest.h>

namespace isobar::transfer {
namespace {

RegionIndex at(const Grid& grid, std::string_view words) {
  const auto found = resolve_region(grid, words);
  EXPECT_TRUE(found.ok()) << found.error().message();
  return *found;
}

TEST(BuiltinGrid, HoldsEveryMeasuredRegion) {
  const auto november = builtin_grid(), january = builtin_grid("2022-01");
  ASSERT_TRUE(november.ok() && january.ok());
  EXPECT_EQ(november->regions.size(), 71U);
  EXPECT_EQ(january->regions.size(), 63U);
  EXPECT_EQ(january->date, "2022-01");
  EXPECT_NEAR(january->gbps.at(at(*january, "canadacentral"), at(*january, "gcp:asia-northeast1-a")), 6.63, 0.01);
}

TEST(BuiltinGrid, HasTheStandardTierWhereItWasMeasured) {
  const auto standard = builtin_grid("2022-01", NetworkTier::kStandard);
  ASSERT_TRUE(standard.ok());
  EXPECT_NEAR(standard->gbps.at(at(*standard, "canadacentral"), at(*standard, "gcp:asia-northeast1-a")), 7.76, 0.01);
  EXPECT_EQ(builtin_grid("2022-11", NetworkTier::kStandard).error().message(), "grid 2022-11 has no standard tier; use --grid 2022-01");
}

TEST(BuiltinGrid, KnowsWhereEachRegionIs) {
  for (const auto& name : builtin_grid_names()) {
    const auto grid = *builtin_grid(name);
    for (const auto& region : grid.regions) EXPECT_TRUE(place_of(region)) << region;
  }
  EXPECT_EQ(place_of("gcp:us-west1-c")->name, "Oregon");
  EXPECT_FALSE(place_of("lab:here"));
}

TEST(ResolveRegion, TakesNamesWithoutCloudZoneOrCapitals) {
  const auto grid = *builtin_grid();
  EXPECT_EQ(grid.regions[at(grid, "us-east-1")], "aws:us-east-1");
  EXPECT_EQ(grid.regions[at(grid, "US-West1")], "gcp:us-west1-a");
  EXPECT_EQ(grid.regions[at(grid, "gcp:us-west1")], "gcp:us-west1-a");
  EXPECT_EQ(grid.regions[at(grid, " azure:westeurope ")], "azure:westeurope");
}

TEST(ResolveRegion, SuggestsTheNearestName) {
  const auto grid = *builtin_grid();
  EXPECT_EQ(resolve_region(grid, "us-esat-1").error().message(), "no region 'us-esat-1' in grid 2022-11; did you mean 'us-east-1'?");
  EXPECT_EQ(resolve_region(grid, "mars").error().code(), Code::kNotFound);
}

TEST(ResolveRegion, NamesAllThatFit) {
  const auto grid = parse_grid("src,dst,gbps,rtt_ms,date\na:north,b:north,1,2,2026-01\n", "g.csv");
  EXPECT_EQ(resolve_region(*grid, "north").error().message(), "'north' may be a:north or b:north; write the one that is meant in full");
}

TEST(ParseGrid, IsUndoneByWriteGrid) {
  const std::string text = "src,dst,gbps,rtt_ms,date\naws:a,gcp:b,1.5,20,2026-01\ngcp:b,aws:a,0.25,,2026-01\n";
  const auto grid = parse_grid(text, "g.csv");
  ASSERT_TRUE(grid.ok()) << grid.error().message();
  EXPECT_EQ(write_grid(*grid), text);
  const auto builtin = *builtin_grid();
  EXPECT_EQ(write_grid(*parse_grid(write_grid(builtin), "g.csv")), write_grid(builtin));
}

TEST(ParseGrid, NamesFileLineColumnAndMend) {
  const auto error_of = [](std::string_view lines) {
    return parse_grid("src,dst,gbps,rtt_ms,date\n" + std::string(lines), "g.csv").error().message();
  };
  EXPECT_EQ(error_of("a:x,a:y,fast,1,2026\n"), "g.csv:2:9: 'fast' is not a number; write the throughput like 4.75");
  EXPECT_EQ(error_of("x,a:y,1,1,2026\n"), "g.csv:2:1: 'x' is not a region; write its cloud and its name, like aws:us-east-1");
  EXPECT_EQ(error_of("a:x,a:x,1,1,2026\n"), "g.csv:2:5: a region is paired with itself; remove the line");
  EXPECT_EQ(error_of("a:x,a:y,1,1,2026\na:x,a:y,2,1,2026\n"), "g.csv:3:1: the pair a:x → a:y stands here a second time; keep one line");
  EXPECT_EQ(error_of("a:x,a:y,0,1,2026\n"), "g.csv:2:9: throughput 0 is out of bounds; it lies between 1e-06 and 100000");
  EXPECT_EQ(error_of("a:x,a:y,1,1,\n"), "g.csv:2:13: the date is missing; say when this was measured, like 2026-03");
  EXPECT_EQ(error_of(""), "g.csv:1:1: no lines below the headings; give at least one measured pair");
  EXPECT_EQ(parse_grid("src,dst,speed\n", "g.csv").error().message(),
            "g.csv:1:9: the columns are src,dst,gbps,rtt_ms,date; write them in this order");
}

}  // namespace
}  // namespace isobar::transfer
