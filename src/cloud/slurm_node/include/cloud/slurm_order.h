#pragma once

/// What lies in the folder of a cluster on the shared home of a Slurm cluster, ~/.isobar/slurm/OWNER/CLUSTER/HASH:
///
///   order.json       what is to run there; mode 0600, for it holds tokens. Once it is gone, nothing may start any more
///   rank-<n>.json    where the agent of that rank is reached, there from its first answer on
///   <n>/             the instance of that rank (cloud/instance_folder.h); the home of its jobs is <n>/home
///   console-<n>.log  what its processes write when they have no log yet
///   script.log       the same of the job's script

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace isobar::cloud {

inline constexpr std::string_view kSlurmOrderFile = "order.json";

struct SlurmOrder {
  std::string cluster, token, region, zone, user;
  double cpus = 1;  ///< of each node
  int gpus = 0;
  std::vector<std::string> agent_tokens;  ///< one for each rank
  friend bool operator==(const SlurmOrder&, const SlurmOrder&) = default;
};
/// One line.
std::string encode(const SlurmOrder& order);
/// Errors   kInvalidArgument: not of the form, or without a rank
Result<SlurmOrder> parse_slurm_order(std::string_view json);

struct PublishedRank {
  std::string token;  ///< of the order
  int rank = 0;
  std::string address;  ///< an IP
  int port = 0;
  friend bool operator==(const PublishedRank&, const PublishedRank&) = default;
};
/// One line.
std::string encode(const PublishedRank& published);
/// Errors   kInvalidArgument: not of the form
Result<PublishedRank> parse_published_rank(std::string_view json);
/// "tls:HOST:PORT"
std::string agent_address_of(const PublishedRank& published);

}  // namespace isobar::cloud
