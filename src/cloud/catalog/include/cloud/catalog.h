#pragma once

/// The offer catalog: what every cloud sells, where, and for how much.
///
/// Rows live in columnar files (docs/formats/catalog.md) that are mapped, not read: one built into the program, one for
/// each cloud whose price list was imported, and one in memory for what a provider says of itself. A machine type is
/// stored once, as a `Shape`, with the places that sell it below it, so that a request is matched against some
/// thousands of shapes and touches the hundred thousand rows only where a shape fits. Strings are views into the
/// mapping; nothing is allocated for a row until somebody asks for an `Offer`.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"
#include "cloud/offer.h"

namespace isobar::cloud {

class CatalogFile;

/// The columns that all places of one file share: little-endian, unaligned, row-major by shape.
struct PlaceColumns {
  const char* string_offsets = nullptr;  ///< [strings + 1] uint32
  const char* string_bytes = nullptr;
  const char* regions = nullptr;      ///< [rows] uint32, an index of a string
  const char* zones = nullptr;        ///< [rows] uint32
  const char* prices = nullptr;       ///< [rows] float64, $/hour on demand; NaN: not sold so, or not known
  const char* spot_prices = nullptr;  ///< [rows] float64
};

/// One place that sells a shape.
struct Place {
  std::string_view region;
  std::string_view zone;     ///< empty: the cloud has none, or the row holds for the whole region
  double hourly_price;       ///< $ on demand; NaN: not sold that way
  double hourly_spot_price;  ///< $; NaN: not sold that way

  double price(bool spot) const { return spot ? hourly_spot_price : hourly_price; }
};

/// The places of one shape, ordered by region and zone. Cheap to copy; valid as long as the Catalog that gave it.
class Places {
 public:
  Places(const PlaceColumns* columns, std::uint32_t first, std::uint32_t count) : columns_(columns), first_(first), count_(count) {}

  std::uint32_t size() const { return count_; }
  Place operator[](std::uint32_t i) const {
    const std::size_t row = first_ + i;
    return {string(load<std::uint32_t>(columns_->regions, row)), string(load<std::uint32_t>(columns_->zones, row)),
            load<double>(columns_->prices, row), load<double>(columns_->spot_prices, row)};
  }

 private:
  template <class T>
  static T load(const char* column, std::size_t i) {
    T value;
    std::memcpy(&value, column + i * sizeof(T), sizeof(T));
    return value;
  }
  std::string_view string(std::uint32_t index) const {
    const auto from = load<std::uint32_t>(columns_->string_offsets, index);
    return {columns_->string_bytes + from, load<std::uint32_t>(columns_->string_offsets, index + 1) - from};
  }
  const PlaceColumns* columns_;
  std::uint32_t first_, count_;
};

/// A machine type of one cloud (with one kind of accelerator attached, where a type can carry several).
struct Shape {
  std::string_view cloud, instance_type;
  std::string_view accelerator;  ///< canonical name; empty: none
  std::string_view architecture;
  double vcpus = 0;       ///< 0: not known
  double memory_gib = 0;  ///< 0: not known
  double accelerator_count = 0;
  double accelerator_memory_gib = 0;  ///< of each one; 0: not known
  double local_disk_gib = 0;          ///< instance storage; 0: none or not known
  std::uint32_t date = 0;             ///< of the price list it comes from, as yyyymmdd; 0: not known
  Places places;
};

Offer to_offer(const Shape& shape, const Place& place);

/// All that the catalog holds of one cloud.
struct CloudSection {
  std::string_view cloud;
  std::span<const Shape> shapes;  ///< ordered by instance type, then accelerator
  std::size_t rows = 0;
  std::string origin;  ///< "built in", the path of an imported file, or "this program"
  std::shared_ptr<const CatalogFile> file;
};

/// A handle: copies share the mappings, and every view stays valid as long as one of them lives.
class Catalog {
 public:
  Catalog() = default;

  /// builtin    the catalog file that the program carries; it must outlive every copy. Empty: none
  /// imported   a folder of `*.catalog` files; one of cloud X takes the place of the built-in rows of X. It need not exist
  /// Errors     kDataLoss: a file is damaged (the message names it and the mend)
  /// Cost       one pass over the files to verify them: about 1 ms for 100 000 rows
  static Result<Catalog> open(std::string_view builtin, const fs::path& imported);

  /// Adds offers that live in memory alone, such as a provider's own; they take the place of all earlier rows of the
  /// clouds they name.
  /// Errors   kDataLoss: a name or number in them that no catalog may hold
  Status add(std::span<const Offer> offers);

  /// Ordered by cloud.
  std::span<const CloudSection> sections() const { return sections_; }
  std::size_t rows() const;
  /// The date of the oldest price list in it, as yyyymmdd; 0: none states one.
  std::uint32_t oldest_date() const;

 private:
  void add_file(const std::shared_ptr<const CatalogFile>& file, const std::string& origin);
  std::vector<CloudSection> sections_;
};

/// "2026-11-25" for 20261125; "-" for 0.
std::string format_date(std::uint32_t date);
std::uint32_t date_of(Instant at);

}  // namespace isobar::cloud
