#pragma once

/// The grid: how fast one VM in each cloud region can send to one VM in each other. It is measured, so it is data with a
/// date; the built-in one comes from catalog/transfer, and a user's own from a CSV file (docs/formats/grid.md).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::transfer {

/// A region of one grid, by its place in Grid::regions.
using RegionIndex = std::uint32_t;

/// One number for each ordered pair of regions.
class PairTable {
 public:
  PairTable() = default;
  explicit PairTable(std::size_t regions, double value = 0) : regions_(regions), values_(regions * regions, value) {}

  double& at(RegionIndex from, RegionIndex to) { return values_[from * regions_ + to]; }
  double at(RegionIndex from, RegionIndex to) const { return values_[from * regions_ + to]; }
  std::size_t size() const { return regions_; }

 private:
  std::size_t regions_ = 0;
  std::vector<double> values_;
};

struct Grid {
  std::vector<std::string> regions;  ///< "aws:us-east-1", "gcp:us-west1-a", "azure:westeurope"; in byte order
  PairTable gbps;                    ///< of one VM pair at 64 connections, Gbit/s (1e9 bit/s); 0: no link is known
  PairTable rtt_ms;                  ///< 0: not measured
  std::string date;                  ///< of the oldest figure: "2022-11"
  std::string name;                  ///< "2022-11", or the user's file
};

enum class NetworkTier { kPremium, kStandard };

/// The name under which a grid is built in, newest first: "2022-11", "2022-01".
std::vector<std::string> builtin_grid_names();
inline constexpr std::string_view kDefaultGrid = "2022-11";

/// Errors   kNotFound: no such grid, or none of that tier (only 2022-01 has the standard one)
/// Cost     under 2 ms
Result<Grid> builtin_grid(std::string_view name = kDefaultGrid, NetworkTier tier = NetworkTier::kPremium);

/// Reads src,dst,gbps,rtt_ms,date lines; an empty rtt_ms is one that was not measured.
/// name     the file, for messages
/// Errors   kInvalidArgument: "name:line:column: what is wrong; what mends it"; more than 1,000 regions
Result<Grid> parse_grid(std::string_view csv, std::string name);

/// The same lines back. parse_grid(write_grid(g)) is g.
std::string write_grid(const Grid& grid);

/// "aws" of "aws:us-east-1"; a name without a colon is its own provider.
std::string_view provider_of(std::string_view region);

/// The region that the words name: in full, without its cloud or without GCP's zone letter, in any case, as long as only one
/// region fits.
/// Errors   kNotFound with the nearest names; kInvalidArgument: several regions fit (all are named)
Result<RegionIndex> resolve_region(const Grid& grid, std::string_view words);

/// Where a region is, for maps.
struct Place {
  double latitude_deg = 0, longitude_deg = 0;
  std::string name;   ///< "Tokyo"
  std::string group;  ///< the price group: "gcp/asia"
};

/// None for regions that catalog/transfer/regions.csv does not know. Another zone of a known GCP region counts as known.
std::optional<Place> place_of(std::string_view region);

}  // namespace isobar::transfer
