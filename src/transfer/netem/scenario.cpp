#include "transfer/scenario.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "builtin_scenarios.h"
#include "transfer/rate.h"
#include "yaml/field_reader.h"

namespace isobar::transfer {

namespace {

constexpr std::size_t kNameBytesMax = 12;  // "to-" and a name are the name of a device, which has 15 at most
constexpr Duration kRttMax = std::chrono::seconds(60), kEventMax = std::chrono::hours(24);
constexpr ByteCount kQueueLeast{256 * kKiB}, kQueueMost{4 * kGiB};
constexpr double kGbpsMax = 1000, kGbpsLeast = 1e-6, kUsdMax = 1e6;
/// What the planner is told of a link without a rate.
constexpr double kGbpsUnshaped = 10;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

/// "1%", "0.01%".
Result<double> parse_loss(std::string_view text) {
  const std::string digits(text.substr(0, text.size() - 1));
  char* end = nullptr;
  const double percent = std::strtod(digits.c_str(), &end);
  const bool read = text.ends_with('%') && !digits.empty() && end == digits.c_str() + digits.size();
  if (!read || !(percent >= 0 && percent <= 100))
    return invalid(fmt::format("'{}' is not a share of what is sent; write it like 1% or 0.01%", text));
  return percent / 100;
}

/// One text of a map, given to a parser; what the parser says is reported in the text's place.
template <class Value, class Parse>
bool read_parsed(FieldReader& fields, std::string_view key, Value& into, Parse parse) {
  std::string text;
  if (!fields.text(key, text)) return false;
  auto value = parse(text);
  if (!value.ok()) return fields.report(key, value.error().message()), false;
  into = std::move(value).value();
  return true;
}

bool read_rate(FieldReader& fields, std::string_view key, double& into) {
  if (!read_parsed(fields, key, into, parse_gbps)) return false;
  if (into >= kGbpsLeast && into <= kGbpsMax) return true;
  return fields.report(key, "expected a rate from 1kbit to 1Tbit, written like 800Mbit or 0.001Mbit"), false;
}

void read_amount(FieldReader& fields, std::string_view key, double& into) {
  double value = 0;
  if (!fields.number(key, value, 0)) return;
  if (value > kUsdMax) fields.report(key, fmt::format("expected at most {:g}", kUsdMax));
  else into = value;
}

bool read_time(FieldReader& fields, std::string_view key, Duration& into, Duration most) {
  Duration value{0};
  if (!fields.seconds(key, value)) return false;
  if (value > most) return fields.report(key, fmt::format("expected at most {}", format_duration(most))), false;
  into = value;
  return true;
}

/// Reads a file into a scenario. Indices into its lists are found by name as the lists grow.
class ScenarioReader {
 public:
  ScenarioReader(Problems& problems, Scenario& into) : problems_(problems), scenario_(into) {}

  void read(const YamlNode& document) {
    FieldReader fields(document, "", problems_);
    fields.text("about", scenario_.about);
    if (fields.has("regions")) read_regions(*fields.get("regions"));
    else fields.report("regions", "a scenario needs regions, such as {a: {}, b: {}}");
    each_of(fields, "links", kLinksMax, [this](FieldReader& link) { read_link(link); });
    each_of(fields, "events", kLinksMax, [this](FieldReader& event) { read_event(event); });
    fields.finish();
    std::stable_sort(scenario_.events.begin(), scenario_.events.end(), [](auto& a, auto& b) { return a.at < b.at; });
  }

 private:
  template <class Read>
  void each_of(FieldReader& fields, const std::string& key, std::size_t most, Read read) {
    const YamlNode* list = fields.get(key);
    if (!list) return;
    if (list->kind != YamlNode::Kind::kSequence)
      fields.report(key, fmt::format("expected a list of {}, got {}", key, describe_node(*list)));
    if (list->items.size() > most) return fields.report(key, fmt::format("more than {} {}", most, key));
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      FieldReader item(list->items[i], fmt::format("{}[{}]", key, i), problems_);
      read(item);
      item.finish();
    }
  }

  void read_regions(const YamlNode& node) {
    FieldReader regions(node, "regions", problems_);
    if (regions.free_fields().size() > kSitesMax)
      return problems_.add(node.mark, "regions", fmt::format("more than {} regions", kSitesMax));
    for (const auto& [key, value] : regions.free_fields()) {
      if (!is_name(key.text))
        problems_.add(key.mark, "regions",
                      fmt::format("'{}' is not a region's name; write 1 to {} of a-z, 0-9, _ and -", key.text, kNameBytesMax));
      FieldReader fields(value, regions.path_of(key.text), problems_);
      ScenarioRegion region{key.text};
      read_amount(fields, "usd_per_gb", region.usd_per_gb);
      read_amount(fields, "vm_usd_per_hour", region.vm_usd_per_hour);
      read_rate(fields, "vm_egress", region.vm_egress_gbps);
      read_rate(fields, "vm_ingress", region.vm_ingress_gbps);
      fields.finish();
      scenario_.regions.push_back(std::move(region));
    }
  }

  std::optional<SiteIndex> read_region_name(FieldReader& fields, std::string_view key) {
    std::string name;
    if (!fields.text(key, name)) {
      if (!fields.has(key)) fields.report(key, "is missing; name a region");
      return std::nullopt;
    }
    std::vector<std::string> names;
    for (const auto& region : scenario_.regions) names.push_back(region.name);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return found - names.begin();
    fields.report(key, fmt::format("there is no region '{}'; there are {}", name, join(names, ", ")));
    return std::nullopt;
  }

  /// Where a field is missing the value stays as it was.
  static void read_shape(FieldReader& fields, LinkShape& shape) {
    if (double gbps = 0; read_rate(fields, "rate", gbps)) shape.gbps = gbps;
    read_parsed(fields, "loss", shape.loss, parse_loss);
    if (!read_parsed(fields, "queue", shape.queue, [](const std::string& text) { return parse_bytes(text); })) return;
    if (shape.queue > kQueueMost) fields.report("queue", "expected at most 4GB");
    if (!shape.gbps) fields.report("queue", "a link without a rate has no queue; give it a rate, or leave the queue out");
  }

  void read_link(FieldReader& fields) {
    const auto from = read_region_name(fields, "from"), to = read_region_name(fields, "to");
    Duration rtt{0};
    read_time(fields, "rtt", rtt, kRttMax);
    LinkShape there;
    there.delay = rtt / 2;
    read_shape(fields, there);
    LinkShape back = there;
    if (const YamlNode* node = fields.get("back")) {
      FieldReader way_back(*node, fields.path_of("back"), problems_);
      read_shape(way_back, back);
      way_back.finish();
    }
    if (!from || !to) return;
    if (*from == *to) return fields.report("to", "a link joins two regions; name another one");
    for (const auto& link : scenario_.links)
      if (std::minmax(link.from, link.to) == std::minmax(*from, *to))
        return fields.report("to", "these two regions have a link already; keep one of them");
    scenario_.links.push_back({*from, *to, with_queue(there), with_queue(back)});
  }

  /// Unless told otherwise a queue holds what the link carries in one round trip, as is usual.
  static LinkShape with_queue(LinkShape shape) {
    if (!shape.gbps || shape.queue.value > 0) return shape;
    const double bytes = *shape.gbps * static_cast<double>(2 * shape.delay.count()) / 8;
    shape.queue = std::clamp({static_cast<std::uint64_t>(bytes)}, kQueueLeast, kQueueMost);
    return shape;
  }

  std::optional<LinkIndex> read_link_name(FieldReader& fields, std::string_view key) {
    std::string name;
    if (!fields.text(key, name)) return std::nullopt;
    std::vector<std::string> names;
    for (LinkIndex i = 0; i < scenario_.links.size(); ++i) {
      const auto& [from, to, there, back] = scenario_.links[i];
      names.push_back(scenario_.link_name(i));
      if (name == names.back() || name == scenario_.regions[to].name + "-" + scenario_.regions[from].name) return i;
    }
    fields.report(
        key, names.empty() ? "the scenario has no links" : fmt::format("there is no link '{}'; there are {}", name, join(names, ", ")));
    return std::nullopt;
  }

  void read_event(FieldReader& fields) {
    ScenarioEvent event;
    if (!read_time(fields, "at", event.at, kEventMax) && !fields.has("at")) fields.report("at", "is missing; say when, like 5s");
    int kinds = 0;
    bool whole = true;
    const auto of_link = [&](const char* key, ScenarioEvent::Kind kind) {
      if (!fields.has(key)) return;
      ++kinds;
      event.kind = kind;
      const auto link = read_link_name(fields, key);
      whole = whole && link;
      event.link = link.value_or(0);
    };
    of_link("cut", ScenarioEvent::Kind::kCut);
    of_link("heal", ScenarioEvent::Kind::kHeal);
    of_link("loss", ScenarioEvent::Kind::kLoss);
    if (fields.has("kill")) {
      ++kinds;
      event.kind = ScenarioEvent::Kind::kKill;
      const auto region = read_region_name(fields, "kill");
      whole = whole && region;
      event.region = region.value_or(0);
    }
    const bool told = read_parsed(fields, "to", event.loss, parse_loss);
    if (kinds != 1) fields.report("", "an event is one of cut, heal, loss (of a link) and kill (of a region)");
    else if (told != (event.kind == ScenarioEvent::Kind::kLoss))
      fields.report("to", "loss needs the share to lose, like to: 1%; nothing else takes it");
    if (kinds == 1 && whole) scenario_.events.push_back(event);
  }

  Problems& problems_;
  Scenario& scenario_;
};

std::string stem_of(const std::string& name) { return fs::path(name).stem().string(); }

std::string planner_name(const ScenarioRegion& region) { return "netem:" + region.name; }

}  // namespace

Result<Scenario> parse_scenario(std::string_view yaml, const std::string& name) {
  TRY_ASSIGN(const auto documents, read_yaml(yaml, name));
  Problems problems(name);
  if (documents.size() > 1) problems.add(documents[1].mark, "", "a scenario is one document; remove what follows ---");
  Scenario scenario;
  scenario.name = stem_of(name);
  ScenarioReader(problems, scenario).read(documents[0]);
  if (!problems.empty()) return invalid(problems.text());
  return scenario;
}

std::vector<std::string> builtin_scenario_names() {
  std::vector<std::string> names;
  for (const auto& [name, text] : builtin_scenarios()) names.emplace_back(name);
  return names;
}

Result<std::string_view> builtin_scenario_text(std::string_view name) {
  const auto scenarios = builtin_scenarios();
  if (const auto found = scenarios.find(name); found != scenarios.end()) return found->second;
  const auto names = builtin_scenario_names();
  const auto near = closest(name, names);
  return not_found(fmt::format("there is no scenario and no file '{}'; {}", name,
                               near ? fmt::format("did you mean {}?", *near) : fmt::format("built in are {}", join(names, ", "))));
}

Result<Scenario> open_scenario(const std::string& name_or_path) {
  if (const auto text = builtin_scenario_text(name_or_path); text.ok() || !fs::exists(name_or_path)) {
    TRY(Result(text));
    TRY_ASSIGN(auto scenario, parse_scenario(*text, name_or_path + ".yaml"));
    scenario.file = name_or_path;
    return scenario;
  }
  TRY_ASSIGN(const std::string text, read_file(name_or_path));
  TRY_ASSIGN(auto scenario, parse_scenario(text, name_or_path));
  scenario.file = fs::absolute(name_or_path).string();
  return scenario;
}

Grid scenario_grid(const Scenario& scenario) {
  Grid grid;
  for (const auto& region : scenario.regions) grid.regions.push_back(planner_name(region));
  std::sort(grid.regions.begin(), grid.regions.end());
  const auto index = [&](SiteIndex site) {
    const auto found = std::lower_bound(grid.regions.begin(), grid.regions.end(), planner_name(scenario.regions[site]));
    return static_cast<RegionIndex>(found - grid.regions.begin());
  };
  grid.gbps = grid.rtt_ms = PairTable(grid.regions.size());
  for (const auto& [from, to, there, back] : scenario.links) {
    grid.gbps.at(index(from), index(to)) = there.gbps.value_or(kGbpsUnshaped);
    grid.gbps.at(index(to), index(from)) = back.gbps.value_or(kGbpsUnshaped);
    grid.rtt_ms.at(index(from), index(to)) = grid.rtt_ms.at(index(to), index(from)) = to_seconds(there.delay + back.delay) * 1000;
  }
  grid.date = "emulated";
  grid.name = scenario.name;
  return grid;
}

PriceBook scenario_prices(const Scenario& scenario) {
  std::string egress = "# date: emulated\nfrom,to,network,after_gb,usd_per_gb\n",
              vms = "cloud,instance,vcpus,usd_per_hour,egress_gbps,ingress_gbps\n";
  for (const auto& region : scenario.regions) {
    egress += fmt::format("{},netem,premium,0,{}\n", planner_name(region), region.usd_per_gb);
    vms +=
        fmt::format("{},gateway,1,{},{},{}\n", planner_name(region), region.vm_usd_per_hour, region.vm_egress_gbps, region.vm_ingress_gbps);
  }
  auto book = PriceBook::parse(egress, vms, "cloud,write_usd_per_1000,read_usd_per_1000\n", "region,latitude,longitude,place,group\n");
  CHECK(book.ok(), book.error().message());
  return std::move(book).value();
}

}  // namespace isobar::transfer
