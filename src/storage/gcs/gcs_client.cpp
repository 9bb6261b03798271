#include "gcs_client.h"

#include <fmt/format.h>

#include "gcs_json.h"
#include "storage/refusal.h"

namespace isobar::storage::gcs {

Client::Client(std::string bucket, GcsOptions options, std::shared_ptr<SecretSource<GcsCredentials>> credentials,
               net::HttpTransport& transport, const Clock& clock)
    : bucket_(std::move(bucket)),
      options_(std::move(options)),
      credentials_(std::move(credentials)),
      transport_(transport),
      clock_(clock) {}

Result<std::unique_ptr<Client>> Client::create(std::string bucket, GcsOptions options,
                                               std::shared_ptr<SecretSource<GcsCredentials>> credentials, net::HttpTransport& transport,
                                               const Clock& clock) {
  if (bucket.find('/') != bucket.npos || bucket.size() > 222) return invalid(fmt::format("'{}' is no bucket's name", bucket));
  std::unique_ptr<Client> client(new Client(std::move(bucket), std::move(options), std::move(credentials), transport, clock));
  const std::string endpoint = client->options_.endpoint.empty() ? "https://storage.googleapis.com" : client->options_.endpoint;
  TRY_ASSIGN(client->endpoint_, net::parse_url(endpoint).context("the endpoint of Google Cloud Storage"));
  return client;
}

net::HttpRequest Client::request_for(const Call& call, const GcsCredentials& credentials) const {
  net::HttpRequest request;
  request.method = call.method;
  request.url = endpoint_;
  while (request.url.target.ends_with('/')) request.url.target.pop_back();
  request.url.target += call.path;
  if (!call.query.empty()) request.url.target += "?" + net::encode_query(call.query);
  request.headers = call.headers;
  if (!credentials.bearer.empty()) request.headers.add("Authorization", "Bearer " + credentials.bearer);
  request.body = call.body;
  request.owned_body = call.owned_body;
  request.into = call.into;
  request.connections_ahead = call.calls_ahead;
  return request;
}

void Client::call(Call call, const net::HttpDone& done) { attempt(std::make_shared<const Call>(std::move(call)), 2, done); }

void Client::attempt(const std::shared_ptr<const Call>& call, int attempts_left, const net::HttpDone& done) {
  credentials_->get([this, call, attempts_left, done](Result<GcsCredentials> credentials) {
    if (!credentials.ok()) return done(credentials.error().context(call->doing));
    const bool may_renew = attempts_left > 1 && credentials->expires.has_value();
    transport_.start(request_for(*call, *credentials), [this, call, attempts_left, may_renew, used = *credentials,
                                                        done](Result<net::HttpResponse> response) {
      if (!response.ok()) return done(response.error().context(call->doing));
      if (response->ok() || (response->status == 416 && call->range_may_be_empty)) return done(std::move(response));
      if (response->status == 401 && may_renew) {
        credentials_->forget(used);
        return attempt(call, attempts_left - 1, done);
      }
      const ErrorDocument told = parse_error(response->body);
      const Refusal refusal{response->status, told.reason, told.message, std::string(response->headers.get("X-GUploader-UploadID"))};
      const Code code = response->status == 412 ? call->precondition : code_of(told, response->status);
      done(error_of(refusal, code, call->doing, retry_after_of(response->headers, clock_.now())));
    });
  });
}

}  // namespace isobar::storage::gcs
