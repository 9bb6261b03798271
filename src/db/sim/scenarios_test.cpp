#include "db/scenarios.h"

#include <gtest/gtest.h>

namespace isobar::db {

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

namespace {

class DbScenario : public testing::TestWithParam<Scenario> {};

TEST_P(DbScenario, ComesOutRight) { EXPECT_EQ(GetParam().run(), ""); }

INSTANTIATE_TEST_SUITE_P(All, DbScenario, testing::ValuesIn(all_scenarios()), [](const auto& scenario) { return scenario.param.name; });

}  // namespace
}  // namespace isobar::db
