#include "transfer/plan_report.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cmath>

#include "base/text_table.h"

namespace isobar::transfer {

namespace {

namespace json = boost::json;

std::string gbps_text(double gbps) { return gbps >= 100 ? fmt::format("{:.0f}", gbps) : fmt::format("{:.2f}", gbps); }
std::string usd_text(double usd) { return fmt::format("{:.2f}", usd); }
std::string time_text(double seconds) { return format_duration(from_seconds(seconds < 60 ? seconds : std::round(seconds))); }

bool is_path(const Route& route) {
  for (std::size_t i = 1; i < route.links.size(); ++i)
    if (route.links[i].first != route.links[i - 1].second) return false;
  return true;
}

/// "a → b → c" for a path; for a tree every region with those it passes on to: "a → {b → c, d}".
std::string route_text(const Route& route, const std::string& from) {
  std::vector<std::string> branches;
  for (const auto& [parent, child] : route.links)
    if (parent == from) branches.push_back(route_text(route, child));
  if (branches.empty()) return from;
  if (branches.size() == 1) return from + " → " + branches[0];
  return fmt::format("{} → {{{}}}", from, fmt::join(branches, ", "));
}

double price_of(const PlanReport& report, const Route& route) {
  double usd_per_gb = 0;
  for (const auto& [from, to] : route.links)
    for (const PlannedLink& link : report.links)
      if (link.from == from && link.to == to) usd_per_gb += link.usd_per_gb;
  return usd_per_gb;
}

/// A tree takes several lines: one for each region that passes data on.
std::vector<std::string> route_lines(const Route& route, const std::string& source) {
  if (is_path(route)) return {route_text(route, source)};
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < route.links.size(); ++i) {
    const std::string& from = route.links[i].first;
    bool first = true;
    for (std::size_t before = 0; before < i; ++before) first &= route.links[before].first != from;
    if (!first) continue;
    std::vector<std::string> to;
    for (const auto& [parent, child] : route.links)
      if (parent == from) to.push_back(child);
    lines.push_back(fmt::format("{} → {}", from, fmt::join(to, ", ")));
  }
  return lines;
}

std::string beside(const PlanCost& cost, const PlanCost& direct) {
  return fmt::format("{:.2f}x speed, {:.2f}x price", cost.gbps / direct.gbps, cost.usd() / std::max(direct.usd(), 1e-9));
}

}  // namespace

std::string plan_line(const PlanReport& report) {
  std::vector<std::string> ways;
  for (const auto& route : report.plan.routes)
    ways.push_back(fmt::format("{} {} Gbit/s", route_text(route, report.plan.source), gbps_text(route.share * report.plan.gbps)));
  std::string line = fmt::format("{}: {} in {}, ${:.4g}", fmt::join(ways, "; "), format_bytes(report.bytes), time_text(report.cost.seconds),
                                 report.cost.usd());
  for (const auto& baseline : report.baselines)
    if (baseline.name == "direct")
      line += fmt::format(" (direct: {} Gbit/s, {}, ${:.4g})", gbps_text(baseline.cost.gbps), time_text(baseline.cost.seconds),
                          baseline.cost.usd());
  return line;
}

std::string render_plan(const PlanReport& report) {
  const RoutedPlan& plan = report.plan;
  std::string text =
      fmt::format("{} from {} to {}, {}\n", format_bytes(report.bytes), plan.source, fmt::join(plan.destinations, ", "), report.goal);
  TextTable ways({plan.destinations.size() > 1 ? "TREE" : "PATH", "SHARE", "GBIT/S", "EGRESS ($/GB)"});
  for (const Route& route : plan.routes) {
    bool first = true;
    for (const auto& line : route_lines(route, plan.source)) {
      if (first)
        ways.add({line, fmt::format("{:.0f}%", route.share * 100), gbps_text(route.share * plan.gbps),
                  fmt::format("{:.4f}", price_of(report, route))});
      else ways.add({"  " + line, "", "", ""});
      first = false;
    }
  }
  text += ways.render(1, 3, true);
  TextTable vms({"GATEWAYS IN", "VMS", "INSTANCE", "$/HOUR"});
  for (const PlannedVms& vm : report.vms)
    vms.add({vm.region, std::to_string(vm.count), vm.instance.empty() ? "-" : vm.instance, usd_text(vm.count * vm.usd_per_hour)});
  text += vms.render(1, 3) + "\n";
  TextTable costs({"", "GBIT/S", "TIME", "EGRESS ($)", "VMS ($)", "TOTAL ($)", ""});
  const auto row = [&](const std::string& name, const PlanCost& cost, const std::string& remark) {
    costs.add({name, gbps_text(cost.gbps), time_text(cost.seconds), usd_text(cost.egress_usd), usd_text(cost.vm_usd), usd_text(cost.usd()),
               remark});
  };
  const PlanCost* direct = !report.baselines.empty() && report.baselines[0].name == "direct" ? &report.baselines[0].cost : nullptr;
  row("this plan", report.cost, direct ? beside(report.cost, *direct) : "");
  for (const Baseline& baseline : report.baselines) {
    const std::string name = baseline.via.empty() ? baseline.name : fmt::format("{} ({})", baseline.name, fmt::join(baseline.via, ", "));
    row(name, baseline.cost, direct && &baseline.cost != direct ? beside(baseline.cost, *direct) : "");
  }
  text += costs.render(1, 3);
  return text;
}

std::string explain_plan(const PlanReport& report) {
  std::string text = "What holds the plan back:\n";
  if (report.limits.empty()) text += "  nothing but what was asked for: more would be possible, for more money\n";
  for (const auto& limit : report.limits) text += "  " + limit + "\n";
  text += "Links:\n";
  TextTable links({"FROM", "TO", "GBIT/S", "ONE VM PAIR", "RTT (MS)", "GB", "$/GB"});
  for (const PlannedLink& link : report.links)
    links.add({link.from, link.to, gbps_text(link.gbps), gbps_text(link.pair_gbps),
               link.rtt_ms > 0 ? fmt::format("{:.0f}", link.rtt_ms) : "-", fmt::format("{:.1f}", link.gb),
               fmt::format("{:.4f}", link.usd_per_gb)});
  text += links.render(2, 3);
  text += fmt::format("Figures: throughput of grid {} ({}), prices of {}; GB are 2^30 bytes, Gbit 10^9 bits.\n", report.grid_name,
                      report.grid_date, report.prices_date);
  text += report.gap > 1e-6 ? fmt::format("The plan is within {:.2f}% of the best.\n", report.gap * 100)
                            : "No plan does it better under these figures.\n";
  if (report.requests_usd > 0)
    text += fmt::format("Object stores at both ends would charge ${:.2f} for requests besides (64 MiB parts).\n", report.requests_usd);
  for (const auto& note : report.notes) text += "Note: " + note + ".\n";
  return text;
}

namespace {

json::object cost_json(const PlanCost& cost) {
  return {{"gbps", cost.gbps}, {"seconds", cost.seconds}, {"egress_usd", cost.egress_usd}, {"vm_usd", cost.vm_usd}, {"usd", cost.usd()}};
}

json::array strings(const std::vector<std::string>& items) {
  json::array array;
  for (const auto& item : items) array.emplace_back(item);
  return array;
}

}  // namespace

std::string plan_json(const PlanReport& report) {
  const RoutedPlan& plan = report.plan;
  json::object root{
      {"source", plan.source}, {"destinations", strings(plan.destinations)}, {"bytes", report.bytes.value}, {"goal", report.goal}};
  root["cost"] = cost_json(report.cost);
  json::array routes, links, vms, baselines;
  for (const Route& route : plan.routes) {
    json::array pairs;
    for (const auto& [from, to] : route.links) pairs.push_back(json::array{from, to});
    routes.push_back(json::object{{"share", route.share},
                                  {"gbps", route.share * plan.gbps},
                                  {"egress_usd_per_gb", price_of(report, route)},
                                  {"links", std::move(pairs)}});
  }
  for (const PlannedLink& link : report.links) {
    json::object object{{"from", link.from},           {"to", link.to}, {"gbps", link.gbps},
                        {"pair_gbps", link.pair_gbps}, {"gb", link.gb}, {"usd_per_gb", link.usd_per_gb}};
    if (link.rtt_ms > 0) object["rtt_ms"] = link.rtt_ms;
    links.push_back(std::move(object));
  }
  for (const PlannedVms& vm : report.vms)
    vms.push_back(json::object{{"region", vm.region}, {"count", vm.count}, {"instance", vm.instance}, {"usd_per_hour", vm.usd_per_hour}});
  for (const Baseline& baseline : report.baselines)
    baselines.push_back(json::object{{"name", baseline.name}, {"via", strings(baseline.via)}, {"cost", cost_json(baseline.cost)}});
  root["routes"] = std::move(routes);
  root["links"] = std::move(links);
  root["vms"] = std::move(vms);
  root["baselines"] = std::move(baselines);
  root["limits"] = strings(report.limits);
  root["notes"] = strings(report.notes);
  root["gap"] = report.gap;
  root["requests_usd"] = report.requests_usd;
  root["grid"] = json::object{{"name", report.grid_name}, {"date", report.grid_date}};
  root["prices"] = json::object{{"date", report.prices_date}};
  root["programs"] = json::parse(programs_json(make_programs(plan)));
  return json::serialize(root);
}

}  // namespace isobar::transfer
