#pragma once

/// What S3 says of an object in headers. Pure.

#include <string>
#include <string_view>

#include "net/http.h"
#include "storage/property_headers.h"
#include "storage/store.h"

namespace isobar::storage::s3 {

inline constexpr PropertyNames kPropertyNames{"", "x-amz-meta-", "x-amz-storage-class"};

/// An ETag, and with it the version id where the bucket keeps versions: ObjectInfo::version of this store.
struct Version {
  std::string etag, id;
  std::string text() const { return id.empty() ? etag : etag + "@" + id; }
};
Version parse_version(std::string_view text);
Version version_of(const net::Headers& headers);

/// whole   whether the response is about all of the object's bytes: a checksum in it then belongs to the object
/// Errors  kDataLoss: sizes that are no numbers
Result<ObjectHead> read_head(std::string key, const net::HttpResponse& response, std::uint64_t bytes, bool whole);

/// Some that imitate S3 ignore If-Match. Errors  kConflict: `head` tells another ETag than the one asked for
Status check_pinned(const Version& asked, const ObjectHead& head);

PutReceipt read_receipt(const net::HttpResponse& response);
/// The same where the ETag stands in a document: the answers to completing and copying.
Result<PutReceipt> read_late_receipt(const net::HttpResponse& response);

/// The keys that S3 can take at all. Errors  kInvalidArgument: empty, or longer than 1,024 bytes (the message says how long)
Status check_key(std::string_view key);

}  // namespace isobar::storage::s3
