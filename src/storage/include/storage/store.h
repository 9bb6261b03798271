#pragma once

/// One bucket of an object store, whoever makes it. The interface is what S3, GCS, Azure Blob and a folder have in common and
/// what moving data safely needs: content pinned to a version while it is read, parts, checksums that the store itself
/// verifies, and properties carried whole.
///
/// Keys are opaque bytes. All calls return at once and report through `done`, once, from a thread that must not be blocked.
/// Nothing is retried here: the caller knows what else is going on; `retry_after` of an error says what the store asked for.
/// Errors are told by code:
///   kNotFound          no such bucket, object, version or upload
///   kAlreadyExists     refused by PutRequest::only_if_absent, or make_bucket
///   kConflict          the object is no longer the version asked for
///   kPermissionDenied  403, or credentials that are missing or have expired
///   kExhausted         429, 503 SlowDown: come back later
///   kUnavailable       5xx, broken connections, timeouts: the same call may succeed if made again
///   kInvalidArgument   the store would never take this (name too long, part too small); no use in trying again
///   kDataLoss          what arrived is not what was sent: a checksum or a length differs

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/await.h"
#include "base/result.h"
#include "base/time.h"
#include "storage/location.h"

namespace isobar::storage {

template <class T>
using Done = std::function<void(Result<T>)>;

struct Checksums {
  std::optional<std::uint32_t> crc32c;
  std::string md5;     ///< 16 raw bytes, or empty. A multipart ETag is not one
  std::string sha256;  ///< 32 raw bytes, or empty
  bool any() const { return crc32c || !md5.empty() || !sha256.empty(); }
};

/// What a listing tells. `version` names this very content: an S3 version id or ETag, a GCS generation, an Azure ETag, for a
/// file its size, times and inode. Compare for equality only; give it back in GetRequest to read this content or none.
struct ObjectInfo {
  std::string key;
  std::uint64_t bytes = 0;
  Instant modified;
  std::string version;
  std::string etag;  ///< as the store prints it, without quotes
  Checksums checksums;
  std::string storage_class;  ///< empty: the store's standard one
};

/// What a copy must carry besides the bytes.
struct Properties {
  std::string content_type, content_encoding, content_language, content_disposition, cache_control, expires;
  std::string storage_class;
  std::map<std::string, std::string> metadata;             ///< the user's own; names in lower case, values as bytes
  std::optional<std::map<std::string, std::string>> tags;  ///< none: not known (reading them is a request of its own)
  friend bool operator==(const Properties&, const Properties&) = default;
};

struct ObjectHead {
  ObjectInfo info;
  Properties properties;
  bool has_tags = false;  ///< there are tags that `properties` may not hold yet
};

struct ListRequest {
  std::string prefix;
  bool recursive = true;    ///< false: keys below the next "/" after the prefix are told as one prefix
  std::string start_after;  ///< only keys greater than this, where the store can (limits().list_from_key)
  std::string page;         ///< ListPage::next of the page before; empty: the first
  int keys_max = 1000;
  /// So many calls will follow as soon as the first page is there: connections are opened for them meanwhile.
  int calls_ahead = 0;
};

/// Keys in order of their bytes.
struct ListPage {
  std::vector<ObjectInfo> objects;
  std::vector<std::string> prefixes;
  std::string next;  ///< empty: this was the last page
};

struct GetRequest {
  std::string key;
  std::uint64_t offset = 0;
  std::span<char> into;  ///< filled from `offset` on, up to the end of the object
  std::string version;   ///< kConflict if the object is another one by now; empty: whatever it is
};

struct Got {
  std::uint64_t bytes = 0;  ///< in `into`
  ObjectHead head;          ///< as the response told it; info.bytes is the whole object's size
};

struct PutRequest {
  std::string key;
  std::string_view body;  ///< must stay until done
  Properties properties;
  /// Of `body`, computed where the bytes came from; the store is asked to verify what it can of them.
  Checksums checksums;
  bool only_if_absent = false;
};

struct PutReceipt {
  std::string version, etag;
  /// What the store says it holds: checksums it computed itself, when it tells them.
  Checksums checksums;
};

/// An upload in parts that is not yet an object. `id` is the store's name for it, kept in a journal to go on after a crash.
struct Upload {
  std::string key, id;
  Instant started;  ///< as a listing of uploads tells it
};

struct Part {
  int number = 0;  ///< from 1
  std::uint64_t bytes = 0;
  std::string etag;
  std::optional<std::uint32_t> crc32c;
};

struct PartPage {
  std::vector<Part> parts;
  int next = 0;  ///< give as `after` to go on; 0: this was the last page
};

struct UploadPage {
  std::vector<Upload> uploads;
  std::string next;
};

struct RemoveFailure {
  std::string key;
  Error error;
};

struct BucketInfo {
  std::string name;
  Instant created;
};

/// What a store can hold and do. Bytes and counts, inclusive.
struct Limits {
  std::uint64_t put_bytes_most = 5ULL << 30;
  std::uint64_t part_bytes_least = 5 << 20, part_bytes_most = 5ULL << 30;
  int parts_most = 10'000;
  std::uint64_t object_bytes_most = 5ULL << 40;
  std::uint64_t copy_bytes_most = 5ULL << 30;  ///< of one server-side copy without parts
  std::size_t key_bytes_most = 1024;
  std::size_t metadata_bytes_most = 2048;
  int remove_batch_most = 1000;
  bool list_from_key = true;
  bool tags = true;
  bool writable = true;
  /// Parts may be written in any order into their place, each at number × part size: no assembling by the store (files).
  bool parts_in_place = false;
};

class Store {
 public:
  virtual ~Store() = default;

  virtual Location location() const = 0;  ///< with an empty key
  virtual Limits limits() const = 0;

  virtual void list(ListRequest request, Done<ListPage> done) = 0;
  /// with_tags   also fetch the tags when there are any: one more request
  virtual void head(std::string key, bool with_tags, Done<ObjectHead> done) = 0;
  virtual void get(GetRequest request, Done<Got> done) = 0;
  virtual void put(PutRequest request, Done<PutReceipt> done) = 0;

  virtual void start_upload(std::string key, Properties properties, Done<Upload> done) = 0;
  /// offset     of this part in the object; stores that assemble parts by number do not need it
  virtual void put_part(Upload upload, int number, std::uint64_t offset, std::string_view body, Checksums checksums, Done<Part> done) = 0;
  virtual void list_parts(Upload upload, int after, Done<PartPage> done) = 0;
  /// parts      in order of their numbers.  bytes  of the whole; kDataLoss if the store's sum differs
  virtual void complete_upload(Upload upload, std::vector<Part> parts, std::uint64_t bytes, Properties properties, Checksums checksums,
                               Done<PutReceipt> done) = 0;
  virtual void abort_upload(Upload upload, Done<void> done) = 0;
  /// Unfinished uploads under a prefix, for sweeping up what nobody will finish.
  virtual void list_uploads(std::string prefix, std::string page, Done<UploadPage> done) = 0;

  /// Whether this store can copy from `source` without the bytes coming here.
  virtual bool can_copy_from(const Store& source) const = 0;
  /// `source_version` is checked by the store: kConflict when it is another object by now. `properties`: none keeps the source's.
  virtual void copy(const Store& source, std::string source_key, std::string source_version, std::string key,
                    std::optional<Properties> properties, Done<PutReceipt> done) = 0;
  virtual void copy_part(const Store& source, std::string source_key, std::string source_version, std::uint64_t offset, std::uint64_t bytes,
                         Upload upload, int number, Done<Part> done) = 0;

  /// Removes up to limits().remove_batch_most objects. What is not there counts as removed. Failures are told by key.
  virtual void remove(std::vector<std::string> keys, Done<std::vector<RemoveFailure>> done) = 0;
  virtual void set_tags(std::string key, std::map<std::string, std::string> tags, Done<void> done) = 0;

  virtual void make_bucket(Done<void> done) = 0;
  virtual void remove_bucket(Done<void> done) = 0;
  virtual void list_buckets(Done<std::vector<BucketInfo>> done) = 0;

  /// Where the bucket is, as its cloud names it: "eu-west-1". Asked of the cloud.
  /// Errors   kInvalidArgument: the store does not tell it, and why; the user can
  virtual void region(const Done<std::string>& done) {
    done(invalid(location().text() + ": this store does not tell what region it is in: name the region instead"));
  }

  /// What was reported done before survives a power cut after this. Stores behind a network have said so already.
  virtual void flush(const Done<void>& done) { done({}); }
};

/// Waits for a call: `auto page = await<ListPage>([&](auto done) { store.list(request, done); });`
/// Not from a thread of a transport.
template <class T>
Result<T> await(const std::function<void(Done<T>)>& call) {
  return await_outcome<T>(call);
}

}  // namespace isobar::storage
