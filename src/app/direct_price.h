#pragma once

// What the stores' clouds charge for a copy without gateways, told before it is made.

#include <string>
#include <vector>

#include "transfer/egress_price.h"
#include "transfer_ends.h"
#include "transfer_overlay_options.h"

namespace isobar::app {

/// What a job would move.
struct CopyVolume {
  std::uint64_t bytes = 0;
  std::uint64_t reads = 0;   ///< one for each part
  std::uint64_t writes = 0;  ///< to each target; objects of several parts are begun and completed besides
  void add(std::uint64_t object_bytes, std::uint64_t part_bytes);
};

/// from, to   regions in full
/// One line: dollars for what leaves `from`, whose free part is taken as used up, and for requests. Pure.
std::string direct_price(const CopyVolume& volume, const std::string& from, const std::string& to, const transfer::PriceBook& prices,
                         transfer::NetworkTier tier);

/// The lines for a job between these stores, one a target. Regions are those of --from and --to, else the buckets are asked; where one is
/// not to be had, the line says so.
std::vector<std::string> direct_prices(StoreOpener& opener, const OverlayOptions& options, const storage::Store& source,
                                       const std::vector<std::shared_ptr<storage::Store>>& targets, const CopyVolume& volume);

}  // namespace isobar::app
