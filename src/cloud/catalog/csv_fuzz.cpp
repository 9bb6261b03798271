// Any bytes, read as a price list of each cloud whose rows are treated specially: no crash, and whatever is accepted
// can be laid out as a catalog file and read back.

#include "catalog_file.h"
#include "price_list.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::cloud;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* cloud : {"aws", "gcp", "kubernetes"}) {
    auto list = read_price_list(text, cloud, "fuzz.csv");
    if (!list.ok()) continue;
    const auto file = CatalogFile::hold(encode_catalog(std::move(list->offers), {}), "fuzz");
    if (!file.ok()) __builtin_trap();
  }
  return 0;
}
