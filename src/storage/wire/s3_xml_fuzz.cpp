// What an S3 server may answer: listings, parts, uploads, errors. Nothing it says may do more than fail to parse, and every key of
// a listing that does parse is in order.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "storage/refusal.h"
#include "storage/s3_xml.h"
#include "storage/stamps.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::storage;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto page = s3::parse_list(text); page.ok())
    CHECK(std::is_sorted(page->objects.begin(), page->objects.end(), [](const auto& a, const auto& b) { return a.key < b.key; }));
  if (const auto page = s3::parse_uploads(text); page.ok() && !page->next.empty()) CHECK(s3::split_markers(page->next).ok());
  if (const auto page = s3::parse_parts(text); page.ok() && page->next != 0) CHECK(page->next == page->parts.back().number);
  (void)s3::parse_buckets(text);
  (void)s3::parse_tags(text);
  (void)s3::parse_removed(text, "s3://b/");
  (void)s3::parse_upload_id(text);
  (void)s3::parse_written(text);
  (void)s3::parse_error(text);
  (void)s3::split_markers(text);
  (void)parse_content_range(text);
  if (const auto at = parse_iso_time(text); at.ok()) CHECK(parse_iso_time(format_iso_time(*at)).ok());
  if (const auto at = parse_http_date(text); at.ok()) CHECK(*parse_http_date(format_http_date(*at)) == *at);
  return 0;
}
