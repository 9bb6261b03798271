#include "aws_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/await.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "refusal.h"

namespace isobar::cloud::ec2 {

using storage::AwsCredentials;

namespace {

constexpr Duration kStallMost = 30s;

struct Names {
  Service service;
  std::string_view shown, host, signing, variable;
};
constexpr std::array kNames = {
    Names{Service::kEc2, "EC2", "ec2", "ec2", "AWS_ENDPOINT_URL_EC2"},
    Names{Service::kSts, "STS", "sts", "sts", "AWS_ENDPOINT_URL_STS"},
    Names{Service::kSsm, "SSM", "ssm", "ssm", "AWS_ENDPOINT_URL_SSM"},
    Names{Service::kServiceQuotas, "Service Quotas", "servicequotas", "servicequotas", "AWS_ENDPOINT_URL_SERVICE_QUOTAS"},
};

const Names& names_of(Service service) {
  return *std::find_if(kNames.begin(), kNames.end(), [&](const Names& names) { return names.service == service; });
}

}  // namespace

bool is_region_name(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() < 64 && std::all_of(text.begin(), text.end(), fits);
}

std::map<Service, std::string> find_endpoints(const storage::Surroundings& surroundings) {
  std::map<Service, std::string> endpoints;
  if (surroundings.variable_or("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == "true") return endpoints;
  const std::string all = surroundings.variable_or("AWS_ENDPOINT_URL");
  for (const Names& names : kNames)
    if (const auto endpoint = surroundings.variable_or(std::string(names.variable), all); !endpoint.empty())
      endpoints[names.service] = endpoint;
  return endpoints;
}

Answer<net::HttpRequest> AwsClient::request_for(const AwsCall& call, const AwsCredentials& credentials) const {
  const Names& names = names_of(call.service);
  if (!is_region_name(call.region)) return invalid(fmt::format("'{}' is no region of AWS", call.region));
  net::HttpRequest request;
  request.method = "POST";
  if (const auto own = parts_.endpoints.find(call.service); own != parts_.endpoints.end()) {
    TRY_ASSIGN(request.url, net::parse_url(own->second).context(fmt::format("the endpoint of {} (AWS_ENDPOINT_URL)", names.shown)));
  } else {
    const std::string_view top = call.region.starts_with("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
    request.url = {"https", fmt::format("{}.{}.{}", names.host, call.region, top), 443, "/"};
  }
  if (call.target.empty()) {
    request.owned_body = net::encode_query(call.form);
    request.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  } else {
    request.owned_body = call.json;
    request.headers.add("Content-Type", "application/x-amz-json-1.1");
    request.headers.add("X-Amz-Target", call.target);
  }
  storage::sign_v4(request, credentials, {call.region, std::string(names.signing)}, crypto::to_hex(crypto::sha256(request.owned_body)),
                   parts_.clock.now());
  return request;
}

Answer<std::string> AwsClient::attempt(const AwsCall& call, Instant end, bool& renewed, Again& again) {
  again = Again::kNever;
  const auto credentials = await_outcome<AwsCredentials>([&](auto done) { parts_.credentials->get(done); });
  if (!credentials.ok()) return Refused(credentials.error().context(call.doing), "CredentialsNotFound");
  TRY_ASSIGN(auto request, request_for(call, *credentials));
  request.stall_max = std::clamp<Duration>(end - parts_.clock.now(), 1s, kStallMost);
  const auto response = parts_.transport.fetch(std::move(request));
  if (!response.ok()) {
    const Code code = response.error().code();
    const bool may_pass = code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kDataLoss;
    if (may_pass) again = Again::kUnreachable;
    return Refused(response.error().context(fmt::format("{}: {} in {}", call.doing, names_of(call.service).shown, call.region)),
                   "ApiUnreachable");
  }
  if (response->ok()) return response->body;
  const ApiRefusal refusal = parse_refusal(response->status, response->body);
  if (is_expired(refusal.code) && !std::exchange(renewed, true)) {
    parts_.credentials->forget(*credentials);
    again = Again::kAtOnce;
  } else if (is_throttling(refusal.code)) {
    again = Again::kThrottled;
  } else {
    const bool settles = std::find(call.settling.begin(), call.settling.end(), refusal.code) != call.settling.end();
    if (settles || is_passing(refusal)) again = Again::kTrouble;
  }
  return refused_by(refusal, names_of(call.service).shown, call.region, call.doing);
}

Answer<std::string> AwsClient::call(const AwsCall& call, Instant end) {
  Repeats repeats(pace_, end);
  bool renewed = false;
  for (;;) {
    Again again;
    auto answer = attempt(call, end, renewed, again);
    if (answer.ok() || !repeats.once_more(again)) return answer;
  }
}

}  // namespace isobar::cloud::ec2
