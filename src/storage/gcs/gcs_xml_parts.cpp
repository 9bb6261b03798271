#include <fmt/format.h>

#include "crypto/crc32c.h"
#include "crypto/encoding.h"
#include "gcs_json.h"
#include "gcs_parts.h"
#include "storage/property_headers.h"
#include "storage/s3_xml.h"

namespace isobar::storage::gcs {

namespace {

constexpr PropertyNames kNames{"", "x-goog-meta-", "x-goog-storage-class", false};

class XmlParts final : public PartUploads {
 public:
  explicit XmlParts(Client& client) : client_(client) {}

  void start(std::string key, Properties properties, Done<Upload> done) override {
    Call call = call_of("POST", "start an upload of", key);
    call.query = {{"uploads", ""}};
    if (const Status added = add_property_headers(call.headers, properties, kNames); !added.ok())
      return done(added.error().context(call.doing));
    client_.call(std::move(call), [done, key](const Result<net::HttpResponse>& response) {
      if (!response.ok()) return done(response.error());
      auto id = s3::parse_upload_id(response->body);
      if (!id.ok()) return done(id.error());
      done(Upload{key, std::move(*id)});
    });
  }

  void put(Upload upload, int number, std::string_view body, Checksums checksums, Done<Part> done) override {
    const std::uint32_t crc = checksums.crc32c ? *checksums.crc32c : crypto::crc32c(body);
    Call call = call_of("PUT", fmt::format("put part {} of", number), upload.key);
    call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload.id}};
    call.headers.add("x-goog-hash", "crc32c=" + crypto::crc32c_to_base64(crc));
    if (!checksums.md5.empty()) call.headers.add("Content-MD5", crypto::to_base64(checksums.md5));
    call.body = body;
    client_.call(std::move(call), [done, number, crc, bytes = body.size()](const Result<net::HttpResponse>& response) {
      if (!response.ok()) return done(response.error());
      const auto told = read_hashes(response->headers).crc32c;
      if (told && *told != crc) return done(Error(Code::kDataLoss, fmt::format("the store's checksum of part {} differs", number)));
      done(Part{number, bytes, s3::unquote(response->headers.get("ETag")), told});
    });
  }

  void list(Upload upload, int after, Done<PartPage> done) override {
    Call call = call_of("GET", "list the parts of", upload.key);
    call.query = {{"uploadId", upload.id}, {"max-parts", "1000"}};
    if (after > 0) call.query.emplace_back("part-number-marker", std::to_string(after));
    client_.call(std::move(call), [done](const Result<net::HttpResponse>& response) {
      if (!response.ok()) return done(response.error());
      done(s3::parse_parts(response->body));
    });
  }

  void complete(Upload upload, std::vector<Part> parts, Properties /*properties*/, Done<void> done) override {
    for (Part& part : parts) part.crc32c.reset();  // they have been verified, and have no place in this document
    Call call = call_of("POST", "complete", upload.key);
    call.query = {{"uploadId", upload.id}};
    call.owned_body = s3::write_parts(parts);
    call.headers.add("Content-Type", "application/xml");
    client_.call(std::move(call), [done](const Result<net::HttpResponse>& response) {
      if (!response.ok()) return done(response.error());
      const auto written = s3::parse_written(response->body);
      done(written.ok() ? Status() : written.error());
    });
  }

  void abort(Upload upload, Done<void> done) override {
    Call call = call_of("DELETE", "abandon the upload of", upload.key);
    call.query = {{"uploadId", upload.id}};
    client_.call(std::move(call), [done](const Result<net::HttpResponse>& response) { done(response.ok() ? Status() : response.error()); });
  }

  void list_all(std::string prefix, std::string page, Done<UploadPage> done) override {
    Call call = call_of("GET", "list the uploads of", "");
    call.query = {{"uploads", ""}};
    if (!prefix.empty()) call.query.emplace_back("prefix", prefix);
    if (!page.empty()) {
      const auto markers = s3::split_markers(page);
      if (!markers.ok()) return done(markers.error());
      call.query.emplace_back("key-marker", markers->first);
      if (!markers->second.empty()) call.query.emplace_back("upload-id-marker", markers->second);
    }
    client_.call(std::move(call), [done](const Result<net::HttpResponse>& response) {
      if (!response.ok()) return done(response.error());
      done(s3::parse_uploads(response->body));
    });
  }

 private:
  Call call_of(std::string method, std::string_view verb, std::string_view key) const {
    Call call;
    call.method = std::move(method);
    call.doing = fmt::format("{} {}", verb, client_.text(key));
    call.path = "/" + net::percent_encode(client_.bucket()) + (key.empty() ? "" : "/" + net::percent_encode(key, "/"));
    return call;
  }

  Client& client_;
};

}  // namespace

std::unique_ptr<PartUploads> xml_parts(Client& client) { return std::make_unique<XmlParts>(client); }

}  // namespace isobar::storage::gcs
