#pragma once

/// `isobar gpus list`: which accelerators can be had, in which numbers, where, and for how much.

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cloud/catalog.h"

namespace isobar::cloud {

struct GpuQuery {
  /// "a100" or "A100:8", letters in any case; also finds the variants whose names go on with a dash (A100-80GB). Unset: all.
  std::optional<std::string> accelerator;
  std::optional<std::string> cloud, region;  ///< from --infra
  bool all_regions = false;                  ///< a row for every region instead of the cheapest of each type
};

struct GpuOffer {
  std::string accelerator;
  double count = 0;
  std::string cloud, instance_type, region;
  double device_memory_gib = 0;  ///< of each accelerator; 0: not known
  double vcpus = 0, memory_gib = 0;
  std::optional<double> hourly_price, hourly_spot_price;  ///< the lowest of the region's zones
};

/// Ordered by accelerator, count, price, then names.
/// Errors   kNotFound: no such accelerator; the message names the nearest ones
/// Cost     O(rows of the matching types)
Result<std::vector<GpuOffer>> list_gpu_offers(const Catalog& catalog, const GpuQuery& query);

/// GPU and the quantities it is sold in: what `gpus list` prints without a name.
std::string render_gpu_quantities(const std::vector<GpuOffer>& offers);
/// GPU QTY CLOUD INSTANCE_TYPE DEVICE_MEM vCPUs HOST_MEM HOURLY_PRICE HOURLY_SPOT_PRICE REGION.
std::string render_gpu_offers(const std::vector<GpuOffer>& offers);
/// An array of objects, one an offer; prices are null where it is not sold so.
std::string gpu_offers_json(const std::vector<GpuOffer>& offers);

/// The accelerator names of the catalog, in name order.
std::vector<std::string> accelerator_names(const Catalog& catalog);

/// The catalog's own spelling of a name written in any case ("a100" → "A100"); none when it has no such accelerator.
std::optional<std::string> canonical_accelerator(const std::vector<std::string>& names, std::string_view written);

/// Up to three names worth suggesting for one that is not in the catalog: the nearest spelling and those it begins.
std::vector<std::string> similar_accelerators(const std::vector<std::string>& names, std::string_view written);

}  // namespace isobar::cloud
