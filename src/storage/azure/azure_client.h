#pragma once

/// One request to Azure Blob Storage: addressed, authorised, sent; once more where a token has just expired.

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/http.h"
#include "storage/azure.h"

namespace isobar::storage::azure {

struct Call {
  std::string method = "GET";
  std::string doing;        ///< "get az://a/c/k": how errors begin
  bool of_account = false;  ///< of no container
  std::string key = {};     ///< empty: the container itself
  net::QueryParameters query = {};
  net::Headers headers = {};
  std::string_view body = {};
  std::string owned_body = {};
  std::span<char> into = {};
  bool range_may_be_empty = false;      ///< 416 is reported as a response, too
  Code precondition = Code::kConflict;  ///< what 412 means here
  int calls_ahead = 0;                  ///< so many will follow when this one is answered
  std::string source_blob = {};         ///< of this container's account, as CONTAINER/KEY: shown to Azure as the source of a copy
  std::string source_container = {};
};

class Client {
 public:
  static Result<std::unique_ptr<Client>> create(std::string account, std::string container, AzureOptions options,
                                                std::shared_ptr<SecretSource<AzureCredentials>> credentials, net::HttpTransport& transport,
                                                const Clock& clock);
  /// Reports a 2xx response, or the error that the response stands for.
  void call(Call call, const net::HttpDone& done);

  const std::string& account() const { return account_; }
  const std::string& container() const { return container_; }
  std::string text(std::string_view key) const { return "az://" + account_ + "/" + container_ + "/" + std::string(key); }
  bool same_account(const Client& other) const { return endpoint_.text() == other.endpoint_.text() && credentials_ == other.credentials_; }

 private:
  Client(std::string account, std::string container, std::shared_ptr<SecretSource<AzureCredentials>> credentials,
         net::HttpTransport& transport, const Clock& clock);
  void attempt(const std::shared_ptr<const Call>& call, int attempts_left, const net::HttpDone& done);
  net::Url url_of(bool of_account, std::string_view container, std::string_view key) const;
  net::HttpRequest request_for(const Call& call, const AzureCredentials& credentials) const;
  void add_source(net::HttpRequest& request, const Call& call, const AzureCredentials& credentials) const;
  Error error(const Call& call, const net::HttpResponse& response) const;

  const std::string account_, container_;
  const std::shared_ptr<SecretSource<AzureCredentials>> credentials_;
  net::HttpTransport& transport_;
  const Clock& clock_;
  net::Url endpoint_;
};

}  // namespace isobar::storage::azure
