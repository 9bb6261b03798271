// What an Azure server may answer; and metadata names, which must read back whatever they are.

#include <cstddef>
#include <cstdint>

#include "azure_xml.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::storage::azure;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_list(text);
  (void)parse_containers(text);
  (void)parse_tags(text);
  if (const auto blocks = parse_uncommitted(text); blocks.ok())
    for (const Block& block : *blocks) CHECK(block.number > 0);
  isobar::net::HttpResponse response;
  response.body = text;
  (void)parse_error(response);
  CHECK(name_of_metadata(metadata_name(text)) == text);
  return 0;
}
