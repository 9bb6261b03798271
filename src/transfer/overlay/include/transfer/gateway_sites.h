#pragma once

/// Machines for gateways that a user has already: this one, others reached over SSH, and namespaces of an emulated network.
/// docs/formats/sites.md

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transfer/gateway_host.h"

namespace isobar::transfer {

struct GatewaySite {
  std::string region;                               ///< as the grid calls it: "aws:us-east-1"
  std::string ssh;                                  ///< host, or user@host, as the user's own ssh knows it; empty: this machine
  std::string namespace_path;                       ///< of this machine: a network namespace; empty: its own network
  std::string address;                              ///< where other gateways reach it
  std::map<std::string, std::string> address_from;  ///< by the region they are in, where that differs
};

/// name   of the file, for messages
/// Errors kInvalidArgument: every problem, a line each, with its place
Result<std::vector<GatewaySite>> parse_sites(std::string_view yaml, const std::string& name);

/// The sites of an emulated network, from the file that ISOBAR_NETEM names. Regions are called "netem:" and their name.
/// scenario  is set to what open_scenario takes
/// Errors    kInvalidArgument
Result<std::vector<GatewaySite>> parse_testbed_sites(std::string_view json, std::string& scenario);

/// node_program   isobar-node on this machine: it is run here, and sent to machines that do not have it
/// Several sites of one region are several machines; gateway REGION/N runs on the Nth, counted round.
std::unique_ptr<GatewayHost> make_site_host(std::vector<GatewaySite> sites, fs::path node_program);

}  // namespace isobar::transfer
