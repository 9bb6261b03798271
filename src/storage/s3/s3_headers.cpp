#include "s3_headers.h"

#include <fmt/format.h>

#include "base/text.h"
#include "storage/refusal.h"
#include "storage/s3_xml.h"
#include "storage/stamps.h"

namespace isobar::storage::s3 {

Version parse_version(std::string_view text) {
  const auto at = text.find('@');
  return {std::string(text.substr(0, at)), at == text.npos ? std::string() : std::string(text.substr(at + 1))};
}

Version version_of(const net::Headers& headers) {
  Version version{unquote(headers.get("ETag")), std::string(headers.get("x-amz-version-id"))};
  if (version.id == "null") version.id.clear();  // written before the bucket kept versions
  return version;
}

Result<ObjectHead> read_head(std::string key, const net::HttpResponse& response, std::uint64_t bytes, bool whole) {
  const net::Headers& headers = response.headers;
  ObjectHead head;
  head.info.key = std::move(key);
  head.info.bytes = bytes;
  head.info.modified = parse_http_date(headers.get("Last-Modified")).value_or(Instant());
  head.info.etag = unquote(headers.get("ETag"));
  head.info.version = version_of(headers).text();
  if (whole) head.info.checksums.crc32c = read_crc32c(headers.get("x-amz-checksum-crc32c"));
  head.properties = read_property_headers(headers, kPropertyNames);
  // "aws-chunked" was the uploader's framing, which S3 took off; some imitations leave the word in.
  if (head.properties.content_encoding == "aws-chunked") head.properties.content_encoding.clear();
  if (head.properties.content_encoding.starts_with("aws-chunked,"))
    head.properties.content_encoding = trim(std::string_view(head.properties.content_encoding).substr(12));
  if (head.properties.storage_class == "STANDARD") head.properties.storage_class.clear();
  head.info.storage_class = head.properties.storage_class;
  if (const auto count = headers.get("x-amz-tagging-count"); !count.empty()) head.has_tags = count != "0";
  return head;
}

Status check_pinned(const Version& asked, const ObjectHead& head) {
  if (asked.etag.empty() || head.info.etag.empty() || head.info.etag == asked.etag) return {};
  return Error(Code::kConflict, fmt::format("'{}' is another version by now: {} instead of {}", head.info.key, head.info.etag, asked.etag));
}

PutReceipt read_receipt(const net::HttpResponse& response) {
  PutReceipt receipt;
  const Version version = version_of(response.headers);
  receipt.etag = version.etag;
  receipt.version = version.text();
  receipt.checksums.crc32c = read_crc32c(response.headers.get("x-amz-checksum-crc32c"));
  return receipt;
}

Result<PutReceipt> read_late_receipt(const net::HttpResponse& response) {
  TRY_ASSIGN(const Written written, parse_written(response.body));
  Version version = version_of(response.headers);
  version.etag = written.etag;
  PutReceipt receipt{version.text(), version.etag, {}};
  receipt.checksums.crc32c = written.crc32c;
  return receipt;
}

Status check_key(std::string_view key) {
  if (key.empty()) return invalid("an object needs a name");
  if (key.size() > 1024) return invalid(fmt::format("the name '{}…' has {} bytes; S3 takes at most 1,024", key.substr(0, 60), key.size()));
  return {};
}

}  // namespace isobar::storage::s3
