// The long runs of the db's proofs: seeded simulations for as long as they are given, and the table of seeded faults.
//
//   db_sim [SECONDS] [FIRST_SEED]     simulations until the time is over; stops at the first that breaks a promise
//   db_sim scenarios                  what adversaries do, one thing at a time, and whether the right thing comes of it
//   db_sim bugs [SEEDS]               switches each known fault on, and says by what it is found
//   db_sim check [STATES]             all orders of all messages, in small configurations; STATES: when to give one up
//   db_sim check bugs [STATES]        the same with each known fault switched on

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "db/checker.h"
#include "db/scenarios.h"
#include "db/seeded_bugs.h"
#include "db/simulation.h"

namespace isobar::db {
namespace {

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

int run_seeds(double seconds, std::uint64_t first) {
  const double start = seconds_now();
  SimVerdict sum;
  std::uint64_t seed = first;
  for (; seconds_now() - start < seconds; ++seed) {
    const double began = seconds_now();
    const auto options = SimOptions::draw(seed);
    const auto verdict = simulate(options);
    for (const auto& violation : verdict.violations) fmt::print("{}\n  {}\n", options.text(), violation);
    if (!verdict.ok()) return 1;
    if (seconds_now() - began > 5) fmt::print("slow, {:.1f} s, {} messages: {}\n", seconds_now() - began, verdict.messages, options.text());
    std::fflush(stdout);
    sum += verdict;
  }
  fmt::print(
      "{} runs in {:.0f} s, no promise broken: {} committed, {} read without a vote, {} aborted, {} finished for others, {} proposals of "
      "fallback leaders, {} "
      "crashes, "
      "{} contradictions kept as evidence, {} messages\n",
      seed - first, seconds_now() - start, sum.committed, sum.unvoted, sum.aborted, sum.recovered, sum.fallbacks, sum.crashes, sum.evidence,
      sum.messages);
  return 0;
}

int run_bugs(std::uint64_t seeds) {
  int missed = 0;
  for (int number = 1; number <= static_cast<int>(Bug::kLast); ++number) {
    const SeededBug bug(static_cast<Bug>(number));
    const std::string found = found_by(seeds);
    if (found.empty()) ++missed;
    fmt::print("{:<34} {}\n", name_of(static_cast<Bug>(number)), found.empty() ? "NOT FOUND" : found);
    std::fflush(stdout);
  }
  fmt::print("{} of {} seeded faults were found\n", static_cast<int>(Bug::kLast) - missed, static_cast<int>(Bug::kLast));
  return missed == 0 ? 0 : 1;
}

void print_violation(const CheckReport& report) {
  fmt::print("  {}\n", report.violation);
  for (const auto& step : report.trace) fmt::print("    {}\n", step);
}

/// Whether the checker finds what is seeded in one of the configurations; the first in which it does is printed.
bool found_by_check(std::size_t states) {
  for (auto configuration : check_configurations()) {
    configuration.states_most = states;
    const auto report = check(configuration);
    if (report.violation.empty()) continue;
    fmt::print("{}, after {} states\n", configuration.name, report.states);
    print_violation(report);
    return true;
  }
  fmt::print("in none of the configurations\n");
  return false;
}

int run_check_bugs(std::size_t states) {
  int found = 0;
  for (int number = 1; number <= static_cast<int>(Bug::kLast); ++number) {
    const SeededBug bug(static_cast<Bug>(number));
    fmt::print("{:<34} ", name_of(static_cast<Bug>(number)));
    if (found_by_check(states)) ++found;
    std::fflush(stdout);
  }
  fmt::print("{} of {} seeded faults break a promise that is checked\n", found, static_cast<int>(Bug::kLast));
  return 0;
}

int run_scenarios() {
  int wrong = 0;
  for (const auto& scenario : all_scenarios()) {
    const std::string otherwise = scenario.run();
    fmt::print("{:<58} {}\n", scenario.name, otherwise.empty() ? "as it should" : "WRONG: " + otherwise);
    if (!otherwise.empty()) ++wrong;
  }
  return wrong == 0 ? 0 : 1;
}

int run_check(std::size_t states) {
  int wrong = 0;
  for (auto configuration : check_configurations()) {
    if (states) configuration.states_most = states;
    const double began = seconds_now();
    const auto report = check(configuration);
    const std::string how = !report.violation.empty() ? "VIOLATED" : report.exhausted ? "exhausted" : "stopped there";
    fmt::print("{:<30} {:>8} states, {:>6} of one replica, {:>9} steps, {:>5.1f} s: {}\n", configuration.name, report.states,
               report.replica_states, report.steps, seconds_now() - began, how);
    if (!report.violation.empty()) {
      ++wrong;
      print_violation(report);
    }
    std::fflush(stdout);
  }
  return wrong == 0 ? 0 : 1;
}

}  // namespace
}  // namespace isobar::db

int main(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "60";
  const std::uint64_t second = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (first == "scenarios") return isobar::db::run_scenarios();
  if (first == "bugs") return isobar::db::run_bugs(second ? second : 300);
  if (first == "check" && argc > 2 && std::string(argv[2]) == "bugs")
    return isobar::db::run_check_bugs(argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 2'000);
  if (first == "check") return isobar::db::run_check(second);
  return isobar::db::run_seeds(std::strtod(first.c_str(), nullptr), second ? second : 1);
}
