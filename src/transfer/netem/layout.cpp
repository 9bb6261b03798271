#include "layout.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"

namespace isobar::transfer {

namespace {

constexpr std::string_view kPrefix = "inb";
/// Frames that wait in a device until the link takes them. What the device drops is not in the link's books, so there is room for
/// all that arrives while a busy machine lets the link wait: with the usual 1,000, a tenth of a gigabit was lost there.
constexpr int kDeviceQueueFrames = 20'000;
constexpr int kAddressesEach = 4, kPairsPerByte = 256 / kAddressesEach;

/// Address `which` (1 or 2) of the pair of a link.
std::string link_address(LinkIndex link, int which) {
  return fmt::format("10.99.{}.{}", link / kPairsPerByte, link % kPairsPerByte * kAddressesEach + which);
}

std::string management_address(int slot, SiteIndex site, int which) {
  return fmt::format("10.98.{}.{}", slot, site * kAddressesEach + which);
}

template <class T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::string management_device(int slot, SiteIndex site) { return fmt::format("{}{}.{}", kPrefix, slot, site); }

std::string link_device(const ScenarioRegion& peer) { return "to-" + peer.name; }

Layout lay_out(const Scenario& scenario, pid_t owner, int slot) {
  Layout layout{slot};
  for (SiteIndex i = 0; i < scenario.regions.size(); ++i) {
    Site site;
    site.region = scenario.regions[i].name;
    site.namespace_name = fmt::format("{}-{}-{}-{}", kPrefix, owner, slot, site.region);
    site.namespace_path = fs::path("/run/netns") / site.namespace_name;
    site.root_address = management_address(slot, i, 1);
    site.management_address = management_address(slot, i, 2);
    layout.sites.push_back(std::move(site));
    layout.management_devices.push_back(management_device(slot, i));
  }
  for (LinkIndex i = 0; i < scenario.links.size(); ++i) {
    const auto& link = scenario.links[i];
    layout.sites[link.from].addresses[scenario.regions[link.to].name] = link_address(i, 1);
    layout.sites[link.to].addresses[scenario.regions[link.from].name] = link_address(i, 2);
  }
  return layout;
}

std::optional<NamespaceName> parse_namespace_name(std::string_view name) {
  const auto parts = split(name, '-');
  if (parts.size() < 4 || parts[0] != kPrefix) return std::nullopt;
  const auto owner = number_of<pid_t>(parts[1]);
  const auto slot = number_of<int>(parts[2]);
  if (!owner || !slot || *slot >= kSlots) return std::nullopt;
  return NamespaceName{*owner, *slot};
}

std::string add_namespaces(const Layout& layout) {
  std::string lines;
  for (const auto& site : layout.sites) lines += fmt::format("netns add {}\n", site.namespace_name);
  return lines;
}

std::string add_management(const Layout& layout) {
  std::string lines;
  for (SiteIndex i = 0; i < layout.sites.size(); ++i) {
    const auto& device = layout.management_devices[i];
    lines += fmt::format("link add {} type veth peer name mgmt netns {}\n", device, layout.sites[i].namespace_name);
    lines += fmt::format("addr add {}/30 dev {}\nlink set {} up\n", layout.sites[i].root_address, device, device);
  }
  return lines;
}

std::string configure_site(const Scenario& scenario, const Layout& layout, SiteIndex site) {
  std::string lines = "link set lo up\n";
  lines += fmt::format("addr add {}/30 dev mgmt\nlink set mgmt up\n", layout.sites[site].management_address);
  for (LinkIndex i = 0; i < scenario.links.size(); ++i) {
    const auto& link = scenario.links[i];
    if (link.from != site && link.to != site) continue;
    const int own = link.from == site ? 1 : 2;
    const std::string device = link_device(scenario.regions[link.from == site ? link.to : link.from]);
    lines += fmt::format("addr add {} peer {} dev {}\n", link_address(i, own), link_address(i, 3 - own), device);
    lines += fmt::format("link set {} up mtu 1500 txqueuelen {}\n", device, kDeviceQueueFrames);
  }
  return lines;
}

}  // namespace isobar::transfer
