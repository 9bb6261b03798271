// Uploads in parts, and copies that S3 makes by itself.

#include <fmt/format.h>

#include <numeric>

#include "crypto/crc32c.h"
#include "crypto/encoding.h"
#include "s3_headers.h"
#include "s3_store.h"

namespace isobar::storage::s3 {

void add_checksums(Call& call, std::string_view body, const Checksums& checksums, bool crc32c) {
  if (crc32c) {
    const std::uint32_t crc = checksums.crc32c ? *checksums.crc32c : crypto::crc32c(body);
    call.headers.add("x-amz-sdk-checksum-algorithm", "CRC32C");
    call.headers.add("x-amz-checksum-crc32c", crypto::crc32c_to_base64(crc));
  }
  if (!checksums.md5.empty()) call.headers.add("Content-MD5", crypto::to_base64(checksums.md5));
  call.sha256 = checksums.sha256;
}

void S3Store::start_upload(std::string key, Properties properties, Done<Upload> done) {
  if (const Status valid = check_key(key); !valid.ok()) return done(valid.error());
  auto headers = headers_of(properties);
  if (!headers.ok()) return done(headers.error().context("start an upload of " + client_->text(key)));
  Call call = call_of("POST", "start an upload of", key);
  call.query = {{"uploads", ""}};
  call.headers = std::move(*headers);
  if (client_->options().checksums) {
    // The checksum of the whole, combined from its parts', rather than one of the parts' checksums: it means something elsewhere too.
    call.headers.add("x-amz-checksum-algorithm", "CRC32C");
    call.headers.add("x-amz-checksum-type", "FULL_OBJECT");
  }
  client_->call(std::move(call), [done, key](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    auto id = parse_upload_id(response->body);
    if (!id.ok()) return done(id.error());
    done(Upload{key, std::move(*id)});
  });
}

void S3Store::put_part(Upload upload, int number, std::uint64_t /*offset*/, std::string_view body, Checksums checksums, Done<Part> done) {
  Call call = call_of("PUT", fmt::format("put part {} of", number), upload.key);
  call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload.id}};
  add_checksums(call, body, checksums, client_->options().checksums);
  call.body = body;
  client_->call(std::move(call), [done, number, bytes = body.size()](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    done(Part{number, bytes, unquote(response->headers.get("ETag")), read_crc32c(response->headers.get("x-amz-checksum-crc32c"))});
  });
}

void S3Store::list_parts(Upload upload, int after, Done<PartPage> done) {
  Call call = call_of("GET", "list the parts of", upload.key);
  call.query = {{"uploadId", upload.id}, {"max-parts", "1000"}};
  if (after > 0) call.query.emplace_back("part-number-marker", std::to_string(after));
  client_->call(std::move(call), [done, after](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    auto page = parse_parts(response->body);
    if (page.ok() && page->next != 0 && page->next <= after)
      return done(Error(Code::kDataLoss, "the store's list of parts goes round in a circle"));
    done(std::move(page));
  });
}

void S3Store::complete_upload(Upload upload, std::vector<Part> parts, std::uint64_t bytes, Properties /*properties*/, Checksums checksums,
                              Done<PutReceipt> done) {
  const std::uint64_t sum =
      std::accumulate(parts.begin(), parts.end(), std::uint64_t{0}, [](auto total, const Part& part) { return total + part.bytes; });
  if (sum != bytes)
    return done(Error(Code::kDataLoss, fmt::format("complete {}: the {} parts hold {} bytes, the object {}", client_->text(upload.key),
                                                   parts.size(), sum, bytes)));
  Call call = call_of("POST", "complete", upload.key);
  call.query = {{"uploadId", upload.id}};
  call.owned_body = write_parts(parts);
  call.headers = {{"Content-Type", "application/xml"}, {"x-amz-mp-object-size", std::to_string(bytes)}};
  if (client_->options().checksums && checksums.crc32c) {
    call.headers.add("x-amz-checksum-type", "FULL_OBJECT");
    call.headers.add("x-amz-checksum-crc32c", crypto::crc32c_to_base64(*checksums.crc32c));
  }
  call.answers_late = true;
  client_->call(std::move(call), [this, key = upload.key, done, checksums](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    auto receipt = read_late_receipt(*response);
    if (!receipt.ok()) return done(receipt.error());
    const auto& told = receipt->checksums.crc32c;
    if (checksums.crc32c && told && *checksums.crc32c != *told)
      return done(Error(Code::kDataLoss, "the store's checksum of the completed object differs from that of what was sent"));
    if (!receipt->etag.empty()) return done(std::move(receipt));
    // Ceph's gateway completes without saying what it made.
    head_of(key, "", [done](Result<ObjectHead> head) {
      if (!head.ok()) return done(head.error());
      done(PutReceipt{head->info.version, head->info.etag, head->info.checksums});
    });
  });
}

void S3Store::abort_upload(Upload upload, Done<void> done) {
  Call call = call_of("DELETE", "abandon the upload of", upload.key);
  call.query = {{"uploadId", upload.id}};
  client_->call(std::move(call), [done](const Result<net::HttpResponse>& response) { done(response.ok() ? Status() : response.error()); });
}

void S3Store::list_uploads(std::string prefix, std::string page, Done<UploadPage> done) {
  Call call = call_of("GET", "list the uploads of", "");
  // Not with encoding-type=url: Ceph's gateway then encodes the keys without saying so, and gives a marker that is not.
  call.query = {{"uploads", ""}};
  if (!prefix.empty()) call.query.emplace_back("prefix", prefix);
  if (!page.empty()) {
    const auto markers = split_markers(page);
    if (!markers.ok()) return done(markers.error());
    call.query.emplace_back("key-marker", markers->first);
    if (!markers->second.empty()) call.query.emplace_back("upload-id-marker", markers->second);
  }
  client_->call(std::move(call), [done, page](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    auto uploads = parse_uploads(response->body);
    if (uploads.ok() && !uploads->next.empty() && uploads->next == page)
      return done(Error(Code::kDataLoss, "the store's list of uploads goes round in a circle"));
    done(std::move(uploads));
  });
}

bool S3Store::can_copy_from(const Store& source) const {
  const auto* other = dynamic_cast<const S3Store*>(&source);
  return other != nullptr && client_->same_service(*other->client_);
}

namespace {

// Adds the source to a copy's headers: every byte that a URL might read as something else is encoded.
void add_source(Call& call, const Location& source, std::string_view key, std::string_view version_text) {
  const Version version = parse_version(version_text);
  std::string path = "/" + net::percent_encode(source.bucket) + "/" + net::percent_encode(key, "/");
  if (!version.id.empty()) path += "?versionId=" + net::percent_encode(version.id);
  call.headers.add("x-amz-copy-source", path);
  if (!version.etag.empty()) call.headers.add("x-amz-copy-source-if-match", "\"" + version.etag + "\"");
}

}  // namespace

// Some that imitate S3 ignore x-amz-copy-source-if-match. A source that still is the version asked for after the copy was it
// during the copy, so they are asked once more.
template <class T>
void S3Store::confirm_source(const Store& source, const std::string& key, const std::string& version, T outcome, Done<T> done) {
  if (version.empty() || client_->options().endpoint.empty()) return done(std::move(outcome));
  auto& from = const_cast<S3Store&>(dynamic_cast<const S3Store&>(source));
  from.head_of(key, version, [done, outcome = std::move(outcome)](const Result<ObjectHead>& head) {
    if (!head.ok()) return done(head.error().context("the source changed while it was copied"));
    done(outcome);
  });
}

void S3Store::copy(const Store& source, std::string source_key, std::string source_version, std::string key,
                   std::optional<Properties> properties, Done<PutReceipt> done) {
  if (const Status valid = check_key(key); !valid.ok()) return done(valid.error());
  if (!can_copy_from(source)) return done(invalid("a copy within S3 needs a source in the same service, under the same credentials"));
  auto headers = headers_of(properties.value_or(Properties{}));
  if (!headers.ok()) return done(headers.error().context("copy to " + client_->text(key)));
  Call call = call_of("PUT", fmt::format("copy {}{} to", source.location().text(), source_key), key);
  call.headers = std::move(*headers);
  add_source(call, source.location(), source_key, source_version);
  call.headers.add("x-amz-metadata-directive", properties ? "REPLACE" : "COPY");
  if (properties && properties->tags) call.headers.add("x-amz-tagging-directive", "REPLACE");
  call.answers_late = true;
  client_->call(std::move(call), [this, &source, source_key, source_version, done](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    auto receipt = read_late_receipt(*response);
    if (!receipt.ok()) return done(receipt.error());
    confirm_source<PutReceipt>(source, source_key, source_version, std::move(*receipt), done);
  });
}

void S3Store::copy_part(const Store& source, std::string source_key, std::string source_version, std::uint64_t offset, std::uint64_t bytes,
                        Upload upload, int number, Done<Part> done) {
  if (bytes == 0) return done(invalid("a part that is copied holds at least one byte"));
  if (!can_copy_from(source)) return done(invalid("a copy within S3 needs a source in the same service, under the same credentials"));
  Call call = call_of("PUT", fmt::format("copy part {} of", number), upload.key);
  call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload.id}};
  add_source(call, source.location(), source_key, source_version);
  call.headers.add("x-amz-copy-source-range", fmt::format("bytes={}-{}", offset, offset + bytes - 1));
  call.answers_late = true;
  client_->call(std::move(call), [=, this, &source](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    const auto written = parse_written(response->body);
    if (!written.ok()) return done(written.error());
    confirm_source<Part>(source, source_key, source_version, Part{number, bytes, written->etag, written->crc32c}, done);
  });
}

}  // namespace isobar::storage::s3
