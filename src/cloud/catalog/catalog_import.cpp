#include "cloud/catalog_import.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "base/text.h"
#include "base/text_table.h"
#include "catalog_file.h"
#include "price_list.h"

namespace isobar::cloud {

namespace {

constexpr std::string_view kPublishedName = "vms.csv";

/// aws/vms.csv and v8/aws/vms.csv are AWS's, and so is aws.csv.
std::string cloud_of(const fs::path& file) {
  return to_lower(file.filename() == kPublishedName ? fs::absolute(file).parent_path().filename().string() : file.stem().string());
}

Result<std::vector<fs::path>> lists_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    const fs::path& path = at->path();
    const bool top = at.depth() == 0 && path.extension() == ".csv";
    if (at->is_regular_file() && (path.filename() == kPublishedName || top)) found.push_back(path);
  }
  if (failed) return unavailable(fmt::format("search {} for price lists: {}", folder.string(), failed.message()));
  std::sort(found.begin(), found.end());
  return found;
}

Result<std::map<std::string, fs::path>> lists_by_cloud(std::span<const fs::path> inputs, const std::optional<std::string>& cloud) {
  std::map<std::string, fs::path> lists;
  const auto add = [&](const fs::path& file) -> Status {
    const std::string name = cloud ? to_lower(*cloud) : cloud_of(file);
    const auto [at, fresh] = lists.emplace(name, file);
    if (!fresh)
      return invalid(fmt::format("two price lists for {}: {} and {}; import one of them", name, at->second.string(), file.string()));
    return {};
  };
  for (const fs::path& input : inputs) {
    if (!fs::is_directory(input)) {
      TRY(add(input));
      continue;
    }
    TRY_ASSIGN(const auto found, lists_in(input));
    for (const fs::path& file : found) TRY(add(file));
  }
  if (lists.empty()) return not_found("no price list there; expected CLOUD/vms.csv or CLOUD.csv");
  return lists;
}

struct Ready {
  ImportedCloud report;
  std::string image;
};

Result<Ready> make_ready(const std::string& cloud, const fs::path& source, const fs::path& into, Instant now) {
  TRY_ASSIGN(const std::string text, read_file(source, 1U << 30).context("read price list " + source.string()));
  TRY_ASSIGN(PriceList list, read_price_list(text, cloud, source.string()));
  if (list.offers.empty()) return invalid(fmt::format("{}: none of its {} rows is an offer with a price", source.string(), list.rows));
  Ready ready;
  ready.image = encode_catalog(std::move(list.offers), {{cloud, date_of(now)}});
  TRY_ASSIGN(const auto file, CatalogFile::view(ready.image, source.string()));
  ready.report = {cloud, source, into / (cloud + ".catalog"), list.rows, 0, std::move(list.dropped), std::move(list.ignored_columns)};
  for (const Shape& shape : file->shapes()) ready.report.offers += shape.places.size();
  return ready;
}

struct SectionFacts {
  std::size_t regions = 0, accelerators = 0;
};

SectionFacts facts_of(const CloudSection& section) {
  std::set<std::string_view> regions, accelerators;
  for (const Shape& shape : section.shapes) {
    if (!shape.accelerator.empty()) accelerators.insert(shape.accelerator);
    for (std::uint32_t i = 0; i < shape.places.size(); ++i) regions.insert(shape.places[i].region);
  }
  return {regions.size(), accelerators.size()};
}

}  // namespace

Result<std::vector<ImportedCloud>> import_price_lists(std::span<const fs::path> inputs, const std::optional<std::string>& cloud,
                                                      const fs::path& into, Instant now) {
  TRY_ASSIGN(const auto lists, lists_by_cloud(inputs, cloud));
  std::vector<Ready> all;
  for (const auto& [name, source] : lists) {
    TRY_ASSIGN(Ready ready, make_ready(name, source, into, now));
    all.push_back(std::move(ready));
  }
  TRY(make_folders(into));
  std::vector<ImportedCloud> reports;
  for (Ready& ready : all) {
    TRY(write_file(ready.report.catalog_file, ready.image).context("import " + ready.report.cloud));
    reports.push_back(std::move(ready.report));
  }
  return reports;
}

std::string describe(const ImportedCloud& imported) {
  std::string text =
      fmt::format("{}: {} offers from {} rows of {}", imported.cloud, imported.offers, imported.rows, imported.source.string());
  const char* before = "; left out: ";
  for (const auto& [reason, rows] : imported.dropped) text += fmt::format("{}{} {}", std::exchange(before, ", "), rows, reason);
  if (!imported.ignored_columns.empty()) text += "; columns not read: " + join(imported.ignored_columns, ", ");
  return text;
}

std::string render_catalog_info(const Catalog& catalog) {
  TextTable table({"CLOUD", "DATE", "OFFERS", "TYPES", "REGIONS", "ACCELERATORS", "ORIGIN"});
  for (const CloudSection& section : catalog.sections()) {
    const SectionFacts facts = facts_of(section);
    table.add({std::string(section.cloud), format_date(section.shapes.front().date), std::to_string(section.rows),
               std::to_string(section.shapes.size()), std::to_string(facts.regions), std::to_string(facts.accelerators), section.origin});
  }
  return table.render();
}

std::string catalog_info_json(const Catalog& catalog) {
  boost::json::array clouds;
  for (const CloudSection& section : catalog.sections()) {
    const SectionFacts facts = facts_of(section);
    clouds.push_back({{"cloud", section.cloud},
                      {"date", format_date(section.shapes.front().date)},
                      {"offers", section.rows},
                      {"types", section.shapes.size()},
                      {"regions", facts.regions},
                      {"accelerators", facts.accelerators},
                      {"origin", section.origin}});
  }
  return boost::json::serialize(clouds);
}

}  // namespace isobar::cloud
