#pragma once

/// Many machines brought from one state to another, and watched until they are there. What EC2 has been told it shows a little later
/// in its lists; whatever is concluded here from a list is concluded from what it holds, never from what it lacks.

#include <string>
#include <vector>

#include "region_api.h"

namespace isobar::cloud::ec2 {

/// Runs the orders, several at once, and reports the machines in their order. After the first refusal none is begun any more.
/// Errors   the first refusal. Some machines may run, of which others are not known: remove them by their tags
Answer<std::vector<Machine>> run_all(RegionApi& api, const std::vector<RunOrder>& orders, const std::string& cluster);

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
