#include "storage/location.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "base/text.h"

namespace isobar::storage {

namespace {

constexpr std::string_view kAzureHost = ".blob.core.windows.net";

Result<Location> bucket_and_key(Kind kind, std::string_view text, std::string_view rest) {
  Location location;
  location.kind = kind;
  const auto slash = rest.find('/');
  location.bucket = rest.substr(0, slash);
  if (slash != std::string_view::npos) location.key = rest.substr(slash + 1);
  if (location.bucket.empty() && !location.key.empty())
    return invalid(fmt::format("'{}': the bucket is missing between the slashes", text));
  for (const char c : location.bucket)
    if (static_cast<unsigned char>(c) <= ' ' || c == '?' || c == '#' || c == '%')
      return invalid(fmt::format("'{}': '{}' is no bucket's name", text, location.bucket));
  return location;
}

Result<Location> azure(std::string_view text, std::string_view account, std::string_view rest) {
  TRY_ASSIGN(Location location, bucket_and_key(Kind::kAzure, text, rest));
  location.account = account;
  if (location.account.empty()) return invalid(fmt::format("'{}': the storage account is missing; write az://ACCOUNT/CONTAINER/KEY", text));
  return location;
}

}  // namespace

std::string_view name_of(Kind kind) {
  constexpr std::array<std::string_view, 5> kNames = {"file", "s3", "gs", "az", "http"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string Location::text() const {
  switch (kind) {
    case Kind::kLocal: return key;
    case Kind::kHttp: return bucket + "/" + key;
    case Kind::kAzure: return fmt::format("az://{}/{}/{}", account, bucket, key);
    case Kind::kS3:
    case Kind::kGcs: break;
  }
  return fmt::format("{}://{}/{}", name_of(kind), bucket, key);
}

std::string Location::text_of(std::string_view name) const {
  Location place = *this;
  place.key = kind == Kind::kLocal && !key.empty() && !key.ends_with('/') ? key + "/" + std::string(name) : key + std::string(name);
  return place.text();
}

Result<Location> parse_location(std::string_view text) {
  if (text.empty()) return invalid("an empty name is no place");
  const auto colon = text.find("://");
  // A file's name may hold "://" too, behind a slash: then it has no scheme.
  if (colon == std::string_view::npos || text.substr(0, colon).find('/') != std::string_view::npos) {
    Location location;
    location.key = text;
    return location;
  }
  const std::string scheme = to_lower(text.substr(0, colon));
  const std::string_view rest = text.substr(colon + 3);
  if (scheme == "s3") return bucket_and_key(Kind::kS3, text, rest);
  if (scheme == "gs" || scheme == "gcs") return bucket_and_key(Kind::kGcs, text, rest);
  if (scheme == "az" || scheme == "azure") {
    const auto slash = rest.find('/');
    return azure(text, rest.substr(0, slash), slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1));
  }
  if (scheme == "file") {
    if (!rest.starts_with('/')) return invalid(fmt::format("'{}': write file:///PATH with a path from the root", text));
    Location location;
    location.key = rest;
    return location;
  }
  if (scheme == "http" || scheme == "https") {
    const auto slash = rest.find('/');
    const std::string_view host = rest.substr(0, slash), path = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
    if (host.empty()) return invalid(fmt::format("'{}': the host is missing", text));
    if (host.ends_with(kAzureHost)) return azure(text, host.substr(0, host.size() - kAzureHost.size()), path);
    Location location;
    location.kind = Kind::kHttp;
    location.bucket = fmt::format("{}://{}", scheme, host);
    location.key = path;
    return location;
  }
  const std::vector<std::string> known = {"s3", "gs", "az", "http", "https", "file"};
  const auto nearest = closest(scheme, known);
  return invalid(
      fmt::format("'{}': there is no store '{}://'{}; known are s3, gs, az, http, https and file (a local path needs none: ./{})", text,
                  scheme, nearest ? fmt::format(", did you mean {}://?", *nearest) : "", text));
}

}  // namespace isobar::storage
