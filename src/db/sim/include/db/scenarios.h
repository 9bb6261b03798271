#pragma once

/// What adversaries do, one thing at a time, and what must come of it. Each scenario is run by the tests, and again with every seeded fault
/// switched on, one of which at least it should then fail.

#include <cstdint>
#include <string>
#include <vector>

namespace isobar::db {

struct Scenario {
  std::string name;      ///< the right outcome, as a claim
  std::string (*run)();  ///< empty: so it is; else what was otherwise
};

std::vector<Scenario> certificate_scenarios();
std::vector<Scenario> check_scenarios();
std::vector<Scenario> catch_up_scenarios();
std::vector<Scenario> checkpoint_scenarios();
std::vector<Scenario> evidence_scenarios();
std::vector<Scenario> fallback_scenarios();
std::vector<Scenario> client_scenarios();
std::vector<Scenario> scan_scenarios();
std::vector<Scenario> all_scenarios();

/// What shows that something is wrong: the first scenario that comes out otherwise, else the first of `seeds` simulated runs that breaks a
/// promise. Empty: nothing does.
std::string found_by(std::uint64_t seeds);

}  // namespace isobar::db
