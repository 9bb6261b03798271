#include "azure_xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "crypto/encoding.h"
#include "storage/refusal.h"
#include "storage/s3_xml.h"
#include "storage/stamps.h"
#include "storage/xml.h"

namespace isobar::storage::azure {

namespace {

constexpr PropertyNames kWriteNames{"x-ms-blob-", "x-ms-meta-", "x-ms-access-tier", false};
constexpr PropertyNames kReadNames{"", "x-ms-meta-", "x-ms-access-tier", false};
constexpr std::size_t kUploadIdBytes = 16;

Error not_azure(std::string_view what) { return {Code::kDataLoss, fmt::format("the answer is not what Azure sends: {}", what)}; }

Result<XmlDocument> parse_as(std::string_view xml, std::string_view root) {
  // Azure begins its answers with a byte order mark.
  if (xml.starts_with("\xEF\xBB\xBF")) xml.remove_prefix(3);
  TRY_ASSIGN(XmlDocument document, XmlDocument::parse(xml).context("the store's answer"));
  if (document.root().name() != root) return not_azure(fmt::format("<{}> instead of <{}>", document.root().name().substr(0, 64), root));
  return document;
}

// Names that XML cannot hold come percent-encoded, and say so.
Result<std::string> read_name(XmlElement element) {
  const XmlElement name = element.child("Name");
  if (name.attribute("Encoded") != "true") return std::string(name.text());
  return net::percent_decode(name.text());
}

std::string raw_md5(std::string_view base64) {
  const auto md5 = crypto::from_base64(base64);
  return md5.ok() && md5->size() == 16 ? *md5 : std::string();
}

Result<ObjectInfo> read_blob(XmlElement element) {
  ObjectInfo blob;
  TRY_ASSIGN(blob.key, read_name(element));
  const XmlElement properties = element.child("Properties");
  TRY_ASSIGN(blob.bytes, parse_count(properties.text_of("Content-Length")).context(blob.key));
  blob.modified = parse_http_date(properties.text_of("Last-Modified")).value_or(Instant());
  blob.etag = s3::unquote(properties.text_of("Etag"));
  blob.version = blob.etag;
  blob.checksums.md5 = raw_md5(properties.text_of("Content-MD5"));
  if (properties.text_of("AccessTierInferred") != "true") blob.storage_class = properties.text_of("AccessTier");
  return blob;
}

bool is_escape(std::string_view text) { return text.size() >= 5 && text.starts_with("__x") && crypto::from_hex(text.substr(3, 2)).ok(); }

}  // namespace

Result<ListPage> parse_list(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, parse_as(xml, "EnumerationResults"));
  ListPage page;
  for (const XmlElement element : document.root().child("Blobs").children("Blob")) {
    TRY_ASSIGN(ObjectInfo blob, read_blob(element));
    page.objects.push_back(std::move(blob));
  }
  for (const XmlElement element : document.root().child("Blobs").children("BlobPrefix")) {
    TRY_ASSIGN(std::string prefix, read_name(element));
    page.prefixes.push_back(std::move(prefix));
  }
  std::sort(page.objects.begin(), page.objects.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  std::sort(page.prefixes.begin(), page.prefixes.end());
  page.next = document.root().text_of("NextMarker");
  return page;
}

Result<ContainerPage> parse_containers(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, parse_as(xml, "EnumerationResults"));
  ContainerPage page;
  for (const XmlElement element : document.root().child("Containers").children("Container"))
    page.containers.push_back(
        {std::string(element.text_of("Name")), parse_http_date(element.child("Properties").text_of("Last-Modified")).value_or(Instant())});
  page.next = document.root().text_of("NextMarker");
  return page;
}

Result<std::map<std::string, std::string>> parse_tags(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, parse_as(xml, "Tags"));
  std::map<std::string, std::string> tags;
  for (const XmlElement tag : document.root().child("TagSet").children("Tag")) tags[std::string(tag.text_of("Key"))] = tag.text_of("Value");
  return tags;
}

Status check_key(std::string_view key) {
  if (key.empty()) return invalid("an object needs a name");
  if (key.size() > 1024)
    return invalid(fmt::format("the name '{}…' has {} bytes; Azure takes at most 1,024", key.substr(0, 60), key.size()));
  const auto changed = [&](std::string_view why) { return invalid(fmt::format("the name '{}' would not survive in Azure: {}", key, why)); };
  if (key.find('\\') != key.npos) return changed("a backslash becomes a slash there");
  if (key.back() == '.') return changed("a dot at the end is dropped there");
  for (const std::string_view segment : split(key, '/'))
    if (segment == "." || segment == "..") return changed(fmt::format("'{}' between slashes is resolved there", segment));
  return {};
}

std::string block_name(std::string_view upload, int number) { return crypto::to_base64(fmt::format("{}-{:05}", upload, number)); }

Result<std::vector<Block>> parse_uncommitted(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, parse_as(xml, "BlockList"));
  std::vector<Block> blocks;
  for (const XmlElement element : document.root().child("UncommittedBlocks").children("Block")) {
    const auto name = crypto::from_base64(element.text_of("Name"));
    if (!name.ok() || name->size() != kUploadIdBytes + 6 || (*name)[kUploadIdBytes] != '-') continue;
    const auto number = parse_count(std::string_view(*name).substr(kUploadIdBytes + 1));
    if (!number.ok() || *number == 0) continue;
    TRY_ASSIGN(const std::uint64_t bytes, parse_count(element.text_of("Size")));
    blocks.push_back({name->substr(0, kUploadIdBytes), static_cast<int>(*number), bytes});
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const Block& a, const Block& b) { return std::tie(a.upload, a.number) < std::tie(b.upload, b.number); });
  return blocks;
}

std::string write_block_list(std::string_view upload, std::span<const Part> parts) {
  std::string xml = R"(<?xml version="1.0" encoding="utf-8"?><BlockList>)";
  for (const Part& part : parts) xml += "<Uncommitted>" + block_name(upload, part.number) + "</Uncommitted>";
  return xml + "</BlockList>";
}

std::string write_tags(const std::map<std::string, std::string>& tags) {
  std::string xml = R"(<?xml version="1.0" encoding="utf-8"?><Tags><TagSet>)";
  for (const auto& [name, value] : tags)
    xml += fmt::format("<Tag><Key>{}</Key><Value>{}</Value></Tag>", xml_escape(name), xml_escape(value));
  return xml + "</TagSet></Tags>";
}

ErrorDocument parse_error(const net::HttpResponse& response) {
  ErrorDocument error{std::string(response.headers.get("x-ms-error-code")), ""};
  const auto document = parse_as(response.body, "Error");
  if (!document.ok()) return error;
  if (error.code.empty()) error.code = document->root().text_of("Code");
  error.message = document->root().text_of("Message");
  // The sentence is followed by the request's id and the time, each on a line of its own.
  error.message.resize(std::min(error.message.size(), error.message.find('\n')));
  return error;
}

Code code_of(std::string_view azure_code, int status) {
  using Meaning = std::pair<std::string_view, Code>;
  static constexpr std::array<Meaning, 11> kMeanings = {{
      {"BlobAlreadyExists", Code::kAlreadyExists},
      {"ContainerAlreadyExists", Code::kAlreadyExists},
      {"ContainerBeingDeleted", Code::kUnavailable},
      {"Md5Mismatch", Code::kDataLoss},
      {"Crc64Mismatch", Code::kDataLoss},
      {"InvalidMd5", Code::kDataLoss},
      {"IncompleteBody", Code::kDataLoss},
      {"ServerBusy", Code::kExhausted},
      {"OperationTimedOut", Code::kUnavailable},
      {"LeaseIdMissing", Code::kPermissionDenied},
      {"BlobImmutableDueToPolicy", Code::kPermissionDenied},
  }};
  for (const auto& [name, code] : kMeanings)
    if (name == azure_code) return status == 404 ? Code::kNotFound : code;
  return code_of_status(status);
}

std::string metadata_name(std::string_view name) {
  std::string escaped;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool digit = c >= '0' && c <= '9';
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (digit && i > 0) || (c == '_' && !is_escape(name.substr(i)));
    if (plain) escaped += c;
    else escaped += "__x" + crypto::to_hex(std::string_view(&c, 1));
  }
  return escaped;
}

std::string name_of_metadata(std::string_view azure_name) {
  std::string name;
  for (std::size_t i = 0; i < azure_name.size();) {
    if (is_escape(azure_name.substr(i))) {
      name += *crypto::from_hex(azure_name.substr(i + 3, 2));
      i += 5;
    } else {
      name += azure_name[i++];
    }
  }
  return name;
}

Status add_blob_headers(net::Headers& headers, const Properties& properties) {
  Properties named = properties;
  named.metadata.clear();
  for (const auto& [name, value] : properties.metadata) named.metadata[metadata_name(name)] = value;
  TRY(add_property_headers(headers, named, kWriteNames));
  if (properties.tags && !properties.tags->empty()) headers.add("x-ms-tags", tags_as_query(*properties.tags));
  return {};
}

ObjectHead read_head(std::string key, const net::HttpResponse& response, std::uint64_t bytes) {
  const net::Headers& headers = response.headers;
  ObjectHead head;
  head.info.key = std::move(key);
  head.info.bytes = bytes;
  head.info.modified = parse_http_date(headers.get("Last-Modified")).value_or(Instant());
  head.info.etag = s3::unquote(headers.get("ETag"));
  head.info.version = head.info.etag;
  // In the answer to a range, Content-MD5 is of the range.
  const auto md5 = response.status == 206 ? headers.get("x-ms-blob-content-md5") : headers.get("Content-MD5");
  head.info.checksums.md5 = raw_md5(md5);
  Properties read = read_property_headers(headers, kReadNames);
  head.properties = read;
  head.properties.metadata.clear();
  for (auto& [name, value] : read.metadata) head.properties.metadata[name_of_metadata(name)] = value;
  if (headers.get("x-ms-access-tier-inferred") == "true") head.properties.storage_class.clear();
  head.info.storage_class = head.properties.storage_class;
  const auto tags = headers.get("x-ms-tag-count");
  head.has_tags = !tags.empty() && tags != "0";
  return head;
}

}  // namespace isobar::storage::azure
