#pragma once

/// A plan as people and programs read it.

#include <string>

#include "broker/optimizer.h"

namespace isobar::broker {

enum class Colour { kOff, kOn };

/// One table a task, under its name where there are several: the best candidate of each cloud, best first, ✔ on the pick.
///   INFRA  INSTANCE  vCPUs  Mem(GB)  GPUS  COST ($)  CHOSEN
/// COST is of all nodes for the task's runtime. Several tasks are followed by the totals. UTF-8; colours only when told so.
std::string render_plan(const Plan& plan, Colour colour = Colour::kOff);

/// Why the rest was left out: a line for each cloud and reason, by task. Empty when nothing was.
std::string explain(const Plan& plan);

/// {"objective", "method", "gap", "time_seconds", "compute_cost", "egress_cost", "total_cost", "tasks": [{"name", "num_nodes",
/// "runtime_seconds", "cost", "pick": {…}, "candidates": [the best of each cloud], "candidate_count", "exclusions": […]}]}
std::string plan_json(const Plan& plan);

/// "AWS (us-east-1)", "GCP (us-central1-a)", "AWS (us-east-1/use1-az1)": where a candidate is.
std::string show_place(const Candidate& candidate);

}  // namespace isobar::broker
