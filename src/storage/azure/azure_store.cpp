#include "azure_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/encoding.h"
#include "storage/gather.h"
#include "storage/refusal.h"
#include "storage/s3_xml.h"

namespace isobar::storage {

Result<std::unique_ptr<Store>> make_azure_store(std::string account, std::string container, AzureOptions options,
                                                std::shared_ptr<SecretSource<AzureCredentials>> credentials, net::HttpTransport& transport,
                                                const Clock& clock) {
  TRY_ASSIGN(auto client,
             azure::Client::create(std::move(account), std::move(container), std::move(options), std::move(credentials), transport, clock));
  return std::unique_ptr<Store>(std::make_unique<azure::AzureStore>(std::move(client)));
}

}  // namespace isobar::storage

namespace isobar::storage::azure {

namespace {

PutReceipt read_receipt(const net::HttpResponse& response) {
  PutReceipt receipt;
  receipt.etag = receipt.version = s3::unquote(response.headers.get("ETag"));
  if (const auto md5 = crypto::from_base64(response.headers.get("Content-MD5")); md5.ok() && md5->size() == 16)
    receipt.checksums.md5 = *md5;
  return receipt;
}

net::HttpDone as_status(const Done<void>& done) {
  return [done](const Result<net::HttpResponse>& response) { done(response.ok() ? Status() : response.error()); };
}

}  // namespace

Limits AzureStore::limits() const {
  Limits limits;
  limits.put_bytes_most = 5000ULL << 20;
  limits.part_bytes_least = 1;
  limits.part_bytes_most = 4000ULL << 20;
  limits.parts_most = 50'000;
  limits.object_bytes_most = limits.part_bytes_most * 50'000;
  limits.copy_bytes_most = limits.object_bytes_most;
  limits.metadata_bytes_most = 8 << 10;
  limits.remove_batch_most = 100;
  limits.list_from_key = false;
  return limits;
}

Call AzureStore::call_of(std::string method, std::string_view verb, std::string key) const {
  Call call;
  call.method = std::move(method);
  call.doing = fmt::format("{} {}", verb, client_->text(key));
  call.key = std::move(key);
  return call;
}

void AzureStore::list(ListRequest request, Done<ListPage> done) {
  Call call = call_of("GET", "list", "");
  call.doing = "list " + client_->text(request.prefix);
  call.calls_ahead = request.calls_ahead;
  call.query = {{"restype", "container"}, {"comp", "list"}, {"maxresults", std::to_string(std::clamp(request.keys_max, 1, 5000))}};
  if (!request.prefix.empty()) call.query.emplace_back("prefix", request.prefix);
  if (!request.recursive) call.query.emplace_back("delimiter", "/");
  if (!request.page.empty()) call.query.emplace_back("marker", request.page);
  client_->call(std::move(call), [done, page = request.page](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    auto list = parse_list(response->body);
    if (list.ok() && !list->next.empty() && list->next == page)
      return done(Error(Code::kDataLoss, "the store's listing goes round in a circle: a page names itself as the next"));
    done(std::move(list));
  });
}

void AzureStore::head_of(const std::string& key, const std::string& version, const Done<ObjectHead>& done) {
  Call call = call_of("HEAD", "look at", key);
  if (!version.empty()) call.headers.add("If-Match", "\"" + version + "\"");
  client_->call(std::move(call), [done, key](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    const auto bytes = parse_count(response->headers.get("Content-Length"));
    if (!bytes.ok()) return done(bytes.error().context("Content-Length of " + key));
    done(read_head(key, *response, *bytes));
  });
}

void AzureStore::head(std::string key, bool with_tags, Done<ObjectHead> done) {
  if (const Status valid = check_key(key); !valid.ok()) return done(valid.error());
  head_of(key, "", [this, key, with_tags, done](Result<ObjectHead> head) {
    if (!head.ok() || !with_tags) return done(std::move(head));
    if (!head->has_tags) {
      head->properties.tags.emplace();
      return done(std::move(head));
    }
    const auto shared = std::make_shared<ObjectHead>(std::move(*head));
    get_tags(key, [shared, done](Result<std::map<std::string, std::string>> tags) {
      if (!tags.ok()) return done(tags.error());
      shared->properties.tags = std::move(*tags);
      done(std::move(*shared));
    });
  });
}

void AzureStore::get_tags(std::string key, const Done<std::map<std::string, std::string>>& done) {
  Call call = call_of("GET", "read the tags of", std::move(key));
  call.query = {{"comp", "tags"}};
  client_->call(std::move(call), [done](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    done(parse_tags(response->body));
  });
}

void AzureStore::get(GetRequest request, Done<Got> done) {
  if (const Status valid = check_key(request.key); !valid.ok()) return done(valid.error());
  // A range that holds no byte cannot be said, and Azure refuses one that begins at the end: then only the head is asked for.
  const auto nothing_there = [this, request, done] {
    head_of(request.key, request.version, [request, done](Result<ObjectHead> head) {
      if (!head.ok()) return done(head.error());
      if (!request.into.empty() && request.offset < head->info.bytes)
        return done(Error(Code::kDataLoss, "get " + request.key + ": the store refuses a range that it has"));
      done(Got{0, std::move(*head)});
    });
  };
  if (request.into.empty()) return nothing_there();
  Call call = call_of("GET", "get", request.key);
  call.headers.add("x-ms-range", fmt::format("bytes={}-{}", request.offset, request.offset + request.into.size() - 1));
  if (!request.version.empty()) call.headers.add("If-Match", "\"" + request.version + "\"");
  call.into = request.into;
  call.range_may_be_empty = true;
  client_->call(std::move(call), [request, done, nothing_there](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    if (response->status == 416) return nothing_there();
    const auto extent = extent_of(*response, request.offset, request.into.size());
    if (!extent.ok()) return done(extent.error().context("get " + request.key));
    done(Got{response->body_bytes, read_head(request.key, *response, *extent)});
  });
}

void AzureStore::put(PutRequest request, Done<PutReceipt> done) {
  if (const Status valid = check_key(request.key); !valid.ok()) return done(valid.error());
  Call call = call_of("PUT", "put", request.key);
  call.headers.add("x-ms-blob-type", "BlockBlob");
  if (const Status added = add_blob_headers(call.headers, request.properties); !added.ok()) return done(added.error().context(call.doing));
  if (!request.checksums.md5.empty()) call.headers.add("Content-MD5", crypto::to_base64(request.checksums.md5));
  if (request.only_if_absent) {
    call.headers.add("If-None-Match", "*");
    call.precondition = Code::kAlreadyExists;
  }
  call.body = request.body;
  client_->call(std::move(call), [done](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    done(read_receipt(*response));
  });
}

bool AzureStore::can_copy_from(const Store& source) const {
  const auto* other = dynamic_cast<const AzureStore*>(&source);
  return other != nullptr && client_->same_account(*other->client_);
}

void AzureStore::copy(const Store& source, std::string source_key, std::string source_version, std::string key,
                      std::optional<Properties> properties, Done<PutReceipt> done) {
  if (const Status valid = check_key(key); !valid.ok()) return done(valid.error());
  if (!can_copy_from(source)) return done(invalid("a copy within Azure needs a source in the same account, under the same credentials"));
  if (properties) return start_copy(source, std::move(source_key), source_version, key, *properties, true, done);
  // Azure carries properties and metadata over by itself, but tags only when they are handed to it.
  auto& from = const_cast<AzureStore&>(dynamic_cast<const AzureStore&>(source));
  from.head(source_key, true, [=, this, &source](const Result<ObjectHead>& head) {
    if (!head.ok()) return done(head.error());
    Properties tags_only;
    tags_only.tags = head->properties.tags;
    start_copy(source, source_key, source_version, key, tags_only, false, done);
  });
}

void AzureStore::start_copy(const Store& source, std::string source_key, const std::string& source_version, const std::string& key,
                            const Properties& properties, bool replace, const Done<PutReceipt>& done) {
  Call call = call_of("PUT", fmt::format("copy {}{} to", source.location().text(), source_key), key);
  call.source_container = source.location().bucket;
  call.source_blob = std::move(source_key);
  Properties carried;  // what this request can set; content properties it cannot
  carried.metadata = properties.metadata;
  carried.storage_class = properties.storage_class;
  carried.tags = properties.tags;
  if (const Status added = add_blob_headers(call.headers, carried); !added.ok()) return done(added.error().context(call.doing));
  if (!source_version.empty()) call.headers.add("x-ms-source-if-match", "\"" + source_version + "\"");
  const Done<PutReceipt> copied = [this, key, properties, replace, done](Result<PutReceipt> receipt) {
    if (!receipt.ok() || !replace) return done(std::move(receipt));
    set_properties(key, properties, done);
  };
  client_->call(std::move(call), [this, key, copied](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return copied(response.error());
    if (response->headers.get("x-ms-copy-status") == "pending") return await_copy(key, 100'000, copied);
    copied(read_receipt(*response));
  });
}

void AzureStore::await_copy(const std::string& key, int questions_left, const Done<PutReceipt>& done) {
  client_->call(call_of("HEAD", "wait for the copy to", key), [=, this](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    const auto status = response->headers.get("x-ms-copy-status");
    if (status == "success" || status.empty()) return done(read_receipt(*response));
    if (status != "pending")
      return done(
          unavailable(fmt::format("copy to {}: {} {}", client_->text(key), status, response->headers.get("x-ms-copy-status-description"))));
    if (questions_left == 0) return done(Error(Code::kDeadlineExceeded, "copy to " + client_->text(key) + ": Azure is still copying"));
    await_copy(key, questions_left - 1, done);
  });
}

void AzureStore::set_properties(const std::string& key, const Properties& properties, const Done<PutReceipt>& done) {
  Call call = call_of("PUT", "set the properties of", key);
  call.query = {{"comp", "properties"}};
  Properties content = properties;
  content.metadata.clear();
  content.tags.reset();
  content.storage_class.clear();
  if (const Status added = add_blob_headers(call.headers, content); !added.ok()) return done(added.error().context(call.doing));
  client_->call(std::move(call), [=, this](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    // A copy that names no metadata takes the source's: having none must be said by itself.
    if (!properties.metadata.empty()) return done(read_receipt(*response));
    Call clear = call_of("PUT", "clear the metadata of", key);
    clear.query = {{"comp", "metadata"}};
    client_->call(std::move(clear), [done](const Result<net::HttpResponse>& cleared) {
      if (!cleared.ok()) return done(cleared.error());
      done(read_receipt(*cleared));
    });
  });
}

void AzureStore::remove(std::vector<std::string> keys, Done<std::vector<RemoveFailure>> done) {
  if (keys.size() > static_cast<std::size_t>(limits().remove_batch_most))
    return done(invalid("at most 100 objects can be removed at once"));
  const auto gather = Gather<RemoveFailure>::create(keys.size(), std::move(done));
  for (std::string& key : keys) {
    Call call = call_of("DELETE", "remove", key);
    call.headers.add("x-ms-delete-snapshots", "include");
    client_->call(std::move(call), [gather, key](const Result<net::HttpResponse>& response) {
      if (response.ok() || response.error().code() == Code::kNotFound) return gather->add({});
      gather->add({{key, response.error()}});
    });
  }
}

void AzureStore::set_tags(std::string key, std::map<std::string, std::string> tags, Done<void> done) {
  Call call = call_of("PUT", "tag", std::move(key));
  call.query = {{"comp", "tags"}};
  call.owned_body = write_tags(tags);
  call.headers = {{"Content-Type", "application/xml; charset=utf-8"}};
  client_->call(std::move(call), as_status(done));
}

void AzureStore::make_bucket(Done<void> done) {
  Call call = call_of("PUT", "make container", "");
  call.query = {{"restype", "container"}};
  client_->call(std::move(call), as_status(done));
}

void AzureStore::remove_bucket(Done<void> done) {
  Call call = call_of("DELETE", "remove container", "");
  call.query = {{"restype", "container"}};
  client_->call(std::move(call), as_status(done));
}

void AzureStore::list_buckets(Done<std::vector<BucketInfo>> done) { list_containers("", {}, done); }

void AzureStore::list_containers(const std::string& marker, const std::vector<BucketInfo>& before,
                                 const Done<std::vector<BucketInfo>>& done) {
  Call call;
  call.doing = "list the containers of az://" + client_->account();
  call.of_account = true;
  call.query = {{"comp", "list"}};
  if (!marker.empty()) call.query.emplace_back("marker", marker);
  client_->call(std::move(call), [=, this](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    const auto page = parse_containers(response->body);
    if (!page.ok()) return done(page.error());
    std::vector<BucketInfo> all = before;
    all.insert(all.end(), page->containers.begin(), page->containers.end());
    if (page->next.empty() || page->next == marker) return done(std::move(all));
    list_containers(page->next, all, done);
  });
}

}  // namespace isobar::storage::azure
