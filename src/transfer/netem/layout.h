#pragma once

/// What a testbed is called and addressed: names of namespaces and devices, addresses, and the lines for `ip -batch` that make
/// them. Pure, so that it is known before anything is touched, and so that what is left behind can be found by its name.
///
/// Namespaces are called inb-PID-SLOT-REGION. A slot is the testbed's own number among those of the machine: its management
/// network is 10.98.SLOT.0/24, a /30 for each region. Links have pairs out of 10.99.0.0/16, the same in every testbed, since
/// only the namespaces at their ends know them.

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transfer/scenario.h"
#include "transfer/testbed.h"

namespace isobar::transfer {

inline constexpr int kSlots = 256;

struct Layout {
  int slot = 0;
  std::vector<Site> sites;                      ///< in the order of Scenario::regions
  std::vector<std::string> management_devices;  ///< a site's, in the root namespace
};

Layout lay_out(const Scenario& scenario, pid_t owner, int slot);

struct NamespaceName {
  pid_t owner = 0;
  int slot = 0;
};
/// None for what no testbed has named.
std::optional<NamespaceName> parse_namespace_name(std::string_view name);

/// The root namespace's end of the management wire of a site: what `management_devices` holds.
std::string management_device(int slot, SiteIndex site);
/// The device of a link in the namespace of one of its ends: "to-b".
std::string link_device(const ScenarioRegion& peer);

/// Lines for `ip -batch` in the root namespace: the namespaces, then, in another run, the management network.
std::string add_namespaces(const Layout& layout);
std::string add_management(const Layout& layout);
/// Lines for `ip -n NAMESPACE -batch` of one site, when its devices are there.
std::string configure_site(const Scenario& scenario, const Layout& layout, SiteIndex site);

}  // namespace isobar::transfer
