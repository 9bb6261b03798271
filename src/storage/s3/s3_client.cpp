#include "s3_client.h"

#include <fmt/format.h>

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "storage/refusal.h"

namespace isobar::storage::s3 {

namespace {

// A bucket's name may stand in a host's name when a certificate for one label covers it: no dots, no capitals.
bool fits_host(std::string_view bucket) {
  for (const char c : bucket)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  return bucket.size() >= 3 && bucket.size() <= 63;
}

bool is_region(std::string_view text) {
  for (const char c : text)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  return !text.empty() && text.size() < 64;
}

std::string aws_host(std::string_view region) {
  return fmt::format("s3.{}.amazonaws.com{}", region, region.starts_with("cn-") ? ".cn" : "");
}

// "bucket.s3.eu-west-1.amazonaws.com" or "s3.eu-west-1.amazonaws.com" → "eu-west-1"
std::string region_in_host(std::string_view host) {
  const auto service = host.find("s3.");
  const auto end = host.find(".amazonaws.com");
  if (service == host.npos || end == host.npos || service + 3 >= end) return {};
  return std::string(host.substr(service + 3, end - service - 3));
}

const std::string& hash_of_nothing() {
  static const std::string hash = crypto::to_hex(crypto::sha256(""));
  return hash;
}

}  // namespace

Client::Client(std::string bucket, S3Options options, std::shared_ptr<SecretSource<AwsCredentials>> credentials,
               net::HttpTransport& transport, const Clock& clock)
    : bucket_(std::move(bucket)),
      options_(std::move(options)),
      credentials_(std::move(credentials)),
      transport_(transport),
      clock_(clock),
      region_(options_.region.empty() ? "us-east-1" : options_.region) {}

Result<std::unique_ptr<Client>> Client::create(std::string bucket, S3Options options,
                                               std::shared_ptr<SecretSource<AwsCredentials>> credentials, net::HttpTransport& transport,
                                               const Clock& clock) {
  if (bucket.find('/') != bucket.npos || bucket.size() > 255) return invalid(fmt::format("'{}' is no bucket's name", bucket));
  if (!options.region.empty() && !is_region(options.region)) return invalid(fmt::format("'{}' is no region of S3", options.region));
  std::unique_ptr<Client> client(new Client(std::move(bucket), std::move(options), std::move(credentials), transport, clock));
  if (!client->options_.endpoint.empty()) {
    TRY_ASSIGN(client->endpoint_, net::parse_url(client->options_.endpoint).context("the endpoint of S3"));
    if (client->endpoint_.target.find('?') != std::string::npos)
      return invalid(fmt::format("the endpoint of S3: '{}' has a query", client->options_.endpoint));
    client->endpoint_text_ = client->endpoint_.text();
  }
  return client;
}

std::string Client::region() const {
  const std::scoped_lock lock(mutex_);
  return region_;
}

net::Url Client::url_of(const Call& call, const std::string& region) const {
  const bool aws = options_.endpoint.empty();
  net::Url url = aws ? net::Url{"https", aws_host(region), 443, "/"} : endpoint_;
  std::string path = url.target;
  while (path.ends_with('/')) path.pop_back();
  if (!call.of_service) {
    using Addressing = S3Options::Addressing;
    const bool in_host =
        options_.addressing == Addressing::kVirtualHosted || (options_.addressing == Addressing::kAuto && aws && fits_host(bucket_));
    if (in_host) url.host = bucket_ + "." + url.host;
    else path += "/" + net::percent_encode(bucket_);
  }
  if (!call.key.empty() || path.empty()) path += "/";
  url.target = path + net::percent_encode(call.key, "/");
  if (!call.query.empty()) url.target += "?" + net::encode_query(call.query);
  return url;
}

std::string Client::payload_hash(const Call& call, const net::Url& url) const {
  using Payload = S3Options::Payload;
  if (call.body.empty()) return call.owned_body.empty() ? hash_of_nothing() : crypto::to_hex(crypto::sha256(call.owned_body));
  if (options_.payload == Payload::kUnsigned) return std::string(kUnsignedPayload);
  if (options_.payload == Payload::kAuto && (url.scheme == "https" || verifies_crc32c_)) return std::string(kUnsignedPayload);
  return crypto::to_hex(call.sha256.empty() ? crypto::sha256(call.body) : call.sha256);
}

net::HttpRequest Client::request_for(const Call& call, const AwsCredentials& credentials) {
  const std::string region = this->region();
  net::HttpRequest request;
  request.method = call.method;
  request.url = url_of(call, region);
  request.headers = call.headers;
  if (options_.requester_pays && !call.of_service) request.headers.add("x-amz-request-payer", "requester");
  request.body = call.body;
  request.owned_body = call.owned_body;
  request.into = call.into;
  request.connections_ahead = call.calls_ahead;
  sign_v4(request, credentials, {region, "s3"}, payload_hash(call, request.url), clock_.now());
  return request;
}

void Client::call(Call call, const net::HttpDone& done) { attempt(std::make_shared<const Call>(std::move(call)), 3, done); }

void Client::attempt(const std::shared_ptr<const Call>& call, int attempts_left, const net::HttpDone& done) {
  credentials_->get([this, call, attempts_left, done](Result<AwsCredentials> credentials) {
    if (!credentials.ok()) return done(credentials.error().context(call->doing));
    transport_.start(request_for(*call, *credentials),
                     [this, call, used = *credentials, attempts_left, done](Result<net::HttpResponse> response) {
                       finish(call, used, attempts_left, done, std::move(response));
                     });
  });
}

void Client::finish(const std::shared_ptr<const Call>& call, const AwsCredentials& used, int attempts_left, const net::HttpDone& done,
                    Result<net::HttpResponse> response) {
  if (!response.ok()) return done(response.error().context(call->doing));
  if (response->status == 416 && call->range_may_be_empty) return done(std::move(response));
  std::optional<ErrorDocument> document;
  if (!response->ok() || call->answers_late) document = parse_error(response->body);
  if (response->ok() && !document) {
    const auto sent = call->headers.get("x-amz-checksum-crc32c");
    if (!sent.empty() && response->headers.get("x-amz-checksum-crc32c") == sent) verifies_crc32c_ = true;
    return done(std::move(response));
  }
  const ErrorDocument told = document.value_or(ErrorDocument{});
  if (attempts_left > 1 && learn(*response, told, used)) return attempt(call, attempts_left - 1, done);
  done(error(*call, *response, told));
}

bool Client::learn(const net::HttpResponse& response, const ErrorDocument& document, const AwsCredentials& used) {
  if (document.code == "ExpiredToken" || document.code == "TokenRefreshRequired") {
    credentials_->forget(used);
    return true;
  }
  // Which region it should have been: told in a header (also to HEAD, whose answers have no body), in the document, or in the
  // name of the host to go to. Of the host nothing but the region is believed.
  std::string right(response.headers.get("x-amz-bucket-region"));
  if (right.empty()) right = document.region;
  if (right.empty()) right = region_in_host(document.endpoint);
  if (right.empty())
    if (const auto elsewhere = net::parse_url(response.headers.get("Location")); elsewhere.ok()) right = region_in_host(elsewhere->host);
  if (!is_region(right)) return false;
  const std::scoped_lock lock(mutex_);
  if (right == region_) return false;
  region_ = right;
  return true;
}

Error Client::error(const Call& call, const net::HttpResponse& response, const ErrorDocument& document) const {
  Refusal refusal{response.status, document.code, document.message, document.request_id};
  if (refusal.request_id.empty()) refusal.request_id = response.headers.get("x-amz-request-id");
  Code code = code_of(document.code, response.status);
  if (response.status == 412) code = call.precondition;
  if (response.status >= 300 && response.status < 400 && refusal.message.empty()) refusal.message = "the bucket is elsewhere";
  return error_of(refusal, code, call.doing, retry_after_of(response.headers, clock_.now()));
}

}  // namespace isobar::storage::s3
