#include "gcs_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "base/text.h"
#include "crypto/encoding.h"
#include "storage/gather.h"
#include "storage/property_headers.h"
#include "storage/refusal.h"
#include "storage/s3_xml.h"
#include "storage/stamps.h"

namespace isobar::storage {

Result<std::unique_ptr<Store>> make_gcs_store(std::string bucket, GcsOptions options,
                                              std::shared_ptr<SecretSource<GcsCredentials>> credentials, net::HttpTransport& transport,
                                              const Clock& clock) {
  TRY_ASSIGN(auto client, gcs::Client::create(std::move(bucket), std::move(options), std::move(credentials), transport, clock));
  return std::unique_ptr<Store>(std::make_unique<gcs::GcsStore>(std::move(client)));
}

}  // namespace isobar::storage

namespace isobar::storage::gcs {

namespace {

bool composes(const GcsOptions& options) {
  using Parts = GcsOptions::Parts;
  return options.parts == Parts::kCompose || (options.parts == Parts::kAuto && !options.endpoint.empty());
}

std::string object_path(std::string_view bucket, std::string_view key) {
  return fmt::format("/storage/v1/b/{}/o/{}", net::percent_encode(bucket), net::percent_encode(key));
}

// A version that is no generation never named an object of this store.
Status check_generation(std::string_view version) {
  if (version.empty() || parse_count(version).ok()) return {};
  return invalid(fmt::format("'{}' is no generation of Google Cloud Storage", version));
}

ObjectHead head_of_media(std::string key, const net::HttpResponse& response, std::uint64_t bytes) {
  const net::Headers& headers = response.headers;
  ObjectHead head;
  head.info.key = std::move(key);
  head.info.bytes = bytes;
  head.info.version = headers.get("x-goog-generation");
  head.info.etag = s3::unquote(headers.get("ETag"));
  head.info.modified = parse_http_date(headers.get("Last-Modified")).value_or(Instant());
  head.info.checksums = read_hashes(headers);  // always of the whole object
  head.properties = read_property_headers(headers, {"", "x-goog-meta-", "x-goog-storage-class", false});
  if (const auto stored = headers.get("x-goog-stored-content-encoding"); !stored.empty())
    head.properties.content_encoding = stored == "identity" ? "" : std::string(stored);
  if (head.properties.storage_class == "STANDARD") head.properties.storage_class.clear();
  head.info.storage_class = head.properties.storage_class;
  return head;
}

}  // namespace

Status check_key(std::string_view key) {
  if (key.empty()) return invalid("an object needs a name");
  if (key.size() > 1024)
    return invalid(fmt::format("the name '{}…' has {} bytes; Google Cloud Storage takes at most 1,024", key.substr(0, 60), key.size()));
  if (key == "." || key == "..") return invalid(fmt::format("Google Cloud Storage takes no object called '{}'", key));
  if (key.find_first_of("\r\n") != key.npos) return invalid("Google Cloud Storage takes no line ends in names");
  if (!is_utf8(key)) return invalid("Google Cloud Storage takes only names in UTF-8");
  return {};
}

Call object_call(const Client& client, std::string method, std::string_view verb, std::string_view key) {
  Call call;
  call.method = std::move(method);
  call.doing = fmt::format("{} {}", verb, client.text(key));
  call.path = object_path(client.bucket(), key);
  return call;
}

Call upload_call(const Client& client, std::string_view key, std::string_view body, const Properties& properties,
                 const Checksums& checksums) {
  Call call = object_call(client, "POST", "put", key);
  call.path = fmt::format("/upload/storage/v1/b/{}/o", net::percent_encode(client.bucket()));
  call.query = {{"uploadType", "multipart"}, {"name", std::string(key)}};
  // Nobody can place this in a body beforehand.
  const std::string boundary = "isobar-" + secure_random_hex(16);
  call.headers.add("Content-Type", "multipart/related; boundary=" + boundary);
  const std::string type = properties.content_type.empty() ? "application/octet-stream" : properties.content_type;
  std::string& text = call.owned_body;
  text = fmt::format("--{}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{}\r\n--{}\r\nContent-Type: {}\r\n\r\n", boundary,
                     write_object(key, properties, checksums), boundary, type);
  text.reserve(text.size() + body.size() + boundary.size() + 8);
  text += body;
  text += "\r\n--" + boundary + "--\r\n";
  return call;
}

PutReceipt receipt_of(const ObjectHead& head) { return {head.info.version, head.info.etag, head.info.checksums}; }

GcsStore::GcsStore(std::unique_ptr<Client> client)
    : client_(std::move(client)), parts_(composes(client_->options()) ? composed_parts(*client_) : xml_parts(*client_)) {}

Limits GcsStore::limits() const {
  Limits limits;
  limits.part_bytes_least = composes(client_->options()) ? 1 : 5 << 20;
  limits.copy_bytes_most = limits.object_bytes_most;
  limits.metadata_bytes_most = 8 << 10;
  limits.remove_batch_most = 100;
  limits.tags = false;
  return limits;
}

void GcsStore::list(ListRequest request, Done<ListPage> done) {
  Call call;
  call.doing = "list " + client_->text(request.prefix);
  call.calls_ahead = request.calls_ahead;
  call.path = fmt::format("/storage/v1/b/{}/o", net::percent_encode(client_->bucket()));
  call.query = {{"maxResults", std::to_string(std::clamp(request.keys_max, 1, 1000))},
                {"fields", "items(name,size,updated,generation,etag,crc32c,md5Hash,storageClass),prefixes,nextPageToken"}};
  if (!request.prefix.empty()) call.query.emplace_back("prefix", request.prefix);
  if (!request.recursive) call.query.emplace_back("delimiter", "/");
  if (!request.start_after.empty()) call.query.emplace_back("startOffset", request.start_after);
  if (!request.page.empty()) call.query.emplace_back("pageToken", request.page);
  client_->call(std::move(call), [done, request](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    auto told = parse_list(response->body);
    if (!told.ok()) return done(told.error());
    if (!told->next.empty() && told->next == request.page)
      return done(Error(Code::kDataLoss, "the store's listing goes round in a circle: a page names itself as the next"));
    ListPage page;
    page.prefixes = std::move(told->prefixes);
    page.next = std::move(told->next);
    // startOffset is inclusive; and what lies under the parts' prefix are no objects of the user's.
    const bool asked_for_parts = request.prefix.starts_with(kGcsPartsPrefix);
    for (ObjectHead& head : told->objects)
      if (head.info.key > request.start_after && (asked_for_parts || !head.info.key.starts_with(kGcsPartsPrefix)))
        page.objects.push_back(std::move(head.info));
    if (!asked_for_parts) std::erase(page.prefixes, std::string(kGcsPartsPrefix));
    done(std::move(page));
  });
}

void GcsStore::head_of(const std::string& key, const std::string& generation, const Done<ObjectHead>& done) {
  Call call = object_call(*client_, "GET", "look at", key);
  if (!generation.empty()) call.query.emplace_back("ifGenerationMatch", generation);
  client_->call(std::move(call), [done, generation](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    auto head = parse_object(response->body);
    if (head.ok() && !generation.empty() && head->info.version != generation)
      return done(Error(Code::kConflict, "'" + head->info.key + "' is another generation by now"));
    done(std::move(head));
  });
}

void GcsStore::head(std::string key, bool /*with_tags*/, Done<ObjectHead> done) {
  if (const Status valid = check_key(key); !valid.ok()) return done(valid.error());
  head_of(key, "", done);
}

void GcsStore::get(GetRequest request, Done<Got> done) {
  if (const Status valid = check_key(request.key); !valid.ok()) return done(valid.error());
  if (const Status valid = check_generation(request.version); !valid.ok()) return done(valid.error());
  const auto nothing_there = [this, request, done] {
    head_of(request.key, request.version, [request, done](Result<ObjectHead> head) {
      if (!head.ok()) return done(head.error());
      if (!request.into.empty() && request.offset < head->info.bytes)
        return done(Error(Code::kDataLoss, "get " + request.key + ": the store refuses a range that it has"));
      done(Got{0, std::move(*head)});
    });
  };
  if (request.into.empty()) return nothing_there();
  Call call = object_call(*client_, "GET", "get", request.key);
  call.query = {{"alt", "media"}};
  if (!request.version.empty()) call.query.emplace_back("ifGenerationMatch", request.version);
  call.headers.add("Range", fmt::format("bytes={}-{}", request.offset, request.offset + request.into.size() - 1));
  // Else the service would decompress what is stored with Content-Encoding: gzip.
  call.headers.add("Accept-Encoding", "gzip");
  call.into = request.into;
  call.range_may_be_empty = true;
  client_->call(std::move(call), [this, request, done, nothing_there](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    if (response->status == 416) return nothing_there();
    const auto extent = extent_of(*response, request.offset, request.into.size());
    if (!extent.ok()) return done(extent.error().context("get " + request.key));
    ObjectHead head = head_of_media(request.key, *response, *extent);
    const std::uint64_t bytes = response->body_bytes;
    if (!head.info.version.empty()) {
      if (!request.version.empty() && head.info.version != request.version)
        return done(Error(Code::kConflict, "'" + request.key + "' is another generation by now"));
      return done(Got{bytes, std::move(head)});
    }
    // Emulators do not tell the generation with the content. One that is the right one after reading was so while reading.
    head_of(request.key, request.version, [done, bytes](Result<ObjectHead> told) {
      if (!told.ok()) return done(told.error());
      done(Got{bytes, std::move(*told)});
    });
  });
}

void GcsStore::put(PutRequest request, Done<PutReceipt> done) {
  if (const Status valid = check_key(request.key); !valid.ok()) return done(valid.error());
  Call call = upload_call(*client_, request.key, request.body, request.properties, request.checksums);
  if (request.only_if_absent) {
    call.query.emplace_back("ifGenerationMatch", "0");
    call.precondition = Code::kAlreadyExists;
  }
  client_->call(std::move(call), [done, sent = request.checksums.crc32c](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    const auto head = parse_object(response->body);
    if (!head.ok()) return done(head.error());
    // The service itself refuses such an object; emulators take it.
    if (const auto& told = head->info.checksums.crc32c; sent && told && *sent != *told)
      return done(Error(Code::kDataLoss, "put " + head->info.key + ": the store's checksum differs from that of what was sent"));
    done(receipt_of(*head));
  });
}

void GcsStore::start_upload(std::string key, Properties properties, Done<Upload> done) {
  if (const Status valid = check_key(key); !valid.ok()) return done(valid.error());
  parts_->start(std::move(key), std::move(properties), std::move(done));
}

void GcsStore::put_part(Upload upload, int number, std::uint64_t /*offset*/, std::string_view body, Checksums checksums, Done<Part> done) {
  parts_->put(std::move(upload), number, body, std::move(checksums), std::move(done));
}

void GcsStore::list_parts(Upload upload, int after, Done<PartPage> done) { parts_->list(std::move(upload), after, std::move(done)); }

void GcsStore::complete_upload(Upload upload, std::vector<Part> parts, std::uint64_t bytes, Properties properties, Checksums checksums,
                               Done<PutReceipt> done) {
  const auto sum =
      std::accumulate(parts.begin(), parts.end(), std::uint64_t{0}, [](auto total, const Part& part) { return total + part.bytes; });
  const std::string key = upload.key, doing = "complete " + client_->text(key);
  if (sum != bytes)
    return done(Error(Code::kDataLoss, fmt::format("{}: the {} parts hold {} bytes, the object {}", doing, parts.size(), sum, bytes)));
  parts_->complete(std::move(upload), std::move(parts), std::move(properties), [=, this](const Status& completed) {
    if (!completed.ok()) return done(completed.error());
    head_of(key, "", [=](const Result<ObjectHead>& head) {
      if (!head.ok()) return done(head.error());
      if (head->info.bytes != bytes)
        return done(Error(Code::kDataLoss, fmt::format("{}: the store holds {} bytes instead of {}", doing, head->info.bytes, bytes)));
      const auto& told = head->info.checksums.crc32c;
      if (checksums.crc32c && told && *told != *checksums.crc32c)
        return done(Error(Code::kDataLoss, doing + ": the store's checksum differs from that of what was sent"));
      done(receipt_of(*head));
    });
  });
}

void GcsStore::abort_upload(Upload upload, Done<void> done) { parts_->abort(std::move(upload), std::move(done)); }

void GcsStore::list_uploads(std::string prefix, std::string page, Done<UploadPage> done) {
  parts_->list_all(std::move(prefix), std::move(page), std::move(done));
}

bool GcsStore::can_copy_from(const Store& source) const {
  const auto* other = dynamic_cast<const GcsStore*>(&source);
  return other != nullptr && client_->same_service(*other->client_);
}

void GcsStore::copy(const Store& source, std::string source_key, std::string source_version, std::string key,
                    std::optional<Properties> properties, Done<PutReceipt> done) {
  if (const Status valid = check_key(key); !valid.ok()) return done(valid.error());
  if (const Status valid = check_generation(source_version); !valid.ok()) return done(valid.error());
  if (!can_copy_from(source)) return done(invalid("a copy within Google Cloud Storage needs a source under the same credentials"));
  Call call = object_call(*client_, "POST", fmt::format("copy {}{} to", source.location().text(), source_key), key);
  call.path = object_path(source.location().bucket, source_key) + "/rewriteTo" + call.path.substr(std::string_view("/storage/v1").size());
  if (!source_version.empty()) call.query.emplace_back("ifSourceGenerationMatch", source_version);
  if (properties) {
    call.owned_body = write_object("", *properties, {});
    call.headers.add("Content-Type", "application/json");
  }
  if (client_->options().endpoint.empty() || source_version.empty()) return rewrite(std::move(call), done);
  // Emulators ignore the condition. A source that still is the generation asked for after the copy was it during the copy.
  auto& from = const_cast<GcsStore&>(dynamic_cast<const GcsStore&>(source));
  rewrite(std::move(call), [&from, source_key, source_version, done](const Result<PutReceipt>& receipt) {
    if (!receipt.ok()) return done(receipt.error());
    from.head_of(source_key, source_version, [done, receipt](const Result<ObjectHead>& head) {
      if (!head.ok()) return done(head.error().context("the source changed while it was copied"));
      done(receipt);
    });
  });
}

// Large copies take several requests; each goes on where the one before stopped.
void GcsStore::rewrite(Call call, const Done<PutReceipt>& done) {
  Call next = call;
  client_->call(std::move(call), [this, next, done](const Result<net::HttpResponse>& response) mutable {
    if (!response.ok()) return done(response.error());
    const auto step = parse_rewrite(response->body);
    if (!step.ok()) return done(step.error());
    if (step->written) return done(receipt_of(*step->written));
    std::erase_if(next.query, [](const auto& parameter) { return parameter.first == "rewriteToken"; });
    next.query.emplace_back("rewriteToken", step->token);
    rewrite(next, done);
  });
}

void GcsStore::copy_part(const Store&, std::string, std::string, std::uint64_t, std::uint64_t, Upload, int, Done<Part> done) {
  done(invalid("Google Cloud Storage copies objects of any size whole, and no parts of them"));
}

void GcsStore::remove(std::vector<std::string> keys, Done<std::vector<RemoveFailure>> done) {
  if (keys.size() > static_cast<std::size_t>(limits().remove_batch_most))
    return done(invalid("at most 100 objects can be removed at once"));
  const auto gather = Gather<RemoveFailure>::create(keys.size(), std::move(done));
  for (const std::string& key : keys)
    client_->call(object_call(*client_, "DELETE", "remove", key), [gather, key](const Result<net::HttpResponse>& response) {
      if (response.ok() || response.error().code() == Code::kNotFound) return gather->add({});
      gather->add({{key, response.error()}});
    });
}

void GcsStore::set_tags(std::string, std::map<std::string, std::string> tags, Done<void> done) {
  if (tags.empty()) return done({});
  done(invalid("objects of Google Cloud Storage have no tags"));
}

void GcsStore::make_bucket(Done<void> done) {
  Call call;
  call.method = "POST";
  call.doing = "make bucket " + client_->text("");
  call.path = "/storage/v1/b";
  call.query = {{"project", client_->options().project}};
  call.owned_body = write_bucket(client_->bucket());
  call.headers.add("Content-Type", "application/json");
  client_->call(std::move(call), [done](const Result<net::HttpResponse>& response) { done(response.ok() ? Status() : response.error()); });
}

void GcsStore::remove_bucket(Done<void> done) {
  Call call;
  call.method = "DELETE";
  call.doing = "remove bucket " + client_->text("");
  call.path = "/storage/v1/b/" + net::percent_encode(client_->bucket());
  client_->call(std::move(call), [done](const Result<net::HttpResponse>& response) { done(response.ok() ? Status() : response.error()); });
}

void GcsStore::region(const Done<std::string>& done) {
  Call call;
  call.doing = "ask for the region of " + client_->text("");
  call.path = "/storage/v1/b/" + net::percent_encode(client_->bucket());
  call.query = {{"fields", "location,locationType"}};
  client_->call(std::move(call), [done, name = client_->text("")](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    const auto place = parse_place(response->body);
    if (!place.ok()) return done(place.error());
    if (place->several_regions)
      return done(invalid(fmt::format("{} lies in several regions ({}): name one of them", name, place->location)));
    done(place->location);
  });
}

void GcsStore::list_buckets(Done<std::vector<BucketInfo>> done) { list_bucket_pages("", {}, done); }

void GcsStore::list_bucket_pages(const std::string& token, const std::vector<BucketInfo>& before,
                                 const Done<std::vector<BucketInfo>>& done) {
  Call call;
  call.doing = "list the buckets";
  call.path = "/storage/v1/b";
  call.query = {{"project", client_->options().project}};
  if (!token.empty()) call.query.emplace_back("pageToken", token);
  client_->call(std::move(call), [=, this](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    const auto page = parse_buckets(response->body);
    if (!page.ok()) return done(page.error());
    std::vector<BucketInfo> all = before;
    all.insert(all.end(), page->buckets.begin(), page->buckets.end());
    if (page->next.empty() || page->next == token) return done(std::move(all));
    list_bucket_pages(page->next, all, done);
  });
}

}  // namespace isobar::storage::gcs
