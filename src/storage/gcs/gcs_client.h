#pragma once

/// One request to Google Cloud Storage: addressed, authorised, sent; once more where the token has just expired.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/http.h"
#include "storage/gcs.h"

namespace isobar::storage::gcs {

struct Call {
  std::string method = "GET";
  std::string doing;  ///< "get gs://b/k": how errors begin
  std::string path;   ///< below the endpoint, encoded: "/storage/v1/b/BUCKET/o/KEY"
  net::QueryParameters query = {};
  net::Headers headers = {};
  std::string_view body = {};
  std::string owned_body = {};
  std::span<char> into = {};
  bool range_may_be_empty = false;      ///< 416 is reported as a response, too
  Code precondition = Code::kConflict;  ///< what 412 means here
  int calls_ahead = 0;                  ///< so many will follow when this one is answered
};

class Client {
 public:
  static Result<std::unique_ptr<Client>> create(std::string bucket, GcsOptions options,
                                                std::shared_ptr<SecretSource<GcsCredentials>> credentials, net::HttpTransport& transport,
                                                const Clock& clock);
  /// Reports a 2xx response, or the error that the response stands for.
  void call(Call call, const net::HttpDone& done);

  const std::string& bucket() const { return bucket_; }
  const GcsOptions& options() const { return options_; }
  std::string text(std::string_view key) const { return "gs://" + bucket_ + "/" + std::string(key); }
  bool same_service(const Client& other) const { return endpoint_.text() == other.endpoint_.text() && credentials_ == other.credentials_; }

 private:
  Client(std::string bucket, GcsOptions options, std::shared_ptr<SecretSource<GcsCredentials>> credentials, net::HttpTransport& transport,
         const Clock& clock);
  void attempt(const std::shared_ptr<const Call>& call, int attempts_left, const net::HttpDone& done);
  net::HttpRequest request_for(const Call& call, const GcsCredentials& credentials) const;

  const std::string bucket_;
  const GcsOptions options_;
  const std::shared_ptr<SecretSource<GcsCredentials>> credentials_;
  net::HttpTransport& transport_;
  const Clock& clock_;
  net::Url endpoint_;
};

}  // namespace isobar::storage::gcs
