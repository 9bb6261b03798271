#pragma once

/// A plan for people, for programs, and as a picture.

#include <string>

#include "transfer/plan_request.h"

namespace isobar::transfer {

/// The ways with their rates and prices, the VMs, and the plan beside its baselines. UTF-8.
std::string render_plan(const PlanReport& report);

/// The plan in one line: its ways, rate, time and price, beside the direct one.
std::string plan_line(const PlanReport& report);

/// What holds the plan back, where each price comes from, and how far from the best it may be.
std::string explain_plan(const PlanReport& report);

/// One object; the gateway programs are in it under "programs". Stable order.
std::string plan_json(const PlanReport& report);

/// A self-contained SVG: the regions where they are on the globe, links as wide as their rates, the costs below.
std::string plan_svg(const PlanReport& report);

}  // namespace isobar::transfer
