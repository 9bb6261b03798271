#pragma once

/// One request to S3: addressed, signed, sent, and sent again where S3 says that it went to the wrong region or that the
/// credentials have just expired. Nothing else is tried twice.

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

#include "net/http.h"
#include "storage/s3.h"
#include "storage/s3_xml.h"

namespace isobar::storage::s3 {

struct Call {
  std::string method = "GET";
  std::string doing;        ///< "get s3://b/k": how errors begin
  bool of_service = false;  ///< of no bucket: the list of buckets
  std::string key;          ///< empty: the bucket itself
  net::QueryParameters query = {};
  net::Headers headers = {};
  std::string_view body = {};  ///< the caller's memory
  std::string owned_body = {};
  std::string sha256 = {};  ///< of `body`, 32 raw bytes, where the caller knows it
  std::span<char> into = {};
  bool answers_late = false;            ///< a 200 may turn out to hold an <Error>
  bool range_may_be_empty = false;      ///< 416 is reported as a response, too
  Code precondition = Code::kConflict;  ///< what 412 means here
  int calls_ahead = 0;                  ///< so many will follow when this one is answered
};

/// Adds the checksums of `body` that S3 verifies.
/// crc32c   whether CRC-32C is sent, computed here where `checksums` holds none
void add_checksums(Call& call, std::string_view body, const Checksums& checksums, bool crc32c);

class Client {
 public:
  /// Errors   kInvalidArgument as make_s3_store
  static Result<std::unique_ptr<Client>> create(std::string bucket, S3Options options,
                                                std::shared_ptr<SecretSource<AwsCredentials>> credentials, net::HttpTransport& transport,
                                                const Clock& clock);

  /// Reports a 2xx response, or the error that the response stands for.
  void call(Call call, const net::HttpDone& done);

  const std::string& bucket() const { return bucket_; }
  const S3Options& options() const { return options_; }
  std::string region() const;
  /// "s3://bucket/key", for messages.
  std::string text(std::string_view key) const { return "s3://" + bucket_ + "/" + std::string(key); }
  /// Whether `other` is the same service under the same credentials, so that one can copy from the other.
  bool same_service(const Client& other) const { return endpoint_text_ == other.endpoint_text_ && credentials_ == other.credentials_; }

 private:
  Client(std::string bucket, S3Options options, std::shared_ptr<SecretSource<AwsCredentials>> credentials, net::HttpTransport& transport,
         const Clock& clock);
  void attempt(const std::shared_ptr<const Call>& call, int attempts_left, const net::HttpDone& done);
  void finish(const std::shared_ptr<const Call>& call, const AwsCredentials& used, int attempts_left, const net::HttpDone& done,
              Result<net::HttpResponse> response);
  net::Url url_of(const Call& call, const std::string& region) const;
  net::HttpRequest request_for(const Call& call, const AwsCredentials& credentials);
  std::string payload_hash(const Call& call, const net::Url& url) const;
  /// Whether the refusal taught something that makes another attempt worth while.
  bool learn(const net::HttpResponse& response, const ErrorDocument& document, const AwsCredentials& used);
  Error error(const Call& call, const net::HttpResponse& response, const ErrorDocument& document) const;

  const std::string bucket_;
  const S3Options options_;
  const std::shared_ptr<SecretSource<AwsCredentials>> credentials_;
  net::HttpTransport& transport_;
  const Clock& clock_;
  net::Url endpoint_;  ///< of a service that is not AWS
  std::string endpoint_text_;
  std::atomic<bool> verifies_crc32c_ = false;  ///< has echoed one that we sent
  mutable std::mutex mutex_;
  std::string region_;  ///< guarded by mutex_: as far as known
};

}  // namespace isobar::storage::s3
