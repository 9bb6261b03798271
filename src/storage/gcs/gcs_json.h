#pragma once

/// What Google Cloud Storage says and hears in JSON, as values. Pure.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http.h"
#include "storage/store.h"

namespace isobar::storage::gcs {

/// The Errors of all parsers are kDataLoss: what arrived is not what the service sends.
Result<ObjectHead> parse_object(std::string_view json);

struct ObjectPage {
  std::vector<ObjectHead> objects;
  std::vector<std::string> prefixes;
  std::string next;
};
Result<ObjectPage> parse_list(std::string_view json);

struct BucketPage {
  std::vector<BucketInfo> buckets;
  std::string next;
};
Result<BucketPage> parse_buckets(std::string_view json);

/// Where a bucket is.
struct BucketPlace {
  std::string location;  ///< in lower case: "us-east4", or "us" and "nam4" for several
  bool several_regions = false;
};
Result<BucketPlace> parse_place(std::string_view json);

/// The answer to one step of a rewrite: done with the object, or a token to go on with.
struct RewriteStep {
  std::optional<ObjectHead> written;
  std::string token;
};
Result<RewriteStep> parse_rewrite(std::string_view json);

/// The sentence and the reason in an error's document, JSON or XML; empty where there are none.
struct ErrorDocument {
  std::string reason, message;
};
ErrorDocument parse_error(std::string_view body);
Code code_of(const ErrorDocument& error, int status);

/// An object's resource as it is sent: name (unless empty), properties, and what of `checksums` the service verifies.
std::string write_object(std::string_view name, const Properties& properties, const Checksums& checksums);
/// The body of a compose request: source objects of the bucket, in order.
std::string write_compose(std::span<const std::string> sources, const Properties& properties);
std::string write_bucket(std::string_view name);

/// "crc32c=AAAAAA==,md5=…", of one or several headers.
Checksums read_hashes(const net::Headers& headers);

}  // namespace isobar::storage::gcs
