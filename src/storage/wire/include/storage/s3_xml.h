#pragma once

/// What S3 says and hears in XML, as values; the XML interface of Google Cloud Storage speaks it too. Pure.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/store.h"

namespace isobar::storage::s3 {

/// The Errors of all parsers are kDataLoss: what arrived is not what S3 sends.

/// Keys are decoded from the form in which `encoding-type=url` writes them, when the answer says that it did.
Result<ListPage> parse_list(std::string_view xml);
Result<UploadPage> parse_uploads(std::string_view xml);
Result<PartPage> parse_parts(std::string_view xml);
Result<std::vector<BucketInfo>> parse_buckets(std::string_view xml);
Result<std::map<std::string, std::string>> parse_tags(std::string_view xml);
/// Failures alone; `code_of` is applied to the store's own code.
Result<std::vector<RemoveFailure>> parse_removed(std::string_view xml, std::string_view bucket_text);
Result<std::string> parse_upload_id(std::string_view xml);

/// An <Error> document.
struct ErrorDocument {
  std::string code, message, request_id, region, endpoint;
  std::optional<std::uint64_t> actual_object_bytes;
};
/// None when `xml` is no such document: HTML of a proxy, nothing at all.
std::optional<ErrorDocument> parse_error(std::string_view xml);

/// The answers to CompleteMultipartUpload, CopyObject and UploadPartCopy.
struct Written {
  std::string etag;
  std::optional<std::uint32_t> crc32c;  ///< of the whole; composite checksums are left out
};
Result<Written> parse_written(std::string_view xml);

std::string write_parts(std::span<const Part> parts);
std::string write_removal(std::span<const std::string> keys);
std::string write_tags(const std::map<std::string, std::string>& tags);
std::string write_location(std::string_view region);

/// Where to go on in a list of uploads: two markers in one text, and back.
std::string join_markers(std::string_view key, std::string_view upload_id);
Result<std::pair<std::string, std::string>> split_markers(std::string_view page);

/// An ETag without its quotes.
std::string unquote(std::string_view etag);

/// What an S3 error code means; `status` decides where the code does not. 200 is possible: some answers begin before the
/// outcome is known.
Code code_of(std::string_view s3_code, int status);

/// "base64" or "base64-PARTS" of a checksum header: none for the second form, which is a checksum of checksums.
std::optional<std::uint32_t> read_crc32c(std::string_view text);

}  // namespace isobar::storage::s3
