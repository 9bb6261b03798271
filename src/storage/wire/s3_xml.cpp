#include "storage/s3_xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "crypto/crc32c.h"
#include "net/url.h"
#include "storage/refusal.h"
#include "storage/stamps.h"
#include "storage/xml.h"

namespace isobar::storage::s3 {

namespace {

Error not_s3(std::string_view what) { return {Code::kDataLoss, fmt::format("the answer is not what S3 sends: {}", what)}; }

Result<XmlDocument> parse_as(std::string_view xml, std::string_view root) {
  TRY_ASSIGN(XmlDocument document, XmlDocument::parse(xml).context("the store's answer"));
  if (document.root().name() != root) return not_s3(fmt::format("<{}> instead of <{}>", document.root().name().substr(0, 64), root));
  return document;
}

// Decodes names where the answer says that they are encoded. S3 writes a blank as +.
class NameReader {
 public:
  explicit NameReader(XmlElement root) : encoded_(root.text_of("EncodingType") == "url") {}
  Result<std::string> operator()(std::string_view text) const {
    if (!encoded_) return std::string(text);
    std::string plain(text);
    std::replace(plain.begin(), plain.end(), '+', ' ');
    auto name = net::percent_decode(plain);
    if (!name.ok()) return not_s3(name.error().message());
    return name;
  }

 private:
  bool encoded_;
};

Result<ObjectInfo> read_object(XmlElement element, const NameReader& name) {
  ObjectInfo object;
  TRY_ASSIGN(object.key, name(element.text_of("Key")));
  TRY_ASSIGN(object.bytes, parse_count(element.text_of("Size")).context(object.key));
  const auto modified = parse_iso_time(element.text_of("LastModified"));
  if (!modified.ok()) return not_s3(modified.error().message());
  object.modified = *modified;
  object.etag = unquote(element.text_of("ETag"));
  object.version = object.etag;
  if (const auto storage_class = element.text_of("StorageClass"); storage_class != "STANDARD") object.storage_class = storage_class;
  return object;
}

bool by_key(const ObjectInfo& a, const ObjectInfo& b) { return a.key < b.key; }

}  // namespace

std::string unquote(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

std::optional<std::uint32_t> read_crc32c(std::string_view text) {
  const auto crc = crypto::crc32c_from_base64(text);
  return crc.ok() ? std::optional(*crc) : std::nullopt;
}

Result<ListPage> parse_list(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, parse_as(xml, "ListBucketResult"));
  const XmlElement root = document.root();
  const NameReader name(root);
  ListPage page;
  for (const XmlElement element : root.children("Contents")) {
    TRY_ASSIGN(ObjectInfo object, read_object(element, name));
    page.objects.push_back(std::move(object));
  }
  for (const XmlElement element : root.children("CommonPrefixes")) {
    TRY_ASSIGN(std::string prefix, name(element.text_of("Prefix")));
    page.prefixes.push_back(std::move(prefix));
  }
  // S3 promises this order; some that imitate it order a page by other rules.
  if (!std::is_sorted(page.objects.begin(), page.objects.end(), by_key)) std::sort(page.objects.begin(), page.objects.end(), by_key);
  std::sort(page.prefixes.begin(), page.prefixes.end());
  if (root.text_of("IsTruncated") == "true") {
    page.next = root.text_of("NextContinuationToken");
    if (page.next.empty()) return not_s3("a listing that is cut short without saying where to go on");
  }
  return page;
}

Result<UploadPage> parse_uploads(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, parse_as(xml, "ListMultipartUploadsResult"));
  const XmlElement root = document.root();
  const NameReader name(root);
  UploadPage page;
  for (const XmlElement element : root.children("Upload")) {
    Upload upload;
    TRY_ASSIGN(upload.key, name(element.text_of("Key")));
    upload.id = element.text_of("UploadId");
    if (const auto started = parse_iso_time(element.text_of("Initiated")); started.ok()) upload.started = *started;
    page.uploads.push_back(std::move(upload));
  }
  if (root.text_of("IsTruncated") == "true") {
    TRY_ASSIGN(const std::string key, name(root.text_of("NextKeyMarker")));
    if (key.empty()) return not_s3("a list of uploads that is cut short without saying where to go on");
    page.next = join_markers(key, root.text_of("NextUploadIdMarker"));
  }
  return page;
}

Result<PartPage> parse_parts(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(xml).context("the store's answer"));
  // moto calls it ListPartsResponse.
  if (!document.root().name().starts_with("ListParts")) return not_s3(fmt::format("<{}>", document.root().name().substr(0, 64)));
  PartPage page;
  for (const XmlElement element : document.root().children("Part")) {
    Part part;
    TRY_ASSIGN(const std::uint64_t number, parse_count(element.text_of("PartNumber")));
    if (number < 1 || number > 10'000) return not_s3(fmt::format("part {}", number));
    part.number = static_cast<int>(number);
    TRY_ASSIGN(part.bytes, parse_count(element.text_of("Size")));
    part.etag = unquote(element.text_of("ETag"));
    part.crc32c = read_crc32c(element.text_of("ChecksumCRC32C"));
    page.parts.push_back(std::move(part));
  }
  if (document.root().text_of("IsTruncated") == "true") {
    if (page.parts.empty()) return not_s3("a list of parts that is cut short before the first");
    page.next = page.parts.back().number;
  }
  return page;
}

Result<std::vector<BucketInfo>> parse_buckets(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, parse_as(xml, "ListAllMyBucketsResult"));
  std::vector<BucketInfo> buckets;
  for (const XmlElement element : document.root().child("Buckets").children("Bucket"))
    buckets.push_back({std::string(element.text_of("Name")), parse_iso_time(element.text_of("CreationDate")).value_or(Instant())});
  return buckets;
}

Result<std::map<std::string, std::string>> parse_tags(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, parse_as(xml, "Tagging"));
  std::map<std::string, std::string> tags;
  for (const XmlElement tag : document.root().child("TagSet").children("Tag")) tags[std::string(tag.text_of("Key"))] = tag.text_of("Value");
  return tags;
}

Result<std::vector<RemoveFailure>> parse_removed(std::string_view xml, std::string_view bucket_text) {
  TRY_ASSIGN(const XmlDocument document, parse_as(xml, "DeleteResult"));
  std::vector<RemoveFailure> failures;
  for (const XmlElement element : document.root().children("Error")) {
    const Refusal refusal{200, std::string(element.text_of("Code")), std::string(element.text_of("Message")), ""};
    if (refusal.code == "NoSuchKey") continue;
    const std::string key(element.text_of("Key"));
    failures.push_back({key, error_of(refusal, code_of(refusal.code, 200), fmt::format("remove {}{}", bucket_text, key))});
  }
  return failures;
}

Result<std::string> parse_upload_id(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, parse_as(xml, "InitiateMultipartUploadResult"));
  std::string id(document.root().text_of("UploadId"));
  if (id.empty()) return not_s3("an upload without an id");
  return id;
}

std::optional<ErrorDocument> parse_error(std::string_view xml) {
  const auto document = XmlDocument::parse(xml, 1 << 20);
  if (!document.ok() || document->root().name() != "Error") return std::nullopt;
  const XmlElement root = document->root();
  ErrorDocument error;
  error.code = root.text_of("Code");
  error.message = root.text_of("Message");
  error.request_id = root.text_of("RequestId");
  error.region = root.text_of("Region");
  error.endpoint = root.text_of("Endpoint");
  if (const auto bytes = parse_count(root.text_of("ActualObjectSize")); bytes.ok()) error.actual_object_bytes = *bytes;
  return error;
}

Result<Written> parse_written(std::string_view xml) {
  TRY_ASSIGN(const XmlDocument document, XmlDocument::parse(xml).context("the store's answer"));
  const XmlElement root = document.root();
  if (root.name() != "CompleteMultipartUploadResult" && root.name() != "CopyObjectResult" && root.name() != "CopyPartResult")
    return not_s3(fmt::format("<{}>", root.name().substr(0, 64)));
  return Written{unquote(root.text_of("ETag")), read_crc32c(root.text_of("ChecksumCRC32C"))};
}

std::string write_parts(std::span<const Part> parts) {
  std::string xml = R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
  for (const Part& part : parts) {
    xml += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>&quot;{}&quot;</ETag>", part.number, xml_escape(part.etag));
    if (part.crc32c) xml += fmt::format("<ChecksumCRC32C>{}</ChecksumCRC32C>", crypto::crc32c_to_base64(*part.crc32c));
    xml += "</Part>";
  }
  return xml + "</CompleteMultipartUpload>";
}

std::string write_removal(std::span<const std::string> keys) {
  std::string xml = R"(<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>)";
  for (const std::string& key : keys) xml += fmt::format("<Object><Key>{}</Key></Object>", xml_escape(key));
  return xml + "</Delete>";
}

std::string write_tags(const std::map<std::string, std::string>& tags) {
  std::string xml = R"(<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>)";
  for (const auto& [name, value] : tags)
    xml += fmt::format("<Tag><Key>{}</Key><Value>{}</Value></Tag>", xml_escape(name), xml_escape(value));
  return xml + "</TagSet></Tagging>";
}

std::string write_location(std::string_view region) {
  return fmt::format(
      R"(<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>)",
      xml_escape(region));
}

std::string join_markers(std::string_view key, std::string_view upload_id) {
  return net::percent_encode(key) + "&" + net::percent_encode(upload_id);
}

Result<std::pair<std::string, std::string>> split_markers(std::string_view page) {
  const auto amp = page.find('&');
  if (amp == page.npos) return invalid("a page of uploads that no list gave");
  TRY_ASSIGN(std::string key, net::percent_decode(page.substr(0, amp)));
  TRY_ASSIGN(std::string id, net::percent_decode(page.substr(amp + 1)));
  return std::pair(std::move(key), std::move(id));
}

Code code_of(std::string_view s3_code, int status) {
  using Meaning = std::pair<std::string_view, Code>;
  // Only where the status alone would mislead, or there is none.
  static constexpr std::array<Meaning, 27> kMeanings = {{
      {"NoSuchKey", Code::kNotFound},
      {"NoSuchBucket", Code::kNotFound},
      {"NoSuchUpload", Code::kNotFound},
      {"NoSuchVersion", Code::kNotFound},
      {"BucketAlreadyExists", Code::kAlreadyExists},
      {"BucketAlreadyOwnedByYou", Code::kAlreadyExists},
      {"OperationAborted", Code::kUnavailable},
      {"ConditionalRequestConflict", Code::kUnavailable},
      {"RequestTimeout", Code::kUnavailable},
      {"InternalError", Code::kUnavailable},
      {"SlowDown", Code::kExhausted},
      {"ServiceUnavailable", Code::kExhausted},
      {"TooManyRequests", Code::kExhausted},
      {"BadDigest", Code::kDataLoss},
      {"InvalidDigest", Code::kDataLoss},
      {"IncompleteBody", Code::kDataLoss},
      {"XAmzContentSHA256Mismatch", Code::kDataLoss},
      {"XAmzContentChecksumMismatch", Code::kDataLoss},
      {"ExpiredToken", Code::kPermissionDenied},
      {"InvalidToken", Code::kPermissionDenied},
      {"TokenRefreshRequired", Code::kPermissionDenied},
      {"AccessDenied", Code::kPermissionDenied},
      {"AuthorizationHeaderMalformed", Code::kPermissionDenied},
      {"PreconditionFailed", Code::kConflict},
      {"InvalidObjectState", Code::kInvalidArgument},  // archived: it says nothing of what we may do
      {"NotImplemented", Code::kInvalidArgument},
      {"MethodNotAllowed", Code::kInvalidArgument},
  }};
  for (const auto& [name, code] : kMeanings)
    if (name == s3_code) return code;
  // Without a name, as in answers to HEAD: a version that differs is a 412; what is in conflict here is another operation.
  if (status == 409 && s3_code.empty()) return Code::kUnavailable;
  return status == 200 ? Code::kUnavailable : code_of_status(status);
}

}  // namespace isobar::storage::s3
