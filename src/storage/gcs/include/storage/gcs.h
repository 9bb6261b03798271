#pragma once

/// Google Cloud Storage, over its JSON interface; parts over its XML interface, which has what JSON lacks: parts in any order, at
/// once, each with its own checksum.

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"
#include "storage/gcs_credentials.h"
#include "storage/secret_source.h"
#include "storage/store.h"

namespace isobar::storage {

struct GcsOptions {
  /// kXml is what the real service does best. kCompose writes each part as an object of its own and lets the service join them,
  /// 32 at a time; for emulators, which know no parts. kAuto: kCompose where an endpoint is given.
  enum class Parts { kAuto, kXml, kCompose };

  std::string endpoint;  ///< "http://127.0.0.1:9023"; empty: Google's
  std::string project;   ///< needed to make and to list buckets
  Parts parts = Parts::kAuto;
};

/// Under this prefix kCompose keeps parts until they are joined; listings leave it out, list_uploads finds what was abandoned.
inline constexpr std::string_view kGcsPartsPrefix = ".isobar-parts/";

/// transport, clock  must outlive the store, and the store every call on it
/// ObjectInfo::version is the generation. GCS has no tags on objects: limits().tags is false, and tags are not written.
/// Copies of any size are one call: limits().copy_bytes_most says so, and copy_part is refused.
/// Errors   kInvalidArgument: the endpoint is no URL, the bucket's name impossible
Result<std::unique_ptr<Store>> make_gcs_store(std::string bucket, GcsOptions options,
                                              std::shared_ptr<SecretSource<GcsCredentials>> credentials, net::HttpTransport& transport,
                                              const Clock& clock);

}  // namespace isobar::storage
