// Reading a price list row by row. What a row says is kept as it stands, a spot price above the on-demand price
// included: the list is the authority on prices. What it does not say is never guessed: a row without a price is
// dropped and counted.

#include "price_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include "accelerators.h"
#include "base/text.h"
#include "csv.h"

namespace isobar::cloud {

namespace {

enum Column {
  kInstanceType,
  kVcpus,
  kMemoryGib,
  kAcceleratorName,
  kAcceleratorCount,
  kGpuInfo,
  kAcceleratorMemoryGib,
  kLocalDiskGib,
  kArch,
  kPrice,
  kSpotPrice,
  kRegion,
  kZone,
  kColumns
};

constexpr std::array<std::string_view, kColumns> kColumnNames = {
    "InstanceType", "vCPUs", "MemoryGiB", "AcceleratorName", "AcceleratorCount", "GpuInfo",         "AcceleratorMemoryGiB",
    "LocalDiskGiB", "Arch",  "Price",     "SpotPrice",       "Region",           "AvailabilityZone"};
constexpr std::array kNeeded = {kInstanceType, kVcpus, kMemoryGib, kPrice, kRegion};

/// One row may stand for several regions, or for several zones of its region.
constexpr char kListSeparator = '|';

/// The price that GCP's list shows where a TPU is announced but not sold.
constexpr double kTpuSentinelPrice = 700.0;

/// Where machines are the user's own, a price of 0 is a price.
bool may_be_free(std::string_view cloud) {
  constexpr std::array kOwn = {"kubernetes", "slurm", "ssh", "local", "vsphere"};
  return std::find(kOwn.begin(), kOwn.end(), cloud) != kOwn.end();
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view cloud, std::string_view name)
      : csv_(text, std::string(name)), cloud_(cloud), name_(name) {}

  Result<PriceList> read() {
    TRY(read_header());
    for (;;) {
      TRY_ASSIGN(const bool more, csv_.next(fields_));
      if (!more) break;
      if (fields_.size() != width_)
        return csv_.error_at(
            fields_.back(),
            fmt::format("this row has {} fields where the header has {}; put fields that hold commas in quotes", fields_.size(), width_));
      ++list_.rows;
      TRY(read_row());
    }
    if (cloud_ == "gcp") list_.offers = combine_gcp_hosts(std::move(list_.offers), add_ons_, list_.dropped);
    return std::move(list_);
  }

 private:
  Status read_header() {
    TRY_ASSIGN(const bool any, csv_.next(fields_));
    if (!any)
      return invalid(fmt::format("{}:1:1: the file is empty; its first line must name the columns ({})", name_,
                                 "InstanceType,vCPUs,MemoryGiB,Price,Region,…"));
    width_ = fields_.size();
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const std::string_view title = trim(fields_[i].text);
      const auto known = std::find(kColumnNames.begin(), kColumnNames.end(), title);
      if (known == kColumnNames.end()) list_.ignored_columns.emplace_back(title);
      else if (auto& position = positions_[static_cast<std::size_t>(known - kColumnNames.begin())]; position)
        return csv_.error_at(fields_[i], fmt::format("column {} stands twice; remove one", title));
      else position = i;
    }
    for (const Column column : kNeeded)
      if (!positions_[column]) return csv_.error_at(fields_[0], missing(column));
    return {};
  }

  std::string missing(Column column) const {
    std::string text = fmt::format("no column {}", kColumnNames[column]);
    const auto near = closest(kColumnNames[column], list_.ignored_columns);
    return near ? fmt::format("{}; did you mean it by {}?", text, *near)
                : text + "; a price list needs InstanceType, vCPUs, MemoryGiB, Price and Region";
  }

  std::string_view text(Column column) const { return positions_[column] ? trim(fields_[*positions_[column]].text) : std::string_view(); }

  /// An empty cell is no number. pandas writes an absent one as nan.
  Result<std::optional<double>> number(Column column) const {
    const std::string_view cell = text(column);
    if (cell.empty() || cell == "nan" || cell == "NaN") return std::optional<double>();
    double value = 0;
    const auto [end, code] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (code != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value) || value < 0 || value > 1e9)
      return csv_.error_at(fields_[*positions_[column]],
                           fmt::format("{} is \"{}\"; it must be a number from 0 up, or empty", kColumnNames[column], cell));
    return std::optional(value);
  }

  Status read_row() {
    TRY(check_names());
    Offer offer;
    offer.cloud = cloud_;
    offer.instance_type = text(kInstanceType);
    TRY_ASSIGN(const auto vcpus, number(kVcpus));
    TRY_ASSIGN(const auto memory, number(kMemoryGib));
    TRY_ASSIGN(const auto disk, number(kLocalDiskGib));
    offer.vcpus = vcpus.value_or(0);
    offer.memory_gib = memory.value_or(0);
    offer.local_disk_gib = disk.value_or(0);
    if (!text(kArch).empty()) offer.architecture = text(kArch);
    TRY(read_accelerator(offer));
    TRY_ASSIGN(offer.hourly_price, price(kPrice, offer));
    TRY_ASSIGN(offer.hourly_spot_price, price(kSpotPrice, offer));
    keep(std::move(offer));
    return {};
  }

  /// Names end up on terminals and in commands.
  Status check_names() const {
    for (const Column column : {kInstanceType, kAcceleratorName, kArch, kRegion, kZone}) {
      const std::string_view name = text(column);
      const bool printable = is_utf8(name) && std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
      if (!printable)
        return csv_.error_at(fields_[*positions_[column]],
                             fmt::format("{} holds control characters or is not UTF-8", kColumnNames[column]));
    }
    return {};
  }

  Status read_accelerator(Offer& offer) const {
    TRY_ASSIGN(const auto count, number(kAcceleratorCount));
    TRY_ASSIGN(const auto memory, number(kAcceleratorMemoryGib));
    const std::string_view name = text(kAcceleratorName);
    if (name.empty() || (count && *count == 0)) return {};
    offer.accelerator = name;
    offer.accelerator_count = count.value_or(1);
    offer.accelerator_memory_gib = known_memory_gib(name);
    if (offer.accelerator_memory_gib == 0) offer.accelerator_memory_gib = memory.value_or(claimed_memory_gib(text(kGpuInfo)));
    return {};
  }

  Result<std::optional<double>> price(Column column, const Offer& offer) const {
    TRY_ASSIGN(const auto stated, number(column));
    const bool stands_for_unknown =
        stated && ((*stated == 0 && !may_be_free(cloud_)) || (*stated == kTpuSentinelPrice && is_tpu(offer.accelerator)));
    return stands_for_unknown ? std::nullopt : stated;
  }

  void keep(Offer offer) {
    if (!offer.hourly_price && !offer.hourly_spot_price) return drop("no price");
    if (text(kRegion).empty()) return drop("no region");
    if (offer.instance_type.empty() && offer.accelerator.empty()) return drop("neither an instance type nor an accelerator");
    const bool add_on = offer.instance_type.empty() && !is_tpu(offer.accelerator);
    if (add_on && cloud_ != "gcp") return drop("no instance type");
    if (offer.instance_type.empty() && !add_on) offer.instance_type = "TPU-VM";
    for (const auto region : split(text(kRegion), kListSeparator)) {
      offer.region = region;
      for (const auto zone : split(text(kZone), kListSeparator)) {
        offer.zone = zone;
        if (!seen_.insert(fmt::format("{}|{}|{}|{}|{}", offer.instance_type, offer.accelerator, offer.accelerator_count, region, zone))
                 .second)
          ++list_.dropped["a later row for the same type and place takes its place"];
        (add_on ? add_ons_ : list_.offers).push_back(offer);
      }
    }
  }

  void drop(const char* reason) { ++list_.dropped[reason]; }

  CsvReader csv_;
  std::string cloud_, name_;
  std::vector<CsvField> fields_;
  std::size_t width_ = 0;
  std::array<std::optional<std::size_t>, kColumns> positions_;
  std::set<std::string> seen_;
  std::vector<Offer> add_ons_;
  PriceList list_;
};

}  // namespace

Result<PriceList> read_price_list(std::string_view text, std::string_view cloud, std::string_view name) {
  return Reader(text, cloud, name).read();
}

}  // namespace isobar::cloud
