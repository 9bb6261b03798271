#pragma once

/// A network to try transfers on, as data: regions, the links between them with rate, delay, loss and queue, and what happens
/// to them in time. A file of docs/formats/scenario.md, or one of those that are built in from catalog/transfer/scenarios.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "transfer/egress_price.h"
#include "transfer/grid.h"

namespace isobar::transfer {

/// A region or a link, by its place in Scenario::regions or Scenario::links.
using SiteIndex = std::size_t;
using LinkIndex = std::size_t;

struct ScenarioRegion {
  std::string name;  ///< "us-east"; at most 12 bytes of a-z, 0-9, _ and -
  double usd_per_gb = 0;
  double vm_usd_per_hour = 0;
  double vm_egress_gbps = 0;  ///< most that one gateway sends; 0: no limit. For the planner: links are what holds traffic back
  double vm_ingress_gbps = 0;
};

/// What one direction of a link does to what is sent over it.
struct LinkShape {
  std::optional<double> gbps;  ///< Gbit/s of 1e9 bits, headers included; unset: as fast as the machine
  Duration delay{0};           ///< one way
  double loss = 0;             ///< chance of each segment, in [0, 1]
  ByteCount queue;             ///< most that waits to be sent; what comes on top is dropped. Not used where there is no rate
};

struct ScenarioLink {
  SiteIndex from = 0, to = 0;
  LinkShape there, back;  ///< from → to, to → from
};

struct ScenarioEvent {
  enum class Kind {
    kCut,   ///< the link carries nothing from now on; what is under way is lost
    kHeal,  ///< it carries again
    kLoss,  ///< both of its directions lose this much from now on
    kKill,  ///< every process that runs in the region is ended; its links stay
  };
  Duration at{0};  ///< since the command, or whatever is tried, began
  Kind kind = Kind::kCut;
  LinkIndex link = 0;    ///< of all but kKill
  SiteIndex region = 0;  ///< of kKill
  double loss = 0;       ///< of kLoss, in [0, 1]
};

struct Scenario {
  std::string name;   ///< "triangle", or the file's name without folder and suffix
  std::string file;   ///< as open_scenario takes it: the name of a built-in one, or an absolute path
  std::string about;  ///< one sentence
  std::vector<ScenarioRegion> regions;
  std::vector<ScenarioLink> links;    ///< at most one between two regions
  std::vector<ScenarioEvent> events;  ///< in the order of their times

  std::string link_name(LinkIndex link) const { return regions[links[link].from].name + "-" + regions[links[link].to].name; }
};

/// Most regions and links that a scenario may have: what the addresses of a testbed reach.
inline constexpr std::size_t kSitesMax = 64, kLinksMax = 1024;

/// name     the file, for messages; its stem becomes Scenario::name
/// Errors   kInvalidArgument: every problem of the file, a line each: "name:line:column: field: what is wrong; what mends it"
Result<Scenario> parse_scenario(std::string_view yaml, const std::string& name);

/// "edge-cut", "lossy", …: what builtin_scenario knows.
std::vector<std::string> builtin_scenario_names();
/// A built-in scenario's file as it was written.
/// Errors   kNotFound: no such scenario; the message names the nearest
Result<std::string_view> builtin_scenario_text(std::string_view name);

/// A built-in scenario by its name, else a file.
/// Errors   kNotFound, kInvalidArgument
Result<Scenario> open_scenario(const std::string& name_or_path);

/// The scenario as the planner sees it: regions are called "netem:" and their name, the rates are of whole links.
Grid scenario_grid(const Scenario& scenario);
PriceBook scenario_prices(const Scenario& scenario);

}  // namespace isobar::transfer
