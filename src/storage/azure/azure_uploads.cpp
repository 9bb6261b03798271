// Uploads in blocks. Azure knows no uploads: blocks that carry one prefix in their names are one.

#include <fmt/format.h>

#include <numeric>
#include <set>

#include "azure_store.h"
#include "base/random.h"
#include "crypto/encoding.h"
#include "storage/gather.h"
#include "storage/refusal.h"
#include "storage/s3_xml.h"

namespace isobar::storage::azure {

void AzureStore::start_upload(std::string key, Properties properties, Done<Upload> done) {
  if (const Status valid = check_key(key); !valid.ok()) return done(valid.error());
  // What cannot be a header is better refused now than after the last block.
  net::Headers headers;
  if (const Status added = add_blob_headers(headers, properties); !added.ok())
    return done(added.error().context("start an upload of " + client_->text(key)));
  done(Upload{std::move(key), secure_random_hex(8)});
}

void AzureStore::put_part(Upload upload, int number, std::uint64_t /*offset*/, std::string_view body, Checksums checksums,
                          Done<Part> done) {
  const std::string name = block_name(upload.id, number);
  Call call = call_of("PUT", fmt::format("put block {} of", number), upload.key);
  call.query = {{"comp", "block"}, {"blockid", name}};
  if (!checksums.md5.empty()) call.headers.add("Content-MD5", crypto::to_base64(checksums.md5));
  call.body = body;
  client_->call(std::move(call), [=, bytes = body.size()](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    done(Part{number, bytes, name, checksums.crc32c});
  });
}

void AzureStore::uncommitted(std::string key, const Done<std::vector<Block>>& done) {
  Call call = call_of("GET", "list the blocks of", std::move(key));
  call.query = {{"comp", "blocklist"}, {"blocklisttype", "uncommitted"}};
  client_->call(std::move(call), [done](const Result<net::HttpResponse>& response) {
    if (response.ok()) return done(parse_uncommitted(response->body));
    // Before its first block a new blob is not known at all.
    if (response.error().code() == Code::kNotFound) return done(std::vector<Block>());
    done(response.error());
  });
}

void AzureStore::list_parts(Upload upload, int after, Done<PartPage> done) {
  uncommitted(upload.key, [=](const Result<std::vector<Block>>& blocks) {
    if (!blocks.ok()) return done(blocks.error());
    PartPage page;
    for (const Block& block : *blocks)
      if (block.upload == upload.id && block.number > after)
        page.parts.push_back({block.number, block.bytes, block_name(upload.id, block.number), {}});
    done(std::move(page));
  });
}

void AzureStore::complete_upload(Upload upload, std::vector<Part> parts, std::uint64_t bytes, Properties properties, Checksums checksums,
                                 Done<PutReceipt> done) {
  const auto sum =
      std::accumulate(parts.begin(), parts.end(), std::uint64_t{0}, [](auto total, const Part& part) { return total + part.bytes; });
  Call call = call_of("PUT", "complete", upload.key);
  if (sum != bytes)
    return done(Error(Code::kDataLoss, fmt::format("{}: the {} parts hold {} bytes, the object {}", call.doing, parts.size(), sum, bytes)));
  call.query = {{"comp", "blocklist"}};
  call.owned_body = write_block_list(upload.id, parts);
  if (const Status added = add_blob_headers(call.headers, properties); !added.ok()) return done(added.error().context(call.doing));
  if (!checksums.md5.empty()) call.headers.add("x-ms-blob-content-md5", crypto::to_base64(checksums.md5));
  client_->call(std::move(call), [done](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    PutReceipt receipt;
    receipt.etag = receipt.version = s3::unquote(response->headers.get("ETag"));
    done(std::move(receipt));
  });
}

// Where no blob stands at the name, an empty one is put there, which drops all blocks, and removed. Where one does, dropping the
// blocks would mean writing it anew: they are left to expire.
void AzureStore::abort_upload(Upload upload, Done<void> done) {
  Call put_empty = call_of("PUT", "abandon the upload of", upload.key);
  put_empty.headers = {{"x-ms-blob-type", "BlockBlob"}, {"If-None-Match", "*"}};
  put_empty.precondition = Code::kAlreadyExists;
  client_->call(std::move(put_empty), [this, upload, done](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error().code() == Code::kAlreadyExists ? Status() : response.error());
    Call remove_it = call_of("DELETE", "abandon the upload of", upload.key);
    remove_it.headers.add("If-Match", std::string(response->headers.get("ETag")));
    client_->call(std::move(remove_it), [done](const Result<net::HttpResponse>& removed) {
      // 412: somebody wrote the blob meanwhile, which is theirs.
      const bool gone = removed.ok() || removed.error().code() == Code::kConflict || removed.error().code() == Code::kNotFound;
      done(gone ? Status() : removed.error());
    });
  });
}

void AzureStore::list_uploads(std::string prefix, std::string page, Done<UploadPage> done) {
  Call call = call_of("GET", "list the uploads of", "");
  call.query = {{"restype", "container"}, {"comp", "list"}, {"include", "uncommittedblobs"}, {"maxresults", "100"}};
  if (!prefix.empty()) call.query.emplace_back("prefix", prefix);
  if (!page.empty()) call.query.emplace_back("marker", page);
  client_->call(std::move(call), [this, done](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    const auto list = parse_list(response->body);
    if (!list.ok()) return done(list.error());
    // A blob that has only blocks shows as an empty one.
    std::vector<std::pair<std::string, Instant>> blobs;
    for (const ObjectInfo& blob : list->objects)
      if (blob.bytes == 0) blobs.emplace_back(blob.key, blob.modified);
    const std::string next = list->next;
    const auto gather = Gather<Result<Upload>>::create(blobs.size(), [done, next](Result<std::vector<Result<Upload>>> found) {
      UploadPage uploads{{}, next};
      for (auto& upload : *found) {
        if (!upload.ok()) return done(upload.error());
        uploads.uploads.push_back(std::move(*upload));
      }
      done(std::move(uploads));
    });
    for (const auto& [name, modified] : blobs)
      uncommitted(name, [gather, key = name, started = modified](const Result<std::vector<Block>>& blocks) {
        if (!blocks.ok()) return gather->add({Result<Upload>(blocks.error())});
        std::set<std::string> ids;
        for (const Block& block : *blocks) ids.insert(block.upload);
        std::vector<Result<Upload>> found;
        for (const std::string& id : ids) found.emplace_back(Upload{key, id, started});
        gather->add(std::move(found));
      });
  });
}

void AzureStore::copy_part(const Store& source, std::string source_key, std::string source_version, std::uint64_t offset,
                           std::uint64_t bytes, Upload upload, int number, Done<Part> done) {
  if (!can_copy_from(source)) return done(invalid("a copy within Azure needs a source in the same account, under the same credentials"));
  const std::string name = block_name(upload.id, number);
  Call call = call_of("PUT", fmt::format("copy block {} of", number), upload.key);
  call.query = {{"comp", "block"}, {"blockid", name}};
  call.source_container = source.location().bucket;
  call.source_blob = std::move(source_key);
  call.headers.add("x-ms-source-range", fmt::format("bytes={}-{}", offset, offset + bytes - 1));
  if (!source_version.empty()) call.headers.add("x-ms-source-if-match", "\"" + source_version + "\"");
  client_->call(std::move(call), [=](const Result<net::HttpResponse>& response) {
    if (!response.ok()) return done(response.error());
    done(Part{number, bytes, name, {}});
  });
}

}  // namespace isobar::storage::azure
