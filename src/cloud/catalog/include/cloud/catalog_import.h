#pragma once

/// Bringing newer prices in. A published price list (one CSV file a cloud) becomes one catalog file in the user's
/// folder, where `Catalog::open` finds it and prefers it to what is built in.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"
#include "cloud/catalog.h"

namespace isobar::cloud {

struct ImportedCloud {
  std::string cloud;
  fs::path source, catalog_file;
  std::size_t rows = 0, offers = 0;
  std::map<std::string, std::size_t> dropped;  ///< reason → rows
  std::vector<std::string> ignored_columns;
};

/// Reads the price lists and, when every one of them is sound, replaces the catalog files of their clouds.
/// inputs   files, or folders that are searched for `CLOUD/vms.csv` and `CLOUD.csv`
/// cloud    names the cloud of a single file, where its path does not
/// into     the folder of imported catalogs; made when it is not there
/// now      becomes the date of the prices
/// Errors   kInvalidArgument: file:line:column, what is wrong and what mends it; nothing was imported then
///          kNotFound: no price list there
Result<std::vector<ImportedCloud>> import_price_lists(std::span<const fs::path> inputs, const std::optional<std::string>& cloud,
                                                      const fs::path& into, Instant now);

/// "aws: 39012 offers from 39100 rows of v8/aws/vms.csv; left out: 88 no price": one line a cloud, for people.
std::string describe(const ImportedCloud& imported);

/// CLOUD DATE OFFERS TYPES REGIONS ACCELERATORS ORIGIN, one row a cloud.
std::string render_catalog_info(const Catalog& catalog);
std::string catalog_info_json(const Catalog& catalog);

}  // namespace isobar::cloud
