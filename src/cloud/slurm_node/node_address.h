#pragma once

/// Where the other nodes of an allocation reach this one.

#include <string>

namespace isobar::cloud {

/// An IPv4 address: of the name that Slurm has for this node (SLURMD_NODENAME), of the address that its operators wrote down for it
/// (NodeAddr), or of its first interface. Names that lead to the machine itself, as distributions like to have its own, do not count.
/// Empty: there is none.
std::string slurm_node_address(const std::string& node);

}  // namespace isobar::cloud
