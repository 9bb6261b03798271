#include "transfer/egress_price.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "builtin_tables.h"
#include "places.h"
#include "table_reader.h"

namespace isobar::transfer {

namespace {

constexpr double kUsdMax = 1e6, kGbMax = 1e12, kGbpsMax = 1e5;

Result<NetworkTier> tier_at(const Table& table, const Cell& cell) {
  if (cell.text == "premium") return NetworkTier::kPremium;
  if (cell.text == "standard") return NetworkTier::kStandard;
  return table.error_at(cell, fmt::format("'{}' is not a network tier; write premium or standard", cell.text));
}

}  // namespace

double EgressPrice::usd(double used_gb, double volume_gb) const {
  double total = 0;
  const double end = used_gb + volume_gb;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const double from = std::max(used_gb, steps[i].from_gb);
    const double to = i + 1 < steps.size() ? std::min(end, steps[i + 1].from_gb) : end;
    if (to > from) total += (to - from) * steps[i].usd_per_gb;
  }
  return total;
}

double EgressPrice::free_gb() const { return steps.size() > 1 && steps[0].usd_per_gb == 0 ? steps[1].from_gb : 0; }

PriceBook PriceBook::builtin() {
  const BuiltinTables tables = builtin_tables();
  auto book = parse(tables.egress, tables.vms, tables.requests, tables.regions);
  CHECK(book.ok(), book.error().message());
  return std::move(book).value();
}

Result<PriceBook> PriceBook::parse(std::string_view egress, std::string_view vms, std::string_view requests, std::string_view regions) {
  PriceBook book;
  TRY_ASSIGN(const auto prices, Table::parse(egress, "egress.csv"));
  TRY(prices.require_heading({"from", "to", "network", "after_gb", "usd_per_gb"}));
  book.date_ = prices.fact("date");
  for (const auto& row : prices.rows()) {
    TRY_ASSIGN(const auto tier, tier_at(prices, row[2]));
    PriceStep step;
    TRY_ASSIGN(step.from_gb, prices.number(row[3], "volume", 0, kGbMax));
    TRY_ASSIGN(step.usd_per_gb, prices.number(row[4], "price", 0, kUsdMax));
    auto& steps = book.egress_[{std::string(row[0].text), std::string(row[1].text), tier}];
    if (steps.empty() ? step.from_gb != 0 : step.from_gb <= steps.back().from_gb)
      return prices.error_at(row[3], "the steps of a pair begin at 0 and ascend; put this line in its place");
    steps.push_back(step);
  }
  TRY_ASSIGN(const auto machines, Table::parse(vms, "vms.csv"));
  TRY(machines.require_heading({"cloud", "instance", "vcpus", "usd_per_hour", "egress_gbps", "ingress_gbps"}));
  for (const auto& row : machines.rows()) {
    VmPrice vm{std::string(row[1].text)};
    TRY_ASSIGN(vm.usd_per_hour, machines.number(row[3], "price", 0, kUsdMax));
    TRY_ASSIGN(vm.egress_gbps, machines.number(row[4], "limit", 0, kGbpsMax));
    TRY_ASSIGN(vm.ingress_gbps, machines.number(row[5], "limit", 0, kGbpsMax));
    book.vms_.emplace(row[0].text, std::move(vm));
  }
  TRY_ASSIGN(const auto charges, Table::parse(requests, "requests.csv"));
  TRY(charges.require_heading({"cloud", "write_usd_per_1000", "read_usd_per_1000"}));
  for (const auto& row : charges.rows()) {
    RequestPrice price;
    TRY_ASSIGN(price.write_usd, charges.number(row[1], "price", 0, kUsdMax));
    TRY_ASSIGN(price.read_usd, charges.number(row[2], "price", 0, kUsdMax));
    book.requests_.emplace(row[0].text, RequestPrice{price.write_usd / 1000, price.read_usd / 1000});
  }
  TRY_ASSIGN(const auto places, Table::parse(regions, "regions.csv"));
  TRY(places.require_heading({"region", "latitude", "longitude", "place", "group"}));
  for (const auto& row : places.rows()) book.groups_.emplace(without_zone(row[0].text), row[4].text);
  return book;
}

EgressPrice PriceBook::egress(std::string_view from, std::string_view to, NetworkTier tier) const {
  if (from == to) return {{{0, 0}}, fmt::format("{} → itself", from), ""};
  EgressPrice price;
  if (const auto* steps = narrowest(from, to, tier, price.meter)) {
    price.steps = *steps;
    return price;
  }
  if (tier == NetworkTier::kStandard) return egress(from, to, NetworkTier::kPremium);
  return dearest(from, to, tier);
}

const std::vector<PriceStep>* PriceBook::narrowest(std::string_view from, std::string_view to, NetworkTier tier, std::string& meter) const {
  const bool leaves = provider_of(from) != provider_of(to);
  const std::array from_names = {from, std::string_view(group_of(from)), provider_of(from)};
  const std::array to_names = {to, std::string_view(group_of(to)), provider_of(to), std::string_view(leaves ? "*" : "")};
  for (const auto f : from_names)
    for (const auto t : to_names) {
      const auto found = egress_.find({std::string(f), std::string(t), tier});
      if (found == egress_.end()) continue;
      meter = fmt::format("{} → {}", from, t);
      return &found->second;
    }
  return nullptr;
}

EgressPrice PriceBook::dearest(std::string_view from, std::string_view to, NetworkTier tier) const {
  const std::string_view cloud = provider_of(from);
  const bool leaves = cloud != provider_of(to);
  const std::vector<PriceStep>* worst = nullptr;
  const auto first_paid = [](const std::vector<PriceStep>& steps) {
    return std::max_element(steps.begin(), steps.end(), [](auto& a, auto& b) { return a.usd_per_gb < b.usd_per_gb; })->usd_per_gb;
  };
  for (const auto& [key, steps] : egress_) {
    const auto& [f, t, sold] = key;
    const bool of_cloud = f.starts_with(cloud) && (f.size() == cloud.size() || f[cloud.size()] == ':' || f[cloud.size()] == '/');
    if (!of_cloud || sold != tier || (t == "*") != leaves) continue;
    if (!worst || first_paid(steps) > first_paid(*worst)) worst = &steps;
  }
  if (!worst) return {{{0, 0}}, fmt::format("{} → *", from), fmt::format("no egress price of {} is known: it is taken as free", cloud)};
  return {*worst, fmt::format("{} → {}", from, leaves ? "*" : cloud),
          fmt::format("the price of {} → {} is not known: that of the dearest region of {} is taken", from, to, cloud)};
}

const std::string& PriceBook::group_of(std::string_view region) const {
  static const std::string kNone;
  const auto found = groups_.find(without_zone(region));
  return found == groups_.end() ? kNone : found->second;
}

Result<VmPrice> PriceBook::vm(std::string_view region, std::string_view instance) const {
  // A line of the region itself is narrower than those of its cloud.
  const std::string_view cloud = vms_.contains(region) ? region : provider_of(region);
  std::vector<std::string> known;
  for (auto [at, end] = vms_.equal_range(cloud); at != end; ++at) {
    if (instance.empty() || at->second.instance == instance) return at->second;
    known.push_back(at->second.instance);
  }
  if (known.empty()) return VmPrice{};
  return not_found(fmt::format("no machine '{}' of {} is known; there are {}", instance, cloud, fmt::join(known, ", ")));
}

RequestPrice PriceBook::requests(std::string_view provider) const {
  const auto found = requests_.find(provider);
  return found == requests_.end() ? RequestPrice{} : found->second;
}

}  // namespace isobar::transfer
