#include "gcs_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "crypto/crc32c.h"
#include "crypto/encoding.h"
#include "storage/refusal.h"
#include "storage/s3_xml.h"
#include "storage/stamps.h"

namespace isobar::storage::gcs {

namespace json = boost::json;

namespace {

Error not_gcs(std::string_view what) {
  return {Code::kDataLoss, fmt::format("the answer is not what Google Cloud Storage sends: {}", what)};
}

Result<json::object> parse_as_object(std::string_view text) {
  json::error_code failure;
  json::value value = json::parse(json::string_view(text.data(), text.size()), failure);
  if (failure) return not_gcs("no JSON: " + failure.message());
  if (!value.is_object()) return not_gcs("no JSON object");
  return std::move(value.as_object());
}

// Text, or a number as text: the service writes sizes and generations as strings, some emulators as numbers.
std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr) return {};
  if (const json::string* text = value->if_string()) return std::string(text->data(), text->size());
  if (value->is_int64()) return std::to_string(value->get_int64());
  if (value->is_uint64()) return std::to_string(value->get_uint64());
  return {};
}

const json::array& array_of(const json::object& object, std::string_view name) {
  static const json::array kNone;
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

std::string raw_md5(std::string_view base64) {
  const auto md5 = crypto::from_base64(base64);
  return md5.ok() && md5->size() == 16 ? *md5 : std::string();
}

Result<ObjectHead> read_object(const json::object& object) {
  ObjectHead head;
  ObjectInfo& info = head.info;
  info.key = text_of(object, "name");
  if (info.key.empty()) return not_gcs("an object without a name");
  TRY_ASSIGN(info.bytes, parse_count(text_of(object, "size")).context(info.key));
  info.version = text_of(object, "generation");
  info.etag = s3::unquote(text_of(object, "etag"));
  info.modified = parse_iso_time(text_of(object, "updated")).value_or(Instant());
  info.checksums.crc32c = s3::read_crc32c(text_of(object, "crc32c"));
  info.checksums.md5 = raw_md5(text_of(object, "md5Hash"));
  Properties& properties = head.properties;
  properties.content_type = text_of(object, "contentType");
  properties.content_encoding = text_of(object, "contentEncoding");
  properties.content_language = text_of(object, "contentLanguage");
  properties.content_disposition = text_of(object, "contentDisposition");
  properties.cache_control = text_of(object, "cacheControl");
  if (const std::string storage_class = text_of(object, "storageClass"); storage_class != "STANDARD")
    properties.storage_class = storage_class;
  info.storage_class = properties.storage_class;
  if (const json::value* metadata = object.if_contains("metadata"); metadata != nullptr && metadata->is_object())
    for (const auto& [name, value] : metadata->get_object())
      if (value.is_string()) properties.metadata[to_lower(std::string_view(name.data(), name.size()))] = value.get_string().c_str();
  return head;
}

json::object resource_of(const Properties& properties) {
  json::object object;
  const auto set = [&object](std::string_view name, const std::string& value) {
    if (!value.empty()) object[json::string_view(name.data(), name.size())] = value;
  };
  set("contentType", properties.content_type);
  set("contentEncoding", properties.content_encoding);
  set("contentLanguage", properties.content_language);
  set("contentDisposition", properties.content_disposition);
  set("cacheControl", properties.cache_control);
  set("storageClass", properties.storage_class);
  if (!properties.metadata.empty()) {
    json::object metadata;
    for (const auto& [name, value] : properties.metadata) metadata[name] = value;
    object["metadata"] = std::move(metadata);
  }
  return object;
}

}  // namespace

Result<ObjectHead> parse_object(std::string_view text) {
  TRY_ASSIGN(const json::object object, parse_as_object(text));
  return read_object(object);
}

Result<ObjectPage> parse_list(std::string_view text) {
  TRY_ASSIGN(const json::object root, parse_as_object(text));
  ObjectPage page;
  for (const json::value& item : array_of(root, "items")) {
    if (!item.is_object()) return not_gcs("an item that is no object");
    TRY_ASSIGN(ObjectHead head, read_object(item.get_object()));
    page.objects.push_back(std::move(head));
  }
  for (const json::value& prefix : array_of(root, "prefixes"))
    if (prefix.is_string()) page.prefixes.emplace_back(prefix.get_string().c_str());
  std::sort(page.objects.begin(), page.objects.end(), [](const auto& a, const auto& b) { return a.info.key < b.info.key; });
  std::sort(page.prefixes.begin(), page.prefixes.end());
  page.next = text_of(root, "nextPageToken");
  return page;
}

Result<BucketPage> parse_buckets(std::string_view text) {
  TRY_ASSIGN(const json::object root, parse_as_object(text));
  BucketPage page;
  for (const json::value& item : array_of(root, "items"))
    if (item.is_object())
      page.buckets.push_back(
          {text_of(item.get_object(), "name"), parse_iso_time(text_of(item.get_object(), "timeCreated")).value_or(Instant())});
  page.next = text_of(root, "nextPageToken");
  return page;
}

Result<BucketPlace> parse_place(std::string_view text) {
  TRY_ASSIGN(const json::object root, parse_as_object(text));
  BucketPlace place;
  place.location = to_lower(text_of(root, "location"));
  if (place.location.empty()) return not_gcs("a bucket without its location");
  // Regions alone have a hyphen and a number; what tells no type is judged by its name.
  const std::string type = text_of(root, "locationType");
  place.several_regions = type.empty() ? place.location.find('-') == std::string::npos : type != "region" && type != "zone";
  return place;
}

Result<RewriteStep> parse_rewrite(std::string_view text) {
  TRY_ASSIGN(const json::object root, parse_as_object(text));
  RewriteStep step;
  step.token = text_of(root, "rewriteToken");
  const json::value* done = root.if_contains("done");
  const json::value* resource = root.if_contains("resource");
  if (done != nullptr && done->is_bool() && done->get_bool()) {
    if (resource == nullptr || !resource->is_object()) return not_gcs("a finished copy without its object");
    TRY_ASSIGN(step.written, read_object(resource->get_object()));
  } else if (step.token.empty()) {
    return not_gcs("an unfinished copy without a token to go on with");
  }
  return step;
}

ErrorDocument parse_error(std::string_view body) {
  if (const auto xml = s3::parse_error(body)) return {xml->code, xml->message};
  const auto root = parse_as_object(body);
  if (!root.ok()) return {};
  const json::value* error = root->if_contains("error");
  if (error == nullptr || !error->is_object()) return {};
  ErrorDocument document{"", text_of(error->get_object(), "message")};
  for (const json::value& item : array_of(error->get_object(), "errors"))
    if (item.is_object() && document.reason.empty()) document.reason = text_of(item.get_object(), "reason");
  return document;
}

Code code_of(const ErrorDocument& error, int status) {
  // 409 is for buckets: the name is taken, or objects are left in it.
  if (status == 409)
    return error.message.find("empty") == std::string::npos && error.reason != "BucketNotEmpty" ? Code::kAlreadyExists : Code::kConflict;
  if (error.reason == "BadDigest" || error.message.find("doesn't match calculated") != std::string::npos ||
      error.message.find("Provided CRC32C") != std::string::npos || error.message.find("Provided MD5") != std::string::npos)
    return Code::kDataLoss;
  if (error.reason == "rateLimitExceeded" || error.reason == "userRateLimitExceeded") return Code::kExhausted;
  return code_of_status(status);
}

std::string write_object(std::string_view name, const Properties& properties, const Checksums& checksums) {
  json::object object = resource_of(properties);
  if (!name.empty()) object["name"] = json::string_view(name.data(), name.size());
  if (checksums.crc32c) object["crc32c"] = crypto::crc32c_to_base64(*checksums.crc32c);
  if (!checksums.md5.empty()) object["md5Hash"] = crypto::to_base64(checksums.md5);
  return json::serialize(object);
}

std::string write_compose(std::span<const std::string> sources, const Properties& properties) {
  json::array list;
  for (const std::string& name : sources) list.push_back(json::object{{"name", name}});
  return json::serialize(
      json::object{{"kind", "storage#composeRequest"}, {"sourceObjects", list}, {"destination", resource_of(properties)}});
}

std::string write_bucket(std::string_view name) {
  return json::serialize(json::object{{"name", json::string_view(name.data(), name.size())}});
}

Checksums read_hashes(const net::Headers& headers) {
  Checksums checksums;
  for (const auto& [name, value] : headers) {
    if (to_lower(name) != "x-goog-hash") continue;
    for (const std::string_view part : split(value, ',')) {
      const std::string_view hash = trim(part);
      if (hash.starts_with("crc32c=")) checksums.crc32c = s3::read_crc32c(hash.substr(7));
      if (hash.starts_with("md5=")) checksums.md5 = raw_md5(hash.substr(4));
    }
  }
  return checksums;
}

}  // namespace isobar::storage::gcs
