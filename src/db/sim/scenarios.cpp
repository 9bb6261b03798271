#include "db/scenarios.h"

#include <fmt/format.h>

#include "db/simulation.h"

namespace isobar::db {

std::vector<Scenario> all_scenarios() {
  std::vector<Scenario> all;
  for (const auto& group : {certificate_scenarios(), check_scenarios(), catch_up_scenarios(), checkpoint_scenarios(), evidence_scenarios(),
                            fallback_scenarios(), client_scenarios(), scan_scenarios()})
    all.insert(all.end(), group.begin(), group.end());
  return all;
}

std::string found_by(std::uint64_t seeds) {
  for (const auto& scenario : all_scenarios())
    if (const std::string otherwise = scenario.run(); !otherwise.empty()) return fmt::format("{}: {}", scenario.name, otherwise);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    if (const auto verdict = simulate(SimOptions::draw(seed)); !verdict.ok())
      return fmt::format("seed {}: {}", seed, verdict.violations.front());
  return "";
}

}  // namespace isobar::db
