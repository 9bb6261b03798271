// Offers to file. Sorting by name first does three things at once: equal strings of a column come together, the rows
// of a shape become a contiguous range, and the position of a row becomes its rank in name order, which is how the
// optimizer breaks ties without comparing strings.

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "base/check.h"
#include "catalog_file.h"
#include "catalog_layout.h"

namespace isobar::cloud {

namespace {

auto shape_key(const Offer& o) {
  return std::tie(o.cloud, o.instance_type, o.accelerator, o.accelerator_count, o.architecture, o.vcpus, o.memory_gib,
                  o.accelerator_memory_gib, o.local_disk_gib);
}

auto row_key(const Offer& o) { return std::tuple_cat(shape_key(o), std::tie(o.region, o.zone)); }

std::vector<Offer> sorted_without_duplicates(std::vector<Offer> offers) {
  std::stable_sort(offers.begin(), offers.end(), [](const Offer& a, const Offer& b) { return row_key(a) < row_key(b); });
  std::vector<Offer> kept;
  kept.reserve(offers.size());
  for (Offer& offer : offers) {
    if (!kept.empty() && row_key(kept.back()) == row_key(offer)) kept.back() = std::move(offer);
    else kept.push_back(std::move(offer));
  }
  return kept;
}

/// Numbers strings in name order; the empty string is always 0.
class Dictionary {
 public:
  explicit Dictionary(std::span<const Offer> offers) {
    index_.emplace("", 0);
    for (const Offer& o : offers)
      for (const std::string* text : {&o.cloud, &o.instance_type, &o.accelerator, &o.architecture, &o.region, &o.zone})
        index_.emplace(*text, 0);
    std::uint32_t next = 0;
    for (auto& [text, index] : index_) index = next++;
  }
  std::uint32_t operator[](const std::string& text) const { return index_.at(text); }
  const std::map<std::string_view, std::uint32_t>& entries() const { return index_; }

 private:
  std::map<std::string_view, std::uint32_t> index_;  // views into the offers
};

template <class T>
void put(std::string& image, std::uint64_t column, std::size_t i, T value) {
  std::memcpy(image.data() + column + i * sizeof(T), &value, sizeof(T));
}

void put_strings(std::string& image, const CatalogLayout& at, const Dictionary& dictionary) {
  std::uint32_t offset = 0;
  for (const auto& [text, index] : dictionary.entries()) {
    put(image, at.string_offsets, index, offset);
    std::memcpy(image.data() + at.string_bytes + offset, text.data(), text.size());
    offset += static_cast<std::uint32_t>(text.size());
  }
  put(image, at.string_offsets, dictionary.entries().size(), offset);
}

void put_shape(std::string& image, const CatalogLayout& at, const Dictionary& dictionary, std::size_t shape, const Offer& o) {
  put(image, at.shape_strings[kCloud], shape, dictionary[o.cloud]);
  put(image, at.shape_strings[kInstanceType], shape, dictionary[o.instance_type]);
  put(image, at.shape_strings[kAccelerator], shape, dictionary[o.accelerator]);
  put(image, at.shape_strings[kArchitecture], shape, dictionary[o.architecture]);
  put(image, at.shape_numbers[kVcpus], shape, o.vcpus);
  put(image, at.shape_numbers[kMemoryGib], shape, o.memory_gib);
  put(image, at.shape_numbers[kAcceleratorCount], shape, o.accelerator_count);
  put(image, at.shape_numbers[kAcceleratorMemoryGib], shape, o.accelerator_memory_gib);
  put(image, at.shape_numbers[kLocalDiskGib], shape, o.local_disk_gib);
}

void put_row(std::string& image, const CatalogLayout& at, const Dictionary& dictionary, std::size_t row, const Offer& o) {
  constexpr double kUnsold = std::numeric_limits<double>::quiet_NaN();
  put(image, at.regions, row, dictionary[o.region]);
  put(image, at.zones, row, dictionary[o.zone]);
  put(image, at.prices, row, o.hourly_price.value_or(kUnsold));
  put(image, at.spot_prices, row, o.hourly_spot_price.value_or(kUnsold));
}

}  // namespace

std::string encode_catalog(std::vector<Offer> offers, const std::map<std::string, std::uint32_t>& dates) {
  offers = sorted_without_duplicates(std::move(offers));
  std::vector<std::size_t> first_rows;  // of each shape
  for (std::size_t row = 0; row < offers.size(); ++row)
    if (row == 0 || shape_key(offers[row]) != shape_key(offers[row - 1])) first_rows.push_back(row);
  const Dictionary dictionary(offers);

  std::size_t string_bytes = 0;
  for (const auto& entry : dictionary.entries()) string_bytes += entry.first.size();
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max() - 1;
  CHECK(offers.size() < kMost && string_bytes < kMost, offers.size(), string_bytes);

  CatalogHeader header{};
  std::memcpy(header.magic, kCatalogMagic.data(), kCatalogMagic.size());
  header.version = kCatalogVersion;
  header.strings = static_cast<std::uint32_t>(dictionary.entries().size());
  header.string_bytes = static_cast<std::uint32_t>(string_bytes);
  header.shapes = static_cast<std::uint32_t>(first_rows.size());
  header.rows = static_cast<std::uint32_t>(offers.size());
  const CatalogLayout at(header);
  header.file_bytes = at.end;

  std::string image(at.end, '\0');
  put_strings(image, at, dictionary);
  for (std::size_t shape = 0; shape < first_rows.size(); ++shape) {
    put_shape(image, at, dictionary, shape, offers[first_rows[shape]]);
    put(image, at.first_rows, shape, static_cast<std::uint32_t>(first_rows[shape]));
    const auto date = dates.find(offers[first_rows[shape]].cloud);
    put(image, at.dates, shape, date == dates.end() ? 0 : date->second);
  }
  put(image, at.first_rows, first_rows.size(), header.rows);
  for (std::size_t row = 0; row < offers.size(); ++row) put_row(image, at, dictionary, row, offers[row]);

  std::memcpy(image.data(), &header, sizeof header);
  header.checksum = catalog_checksum(image);
  std::memcpy(image.data(), &header, sizeof header);
  return image;
}

}  // namespace isobar::cloud
