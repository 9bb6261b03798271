#include "azure_client.h"

#include <fmt/format.h>

#include "azure_xml.h"
#include "shared_key.h"
#include "storage/refusal.h"
#include "storage/stamps.h"

namespace isobar::storage::azure {

namespace {
constexpr std::string_view kApiVersion = "2021-12-02";
constexpr Duration kSourceShownFor = std::chrono::hours(24);
}  // namespace

Client::Client(std::string account, std::string container, std::shared_ptr<SecretSource<AzureCredentials>> credentials,
               net::HttpTransport& transport, const Clock& clock)
    : account_(std::move(account)),
      container_(std::move(container)),
      credentials_(std::move(credentials)),
      transport_(transport),
      clock_(clock) {}

Result<std::unique_ptr<Client>> Client::create(std::string account, std::string container, AzureOptions options,
                                               std::shared_ptr<SecretSource<AzureCredentials>> credentials, net::HttpTransport& transport,
                                               const Clock& clock) {
  for (const char c : account)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
      return invalid(fmt::format("'{}' is no account of Azure Storage: lower-case letters and digits make one", account));
  if (account.empty()) return invalid("the storage account is missing");
  if (container.find('/') != container.npos) return invalid(fmt::format("'{}' is no container's name", container));
  std::unique_ptr<Client> client(new Client(account, std::move(container), std::move(credentials), transport, clock));
  if (options.endpoint.empty()) options.endpoint = fmt::format("https://{}.blob.core.windows.net", account);
  TRY_ASSIGN(client->endpoint_, net::parse_url(options.endpoint).context("the endpoint of Azure Storage"));
  return client;
}

net::Url Client::url_of(bool of_account, std::string_view container, std::string_view key) const {
  net::Url url = endpoint_;
  while (url.target.ends_with('/')) url.target.pop_back();
  if (!of_account) url.target += "/" + net::percent_encode(container);
  if (!key.empty()) url.target += "/" + net::percent_encode(key, "/");
  if (url.target.empty()) url.target = "/";
  return url;
}

// The source of a copy is fetched by the store itself, which must be let in there as well.
void Client::add_source(net::HttpRequest& request, const Call& call, const AzureCredentials& credentials) const {
  std::string source = url_of(false, call.source_container, call.source_blob).text();
  if (!credentials.account_key.empty())
    source += "?" + read_signature(account_, credentials.account_key, call.source_container, call.source_blob,
                                   clock_.now() + kSourceShownFor, endpoint_.scheme == "https");
  else if (!credentials.sas.empty()) source += "?" + credentials.sas;
  else if (!credentials.bearer.empty()) request.headers.add("x-ms-copy-source-authorization", "Bearer " + credentials.bearer);
  request.headers.add("x-ms-copy-source", source);
}

net::HttpRequest Client::request_for(const Call& call, const AzureCredentials& credentials) const {
  net::HttpRequest request;
  request.method = call.method;
  request.url = url_of(call.of_account, container_, call.key);
  std::string query = net::encode_query(call.query);
  if (!credentials.sas.empty()) query += (query.empty() ? "" : "&") + credentials.sas;
  if (!query.empty()) request.url.target += "?" + query;
  request.headers = call.headers;
  request.headers.add("x-ms-date", format_http_date(clock_.now()));
  request.headers.add("x-ms-version", std::string(kApiVersion));
  request.body = call.body;
  request.owned_body = call.owned_body;
  request.into = call.into;
  request.connections_ahead = call.calls_ahead;
  if (!call.source_blob.empty()) add_source(request, call, credentials);
  const std::uint64_t body_bytes = call.body.empty() ? call.owned_body.size() : call.body.size();
  if (!credentials.account_key.empty()) sign_shared_key(request, account_, credentials.account_key, body_bytes);
  if (!credentials.bearer.empty()) request.headers.add("Authorization", "Bearer " + credentials.bearer);
  return request;
}

void Client::call(Call call, const net::HttpDone& done) { attempt(std::make_shared<const Call>(std::move(call)), 2, done); }

void Client::attempt(const std::shared_ptr<const Call>& call, int attempts_left, const net::HttpDone& done) {
  credentials_->get([this, call, attempts_left, done](Result<AzureCredentials> credentials) {
    if (!credentials.ok()) return done(credentials.error().context(call->doing));
    const bool may_renew = attempts_left > 1 && credentials->expires.has_value();
    transport_.start(request_for(*call, *credentials),
                     [this, call, attempts_left, may_renew, used = *credentials, done](Result<net::HttpResponse> response) {
                       if (!response.ok()) return done(response.error().context(call->doing));
                       if (response->ok() || (response->status == 416 && call->range_may_be_empty)) return done(std::move(response));
                       if (response->status == 401 && may_renew) {
                         credentials_->forget(used);
                         return attempt(call, attempts_left - 1, done);
                       }
                       done(error(*call, *response));
                     });
  });
}

Error Client::error(const Call& call, const net::HttpResponse& response) const {
  const ErrorDocument told = parse_error(response);
  const Refusal refusal{response.status, told.code, told.message, std::string(response.headers.get("x-ms-request-id"))};
  const Code code = response.status == 412 && told.code != "LeaseIdMissing" ? call.precondition : code_of(told.code, response.status);
  return error_of(refusal, code, call.doing, retry_after_of(response.headers, clock_.now()));
}

}  // namespace isobar::storage::azure
