#include "transfer/grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "builtin_tables.h"
#include "places.h"
#include "table_reader.h"

namespace isobar::transfer {

namespace {

constexpr std::size_t kRegionsMax = 1000;
constexpr double kGbpsMax = 100'000, kRttMsMax = 60'000;

using Index = std::map<std::string_view, RegionIndex>;

Index index_of(const std::vector<std::string>& regions) {
  Index index;
  for (std::size_t i = 0; i < regions.size(); ++i) index.emplace(regions[i], static_cast<RegionIndex>(i));
  return index;
}

/// Lays a matrix (heading: from, then the destinations; a row a source) over `values`; unknown regions are passed over.
Status read_matrix(const Table& table, const Index& index, PairTable& values, double most) {
  for (const auto& row : table.rows()) {
    const auto from = index.find(row[0].text);
    if (from == index.end()) continue;
    for (std::size_t i = 1; i < row.size(); ++i) {
      const auto to = index.find(table.heading()[i].text);
      if (row[i].text.empty() || to == index.end()) continue;
      TRY_ASSIGN(values.at(from->second, to->second), table.number(row[i], "figure", 0, most));
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> builtin_grid_names() { return {"2022-11", "2022-01"}; }

Result<Grid> builtin_grid(std::string_view name, NetworkTier tier) {
  const BuiltinTables tables = builtin_tables();
  const bool standard = tier == NetworkTier::kStandard;
  if (name != "2022-11" && name != "2022-01")
    return not_found(fmt::format("there is no built-in grid '{}'; there are {}", name, fmt::join(builtin_grid_names(), ", ")));
  if (standard && name != "2022-01") return not_found(fmt::format("grid {} has no standard tier; use --grid 2022-01", name));
  const std::string_view text = standard            ? tables.throughput_2022_01_standard
                                : name == "2022-01" ? tables.throughput_2022_01
                                                    : tables.throughput_2022_11;
  TRY_ASSIGN(const auto throughput, Table::parse(text, "throughput"));
  Grid grid;
  for (std::size_t i = 1; i < throughput.heading().size(); ++i) grid.regions.emplace_back(throughput.heading()[i].text);
  grid.gbps = grid.rtt_ms = PairTable(grid.regions.size());
  const Index index = index_of(grid.regions);
  TRY(read_matrix(throughput, index, grid.gbps, kGbpsMax));
  TRY_ASSIGN(const auto rtt, Table::parse(tables.rtt_2022, "rtt"));
  TRY(read_matrix(rtt, index, grid.rtt_ms, kRttMsMax));
  grid.date = throughput.fact("date");
  grid.name = std::string(name);
  return grid;
}

Result<Grid> parse_grid(std::string_view csv, std::string name) {
  TRY_ASSIGN(const auto table, Table::parse(csv, name));
  TRY(table.require_heading({"src", "dst", "gbps", "rtt_ms", "date"}));
  std::set<std::string_view> names;
  for (const auto& row : table.rows()) {
    for (const Cell& cell : {row[0], row[1]}) {
      const std::string_view provider = provider_of(cell.text);
      if (provider.empty() || provider.size() + 1 >= cell.text.size())
        return table.error_at(cell, fmt::format("'{}' is not a region; write its cloud and its name, like aws:us-east-1", cell.text));
      names.insert(cell.text);
    }
    if (names.size() > kRegionsMax)
      return table.error_at(row[0], fmt::format("more than {} regions; leave out those that no transfer uses", kRegionsMax));
  }
  if (names.empty()) return table.error_at(table.heading()[0], "no lines below the headings; give at least one measured pair");
  Grid grid;
  grid.regions.assign(names.begin(), names.end());
  grid.gbps = grid.rtt_ms = PairTable(grid.regions.size());
  const Index index = index_of(grid.regions);
  for (const auto& row : table.rows()) {
    const RegionIndex from = index.at(row[0].text), to = index.at(row[1].text);
    if (from == to) return table.error_at(row[1], "a region is paired with itself; remove the line");
    if (grid.gbps.at(from, to) != 0)
      return table.error_at(row[0], fmt::format("the pair {} → {} stands here a second time; keep one line", row[0].text, row[1].text));
    TRY_ASSIGN(grid.gbps.at(from, to), table.number(row[2], "throughput", 1e-6, kGbpsMax));
    if (!row[3].text.empty()) {
      TRY_ASSIGN(grid.rtt_ms.at(from, to), table.number(row[3], "round-trip time", 0, kRttMsMax));
    }
    if (row[4].text.empty()) return table.error_at(row[4], "the date is missing; say when this was measured, like 2026-03");
    if (grid.date.empty() || row[4].text < grid.date) grid.date = std::string(row[4].text);
  }
  grid.name = std::move(name);
  return grid;
}

std::string write_grid(const Grid& grid) {
  std::string text = "src,dst,gbps,rtt_ms,date\n";
  for (RegionIndex from = 0; from < grid.regions.size(); ++from)
    for (RegionIndex to = 0; to < grid.regions.size(); ++to) {
      if (grid.gbps.at(from, to) == 0) continue;
      const double rtt_ms = grid.rtt_ms.at(from, to);
      text += fmt::format("{},{},{},{},{}\n", grid.regions[from], grid.regions[to], grid.gbps.at(from, to),
                          rtt_ms == 0 ? "" : fmt::format("{}", rtt_ms), grid.date);
    }
  return text;
}

std::string_view provider_of(std::string_view region) { return region.substr(0, std::min(region.find(':'), region.size())); }

namespace {

/// The ways to write a region: in full, without the zone, without the cloud, without both.
std::vector<std::string> spellings(std::string_view region) {
  std::vector<std::string> all = {std::string(region), std::string(without_zone(region))};
  const std::string_view provider = provider_of(region);
  if (provider.size() < region.size())
    for (const std::size_t i : {0U, 1U}) all.push_back(all[i].substr(provider.size() + 1));
  for (auto& spelling : all) spelling = to_lower(spelling);
  return all;
}

Error unknown_region(const Grid& grid, std::string_view words) {
  std::vector<std::string> candidates;
  for (const auto& region : grid.regions)
    for (auto& spelling : spellings(region)) candidates.push_back(std::move(spelling));
  const auto near = closest(to_lower(words), candidates);
  return not_found(fmt::format("no region '{}' in grid {}{}", words, grid.name,
                               near ? fmt::format("; did you mean '{}'?", *near) : "; `isobar transfer regions` lists them"));
}

}  // namespace

Result<RegionIndex> resolve_region(const Grid& grid, std::string_view words) {
  const std::string wanted = to_lower(trim(words));
  std::vector<RegionIndex> fits;
  for (RegionIndex i = 0; i < grid.regions.size(); ++i) {
    const auto ways = spellings(grid.regions[i]);
    if (ways[0] == wanted) return i;
    if (std::find(ways.begin(), ways.end(), wanted) != ways.end()) fits.push_back(i);
  }
  if (fits.size() == 1) return fits[0];
  if (fits.empty()) return unknown_region(grid, words);
  std::vector<std::string> names;
  for (const RegionIndex i : fits) names.push_back(grid.regions[i]);
  return invalid(fmt::format("'{}' may be {}; write the one that is meant in full", words, fmt::join(names, " or ")));
}

}  // namespace isobar::transfer
