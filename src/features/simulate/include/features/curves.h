#pragma once

/// A simulation's curves for people and programs.

#include <string>
#include <string_view>

#include "features/simulation.h"
#include "features/workload.h"

namespace isobar::features {

/// Tables for a terminal: the error of each policy and budget; what share of round-robin's and fifo's error it is, and how much of their
/// excess over the always fresh is gone, where those were simulated.
std::string render_simulation(const Workload& workload, const Simulation& simulation);

/// policy,budget,error,refreshes: a line each, with `never` and `always` as policies without a budget.
std::string curves_csv(const Simulation& simulation);

/// A program for gnuplot that draws the curves into `file`.
/// terminal   svg or png
std::string gnuplot_script(const Workload& workload, const Simulation& simulation, std::string_view terminal, const std::string& file);

}  // namespace isobar::features
