#pragma once

/// Many machines brought from one state to another, and watched until they are there. What a cloud has been told it shows in its lists
/// a little later, so that a machine whose id is known is never taken for gone because a list lacks it for a while.

#include <string>
#include <vector>

#include "cloud/machine_cloud.h"

namespace isobar::cloud {

/// A cloud in one of its places, until `end`.
struct Fleet {
  MachineCloud& cloud;
  std::string place;
  const Pace& pace;
  Instant end;

  Answer<std::vector<CloudMachine>> machines(const Wanted& wanted) { return cloud.machines(place, wanted, end); }
};

/// Makes the ranks, several at once. After the first refusal none is begun any more.
/// made     gets the ids of all machines that were made, also when others were refused
/// Errors   the first refusal, in the order of the ranks
Answer<Nothing> make_all(Fleet& fleet, MachineMaker& maker, const std::vector<int>& ranks, std::vector<std::string>& made);

/// Waits until all of `ids` run and have their addresses.
/// wanted   covers all of them
/// Errors   the code of the cloud's reason ("InsufficientInstanceCapacity") when one ends or stops meanwhile; kDeadlineExceeded
Answer<std::vector<CloudMachine>> await_running(Fleet& fleet, const Wanted& wanted, const std::vector<std::string>& ids);

/// Waits until all of `ids` are stopped.
Answer<Nothing> await_stopped(Fleet& fleet, const Wanted& wanted, const std::vector<std::string>& ids);

/// Starts machines that are stopped, or about to be.
Answer<Nothing> start_again(Fleet& fleet, const Wanted& wanted, const std::vector<std::string>& ids);

/// Removes these machines, and returns when the cloud has acknowledged the end of each.
Answer<Nothing> remove_machines(Fleet& fleet, std::vector<std::string> ids);

/// Removes the machines that are wanted and those in `known`, and returns when the cloud has acknowledged the end of each and lists
/// no other. Finding nothing is a success.
Answer<Nothing> remove_all(Fleet& fleet, const Wanted& wanted, std::vector<std::string> known = {});

}  // namespace isobar::cloud
