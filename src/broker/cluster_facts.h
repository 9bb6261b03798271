#pragma once

/// What the instances of a cluster say about it, and how they are reached.

#include <optional>
#include <string>
#include <vector>

#include "broker/broker.h"

namespace isobar::broker {

std::vector<cloud::Instance> without_terminated(std::vector<cloud::Instance> instances);

/// Why part of a cluster does not answer, or what became of one that its cloud ended; empty: all of it runs.
std::string problem_of(const std::vector<cloud::Instance>& instances);

/// None when there are no instances left.
std::optional<ClusterStatus> status_of(const std::vector<cloud::Instance>& instances, int num_nodes);

/// The ranks of which nothing is left that runs or could be started: missing, ended, or given up by their cloud as not answering.
/// Ascending.
std::vector<int> lost_ranks(const std::vector<cloud::Instance>& instances, int num_nodes);

/// A machine that just came up, or whose agent was just restarted, answers a moment later: one that is not to be had is tried again until
/// the deadline.
/// answer_least  what one that was reached may take to greet, however little is left
Result<AgentClient> connect_patiently(cloud::Provider& driver, const cloud::Instance& instance, const Clock& clock, Duration deadline,
                                      Duration answer_least = std::chrono::seconds(1));

Result<cloud::Provider*> find_provider(const BrokerParts& parts, const std::string& name);

}  // namespace isobar::broker
