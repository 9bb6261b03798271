#pragma once

/// Where the sections of a catalog file stand, and the sum over them. All of it follows from four counts in the header, so that there is no
/// table of sections to be wrong.

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

namespace isobar::cloud {

static_assert(std::endian::native == std::endian::little, "catalog files are little-endian and read in place");

inline constexpr std::string_view kCatalogMagic = "ISOBCATL";
inline constexpr std::uint32_t kCatalogVersion = 1;

struct CatalogHeader {
  char magic[8];
  std::uint64_t checksum;  ///< of every byte after this field
  std::uint64_t file_bytes;
  std::uint32_t version;
  std::uint32_t reserved;  ///< 0
  std::uint32_t strings, string_bytes;
  std::uint32_t shapes, rows;
};
static_assert(sizeof(CatalogHeader) == 48);

/// XXH3-64 of what follows the checksum's own field.
/// image   at least a header long
std::uint64_t catalog_checksum(std::string_view image);

enum ShapeString { kCloud, kInstanceType, kAccelerator, kArchitecture, kShapeStrings };
enum ShapeNumber { kVcpus, kMemoryGib, kAcceleratorCount, kAcceleratorMemoryGib, kLocalDiskGib, kShapeNumbers };

struct CatalogLayout {
  std::uint64_t string_offsets, string_bytes;
  std::array<std::uint64_t, kShapeStrings> shape_strings;
  std::uint64_t first_rows;
  std::uint64_t dates;
  std::array<std::uint64_t, kShapeNumbers> shape_numbers;
  std::uint64_t regions, zones, prices, spot_prices;
  std::uint64_t end;

  /// The counts are 32 bits wide, so that no sum here overflows 64.
  explicit CatalogLayout(const CatalogHeader& header) {
    std::uint64_t at = sizeof(CatalogHeader);
    const auto section = [&at](std::uint64_t count, std::uint64_t width) {
      const std::uint64_t here = at;
      at = (at + count * width + 7) / 8 * 8;
      return here;
    };
    string_offsets = section(std::uint64_t{header.strings} + 1, 4);
    string_bytes = section(header.string_bytes, 1);
    for (auto& column : shape_strings) column = section(header.shapes, 4);
    first_rows = section(std::uint64_t{header.shapes} + 1, 4);
    dates = section(header.shapes, 4);
    for (auto& column : shape_numbers) column = section(header.shapes, 8);
    regions = section(header.rows, 4);
    zones = section(header.rows, 4);
    prices = section(header.rows, 8);
    spot_prices = section(header.rows, 8);
    end = at;
  }
};

}  // namespace isobar::cloud
