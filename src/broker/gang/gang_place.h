#pragma once

/// Where a rank is in its job, as its environment says, and how rank 0 is found.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "gang_messages.h"

namespace isobar::broker {

struct GangPlace {
  int rank = 0;
  std::vector<std::string> addresses;  ///< of all ranks
  int gpus = 0;                        ///< of each node
  std::string task_id, key;
};

using Variables = std::function<std::optional<std::string>(const std::string& name)>;
/// Errors   kInvalidArgument: this is no rank of a job
Result<GangPlace> gang_place(const Variables& variables);

/// The ports that rank 0 listens at one of, in the order in which they are tried; the same on every rank.
std::vector<std::uint16_t> gang_ports(const std::string& task_id);

/// What each rank is called in host files: its host name, or "rank-N" for all where two have the same.
/// members   in rank order
std::vector<std::string> gang_names(const std::vector<GangMember>& members);
/// The rank that is meant by a host name, an address or "rank-N". None: no rank of the job
std::optional<int> gang_rank_of(const std::string& host, const std::vector<std::string>& names, const std::vector<std::string>& addresses);

/// "10.0.0.0/24": the network of this machine's interface with that address, for launchers that must choose among several. Empty: none has
/// it.
std::string network_of(const std::string& address);

/// What mpirun (Open MPI 4) is told by its environment: whom it may use, and how it reaches them.
/// hostfile, rsh   files; network   as network_of says
std::vector<std::pair<std::string, std::string>> mpi_variables(const std::string& hostfile, const std::string& rsh,
                                                               const std::string& network, bool as_root);

}  // namespace isobar::broker
