// Any bytes, opened as a catalog file. A random input never passes the checksum, so a valid one is put in its place:
// every check behind it must then hold on its own, and every row of an accepted file must be readable.

#include <cstring>

#include "catalog_file.h"
#include "catalog_layout.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::cloud;
  std::string image(reinterpret_cast<const char*>(data), size);
  if (size >= sizeof(CatalogHeader)) {
    std::memcpy(image.data(), kCatalogMagic.data(), kCatalogMagic.size());
    const std::uint64_t bytes = size, sum_place = offsetof(CatalogHeader, checksum);
    std::memcpy(image.data() + offsetof(CatalogHeader, file_bytes), &bytes, sizeof bytes);
    std::memcpy(image.data() + offsetof(CatalogHeader, version), &kCatalogVersion, sizeof kCatalogVersion);
    const std::uint64_t checksum = catalog_checksum(image);
    std::memcpy(image.data() + sum_place, &checksum, sizeof checksum);
  }
  const auto file = CatalogFile::hold(std::move(image), "fuzz");
  if (!file.ok()) return 0;
  std::size_t bytes = 0;
  for (const Shape& shape : (*file)->shapes())
    for (std::uint32_t i = 0; i < shape.places.size(); ++i) bytes += to_offer(shape, shape.places[i]).region.size();
  return bytes == ~std::size_t{0};
}
