#include "s3_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/crc32c.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "s3_headers.h"
#include "storage/gather.h"
#include "storage/refusal.h"
#include "storage/xml.h"

namespace isobar::storage {

Result<std::unique_ptr<Store>> make_s3_store(std::string bucket, S3Options options,
                                             std::shared_ptr<SecretSource<AwsCredentials>> credentials, net::HttpTransport& transport,
                                             const Clock& clock) {
  TRY_ASSIGN(auto client, s3::Client::create(std::move(bucket), std::move(options), std::move(credentials), transport, clock));
  return std::unique_ptr<Store>(std::make_unique<s3::S3Store>(std::move(client)));
}

}  // namespace isobar::storage

namespace isobar::storage::s3 {

Call S3Store::call_of(std::string method, std::string_view verb, std::string key) const {
  Call call;
  call.method = std::move(method);
  call.doing = fmt::format("{} {}", verb, client_->text(key));
  call.key = std::move(key);
  return call;
}

// Of objects that were uploaded in parts, some that imitate S3 tell a checksum of they alone know what, and call it the object's.
bool S3Store::tells_whole_checksum(const net::HttpResponse& response) const {
  return client_->options().endpoint.empty() || response.headers.get("ETag").find('-') == std::string_view::npos;
}

void S3Store::list(ListRequest request, Done<ListPage> done) {
  Call call = call_of("GET", "list", "");
  call.doing = "list " + client_->text(request.prefix);
  call.query = {{"list-type", "2"}, {"encoding-type", "url"}, {"max-keys", std::to_string(std::clamp(request.keys_max, 1, 1000))}};
  call.calls_ahead = request.calls_ahead;
  if (!request.prefix.empty()) call.query.emplace_back("prefix", request.prefix);
  if (!request.recursive) call.query.emplace_back("delimiter", "/");
  if (!request.page.empty()) call.query.emplace_back("continuation-token", request.page);
  else if (!request.start_after.empty()) call.query.emplace_back("start-after", request.start_after);
  client_->call(std::move(call), [done, page = request.page](Result<net::HttpResponse> response) {
    if (!response.ok()) return done(response.error());
    auto list = parse_list(response->body);
    if (list.ok() && !list->next.empty() && list->next == page)
      return done(Error(Code::kDataLoss, "the store's listing goes round in a circle: a page names itself as the next"));
    done(std::move(list));
  });
}

void S3Store::head_of(const std::string& key, const std::string& version_text, const Done<ObjectHead>& done) {
  Call call = call_of("HEAD", "look at", key);
  const Version version = parse_version(version_text);
  if (!version.id.empty()) call.query.emplace_back("versionId", version.id);
  if (!version.etag.empty()) call.headers.add("If-Match", "\"" + version.etag + "\"");
  if (client_->options().checksums) call.headers.add("x-amz-checksum-mode", "ENABLED");
  client_->call(std::move(call), [this, done, key, version](Result<net::HttpResponse> response) {
    if (!response.ok()) return done(response.error());
    const auto bytes = parse_count(response->headers.get("Content-Length"));
    if (!bytes.ok()) return done(bytes.error().context("Content-Length of " + key));
    auto head = read_head(key, *response, *bytes, tells_whole_checksum(*response));
    if (head.ok())
      if (const Status same = check_pinned(version, *head); !same.ok()) return done(same.error());
    done(std::move(head));
  });
}

void S3Store::head(std::string key, bool with_tags, Done<ObjectHead> done) {
  if (const Status valid = check_key(key); !valid.ok()) return done(valid.error());
  head_of(key, "", [this, with_tags, done](Result<ObjectHead> head) {
    if (!head.ok() || !with_tags) return done(std::move(head));
    get_tags(std::move(*head), done);
  });
}

void S3Store::get_tags(ObjectHead head, const Done<ObjectHead>& done) {
  Call call = call_of("GET", "read the tags of", head.info.key);
  call.query = {{"tagging", ""}};
  if (const Version version = parse_version(head.info.version); !version.id.empty()) call.query.emplace_back("versionId", version.id);
  const auto shared = std::make_shared<ObjectHead>(std::move(head));
  client_->call(std::move(call), [shared, done](Result<net::HttpResponse> response) {
    if (!response.ok()) return done(response.error());
    auto tags = parse_tags(response->body);
    if (!tags.ok()) return done(tags.error());
    shared->has_tags = !tags->empty();
    shared->properties.tags = std::move(*tags);
    done(std::move(*shared));
  });
}

void S3Store::get(GetRequest request, Done<Got> done) {
  if (const Status valid = check_key(request.key); !valid.ok()) return done(valid.error());
  // A range that holds no byte cannot be said, and S3 refuses one that begins at the end: then only the head is asked for.
  const auto nothing_there = [this, request, done](const Error& otherwise) {
    head_of(request.key, request.version, [request, done, otherwise](Result<ObjectHead> head) {
      if (!head.ok()) return done(head.error());
      if (!request.into.empty() && request.offset < head->info.bytes) return done(otherwise);
      if (!request.version.empty()) head->info.version = request.version;
      done(Got{0, std::move(*head)});
    });
  };
  if (request.into.empty()) return nothing_there(invalid("unreachable"));

  Call call = call_of("GET", "get", request.key);
  const Version version = parse_version(request.version);
  if (!version.id.empty()) call.query.emplace_back("versionId", version.id);
  call.headers.add("Range", fmt::format("bytes={}-{}", request.offset, request.offset + request.into.size() - 1));
  if (!version.etag.empty()) call.headers.add("If-Match", "\"" + version.etag + "\"");
  if (client_->options().checksums) call.headers.add("x-amz-checksum-mode", "ENABLED");
  call.into = request.into;
  call.range_may_be_empty = true;
  client_->call(std::move(call), [this, request, version, done, nothing_there](Result<net::HttpResponse> response) {
    if (!response.ok()) return done(response.error());
    if (response->status == 416)
      return nothing_there(Error(Code::kDataLoss, "get " + request.key + ": the store refuses a range that it has"));
    auto extent = extent_of(*response, request.offset, request.into.size());
    if (!extent.ok()) return done(extent.error().context("get " + request.key));
    auto head = read_head(request.key, *response, *extent, response->body_bytes == *extent && tells_whole_checksum(*response));
    if (!head.ok()) return done(head.error());
    if (const Status same = check_pinned(version, *head); !same.ok()) return done(same.error());
    if (!request.version.empty()) head->info.version = request.version;
    done(Got{response->body_bytes, std::move(*head)});
  });
}

Result<net::Headers> S3Store::headers_of(const Properties& properties) const {
  net::Headers headers;
  TRY(add_property_headers(headers, properties, kPropertyNames));
  if (properties.tags && !properties.tags->empty()) headers.add("x-amz-tagging", tags_as_query(*properties.tags));
  const S3Options& options = client_->options();
  if (!options.encryption.empty()) headers.add("x-amz-server-side-encryption", options.encryption);
  if (!options.kms_key.empty()) headers.add("x-amz-server-side-encryption-aws-kms-key-id", options.kms_key);
  if (!options.acl.empty()) headers.add("x-amz-acl", options.acl);
  return headers;
}

void S3Store::put(PutRequest request, Done<PutReceipt> done) {
  if (const Status valid = check_key(request.key); !valid.ok()) return done(valid.error());
  auto headers = headers_of(request.properties);
  if (!headers.ok()) return done(headers.error().context("put " + client_->text(request.key)));
  Call call = call_of("PUT", "put", request.key);
  call.headers = std::move(*headers);
  add_checksums(call, request.body, request.checksums, client_->options().checksums);
  if (request.only_if_absent) {
    call.headers.add("If-None-Match", "*");
    call.precondition = Code::kAlreadyExists;
  }
  call.body = request.body;
  client_->call(std::move(call), [done](Result<net::HttpResponse> response) {
    if (!response.ok()) return done(response.error());
    done(read_receipt(*response));
  });
}

void S3Store::remove(std::vector<std::string> keys, Done<std::vector<RemoveFailure>> done) {
  if (keys.size() > 1000) return done(invalid("at most 1,000 objects can be removed at once"));
  // The batch travels in XML. Keys that XML cannot carry go alone, in their requests' paths.
  std::vector<std::string> batch, alone;
  for (std::string& key : keys) (xml_can_hold(key) ? batch : alone).push_back(std::move(key));
  const auto gather = Gather<RemoveFailure>::create(alone.size() + (batch.empty() ? 0 : 1), std::move(done));
  if (!batch.empty()) remove_batch(std::move(batch), [gather](std::vector<RemoveFailure> failures) { gather->add(std::move(failures)); });
  for (std::string& key : alone)
    remove_one(std::move(key), [gather](std::vector<RemoveFailure> failures) { gather->add(std::move(failures)); });
}

void S3Store::remove_one(std::string key, const std::function<void(std::vector<RemoveFailure>)>& done) {
  client_->call(call_of("DELETE", "remove", key), [key, done](const Result<net::HttpResponse>& response) {
    if (response.ok() || response.error().code() == Code::kNotFound) return done({});
    done({{key, response.error()}});
  });
}

void S3Store::remove_batch(std::vector<std::string> keys, const std::function<void(std::vector<RemoveFailure>)>& done) {
  Call call = call_of("POST", "remove objects of", "");
  call.query = {{"delete", ""}};
  call.owned_body = write_removal(keys);
  call.headers = {{"Content-Type", "application/xml"}, {"Content-MD5", crypto::to_base64(crypto::md5(call.owned_body))}};
  call.answers_late = true;
  client_->call(std::move(call), [this, keys = std::move(keys), done](const Result<net::HttpResponse>& response) {
    const auto failures = response.ok() ? parse_removed(response->body, client_->text("")) : response.error();
    if (failures.ok()) return done(*failures);
    std::vector<RemoveFailure> all;
    for (const std::string& key : keys) all.push_back({key, failures.error()});
    done(std::move(all));
  });
}

void S3Store::set_tags(std::string key, std::map<std::string, std::string> tags, Done<void> done) {
  Call call = call_of(tags.empty() ? "DELETE" : "PUT", "tag", std::move(key));
  call.query = {{"tagging", ""}};
  if (!tags.empty()) {
    call.owned_body = write_tags(tags);
    call.headers = {{"Content-Type", "application/xml"}, {"Content-MD5", crypto::to_base64(crypto::md5(call.owned_body))}};
  }
  client_->call(std::move(call), [done](const Result<net::HttpResponse>& response) { done(response.ok() ? Status() : response.error()); });
}

void S3Store::make_bucket(Done<void> done) {
  Call call = call_of("PUT", "make bucket", "");
  // us-east-1 is the one region that must not be named.
  if (!client_->options().region.empty() && client_->options().region != "us-east-1") {
    call.owned_body = write_location(client_->options().region);
    call.headers = {{"Content-Type", "application/xml"}};
  }
  client_->call(std::move(call), [done](const Result<net::HttpResponse>& response) { done(response.ok() ? Status() : response.error()); });
}

void S3Store::remove_bucket(Done<void> done) {
  client_->call(call_of("DELETE", "remove bucket", ""),
                [done](const Result<net::HttpResponse>& response) { done(response.ok() ? Status() : response.error()); });
}

void S3Store::list_buckets(Done<std::vector<BucketInfo>> done) {
  Call call;
  call.doing = "list the buckets";
  call.of_service = true;
  client_->call(std::move(call), [done](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    done(parse_buckets(response->body));
  });
}

void S3Store::region(const Done<std::string>& done) {
  // What only speaks S3 has regions by the same names that mean nothing to AWS.
  if (const auto& endpoint = client_->options().endpoint; !endpoint.empty() && endpoint.find(".amazonaws.com") == std::string::npos)
    return done(invalid(fmt::format("{} is at {}, not at AWS: name the region instead", client_->text(""), endpoint)));
  client_->call(call_of("HEAD", "ask for the region of", ""), [this, done](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    const std::string told(response->headers.get("x-amz-bucket-region"));
    done(told.empty() ? client_->region() : told);
  });
}

}  // namespace isobar::storage::s3
