#pragma once

/// An object's properties as HTTP headers.

#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http.h"
#include "storage/store.h"

namespace isobar::storage {

/// How a store names them: S3 and GCS say "Content-Type", Azure "x-ms-blob-content-type" when writing.
struct PropertyNames {
  std::string_view standard_prefix;  ///< before Content-Type, Content-Encoding, …
  std::string_view metadata_prefix;  ///< "x-amz-meta-"
  std::string_view storage_class;    ///< "x-amz-storage-class"; empty: not written here
  bool expires = true;               ///< whether the store keeps an Expires header
};

/// Adds the headers of every property that is set; tags are not among them.
/// Errors   kInvalidArgument: a name or value that no header can carry (the message names it)
Status add_property_headers(net::Headers& headers, const Properties& properties, const PropertyNames& names);

/// What a response tells. Values in the form of RFC 2047 (=?UTF-8?B?…?=), in which S3 returns what is not ASCII, are decoded.
Properties read_property_headers(const net::Headers& headers, const PropertyNames& names);

/// "a=1&b=2", percent-encoded: how S3 and Azure take tags in a header.
std::string tags_as_query(const std::map<std::string, std::string>& tags);

/// RFC 2047 words decoded where the whole value is made of them; anything else as it is.
std::string decode_words(std::string_view value);

}  // namespace isobar::storage
