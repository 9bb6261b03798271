#pragma once

/// The URLs by which users name what they move.

#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::storage {

enum class Kind { kLocal, kS3, kGcs, kAzure, kHttp };
std::string_view name_of(Kind kind);  // "file", "s3", "gs", "az", "http"

/// A place in a store: a bucket (or container, or folder) and a key or prefix in it, whose bytes are exactly what follows the
/// bucket's slash in the URL: nothing is decoded, collapsed or resolved, so `s3://b//x` is the key "/x".
///   s3://BUCKET/KEY   gs://BUCKET/KEY   az://ACCOUNT/CONTAINER/KEY   https://ACCOUNT.blob.core.windows.net/CONTAINER/KEY
///   http(s)://HOST/PATH (a source only)   file:///PATH   PATH
struct Location {
  Kind kind = Kind::kLocal;
  std::string account;  ///< Azure alone
  std::string bucket;   ///< bucket, container, "https://host" for http; empty for local paths
  std::string key;      ///< the key or prefix; the whole path for local files, with its query for http

  std::string text() const;
  /// The place of a key in this store, where this place is the store's own (with an empty key).
  std::string text_of(std::string_view name) const;
};

/// Errors   kInvalidArgument: an unknown scheme (the nearest is named), or a bucket's name that no store allows
Result<Location> parse_location(std::string_view text);

}  // namespace isobar::storage
