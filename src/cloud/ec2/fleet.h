#pragma once

/// Many machines brought from one state to another, and watched until they are there. What EC2 has been told it shows in its lists a
/// little later, so that a machine whose id is known is never taken for gone because a list lacks it.

#include <string>
#include <vector>

#include "region_api.h"

namespace isobar::cloud::ec2 {

/// Runs the orders, several at once. After the first refusal none is begun any more.
/// made     gets the ids of all machines that were made, also when others were refused
/// Errors   the first refusal, in the order of the orders
Answer<Nothing> run_all(RegionApi& api, const std::vector<RunOrder>& orders, std::vector<std::string>& made);

/// Waits until all of `ids` run and have their addresses.
/// tag_filters   which machines are asked for: EC2 refuses a question about ids of which it does not know one yet
/// Errors   the code of EC2's reason ("InsufficientInstanceCapacity") when one ends or stops meanwhile; kDeadlineExceeded at api.end()
Answer<std::vector<Machine>> await_running(RegionApi& api, const std::vector<Filter>& tag_filters, const std::vector<std::string>& ids);

/// Waits until all of `ids` are stopped.
Answer<Nothing> await_stopped(RegionApi& api, const std::vector<Filter>& tag_filters, const std::vector<std::string>& ids);

/// Cancels the spot requests that match, terminates the machines that match and those in `known`, and returns when EC2 has
/// acknowledged the end of each and lists none. Finding nothing is a success.
/// tag_filters   of machines and requests alike: "tag:…" alone
Answer<Nothing> remove_all(RegionApi& api, const std::vector<Filter>& tag_filters, std::vector<std::string> known = {});

std::vector<std::string> ids_of(const std::vector<Machine>& machines);

}  // namespace isobar::cloud::ec2
