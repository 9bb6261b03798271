#include "kube_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace isobar::cloud {

namespace json = boost::json;

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPauseLeast = std::chrono::milliseconds(200), kPauseMost = std::chrono::milliseconds(5000);
constexpr auto kStallMost = std::chrono::seconds(30);
constexpr auto kConnectMost = std::chrono::seconds(8);
constexpr int kTriesMost = 4;
constexpr int kListsMost = 4;
constexpr std::uint64_t kBodyBytesMax = 512 << 20;
constexpr int kPage = 500;

/// A proxy of the kubeconfig's own counts before those of the environment.
net::ProxyRules rules_of(const KubeAccess& access, net::ProxyRules environment) {
  if (access.proxy_url.empty()) return environment;
  return net::ProxyRules::from([url = access.proxy_url](const std::string& name) -> std::optional<std::string> {
    return name == "HTTPS_PROXY" || name == "http_proxy" ? std::optional(url) : std::nullopt;
  });
}

bool may_pass(const Error& error) { return error.code() == Code::kUnavailable || error.code() == Code::kDeadlineExceeded; }

KubeRefusal unreached(const std::string& context, const Error& error) {
  // What the certificate says against the server, or a proxy against us, no retry mends.
  const bool refused = error.code() == Code::kPermissionDenied || error.code() == Code::kNotFound || error.code() == Code::kInvalidArgument;
  return {Error(error.code(), fmt::format("Kubernetes context {}: {}", context, error.message())),
          0,
          {},
          refused ? "Unauthorized" : "ContextUnreachable"};
}

}  // namespace

KubeClient::KubeClient(KubeAccess access, net::ProxyRules proxies, const isobar::Clock& clock)
    : access_(std::move(access)), proxies_(rules_of(access_, std::move(proxies))), credentials_(access_, clock) {}

Result<net::Url> KubeClient::url(const std::string& path, const net::QueryParameters& query) const {
  // The server's own path, where a gateway stands before many clusters, comes first.
  TRY_ASSIGN(auto url, net::parse_url(access_.server));
  if (url.target == "/") url.target.clear();
  url.target += path;
  if (!query.empty()) url.target += "?" + net::encode_query(query);
  return url;
}

Result<KubeWire> KubeClient::wire(bool renew) {
  TRY_ASSIGN(const auto credential, credentials_.get(renew));
  const MutexLock lock(mutex_);
  if (!transport_ || credential.certificate_pem != shown_certificate_) {
    net::TlsContext::Options tls;
    TRY_ASSIGN(tls.ca_pem, access_.ca.read());
    tls.ca_bundle = access_.ca.empty() ? fs::path() : access_.ca.file.empty() ? "of the kubeconfig" : access_.ca.file;
    tls.verify = !access_.insecure;
    tls.certificate_pem = credential.certificate_pem;
    tls.key_pem = credential.key_pem;
    TRY_ASSIGN(tls_, net::TlsContext::for_clients(tls));
    net::HttpClient::Options options;
    options.loops = 1;
    options.connections_per_host = 32;
    options.connect_max = kConnectMost;
    options.tls = tls_;
    options.tls_name = access_.tls_server_name;
    options.proxies = proxies_;
    TRY_ASSIGN(auto client, net::HttpClient::create(std::move(options)));
    transport_ = std::move(client);
    shown_certificate_ = credential.certificate_pem;
  }
  return KubeWire{transport_, tls_, credential.authorization};
}

Result<net::HttpResponse> KubeClient::send(const KubeCall& call, bool renew, Duration patience) {
  TRY_ASSIGN(const auto wire, this->wire(renew));
  net::HttpRequest request{.method = call.method};
  TRY_ASSIGN(request.url, url(call.path, call.query));
  request.headers.add("Accept", "application/json");
  if (!wire.authorization.empty()) request.headers.add("Authorization", wire.authorization);
  if (!call.body.empty()) request.headers.add("Content-Type", "application/json");
  request.body = call.body;
  request.body_bytes_max = kBodyBytesMax;
  request.stall_max = std::clamp<Duration>(patience, std::chrono::seconds(1), kStallMost);
  return wire.transport->fetch(std::move(request));
}

Result<json::value> KubeClient::call(const KubeCall& call, Duration deadline, KubeRefusal* refusal) {
  const auto end = Clock::now() + deadline;
  Duration pause = kPauseLeast;
  bool renew = false;
  for (int tries = 1;; ++tries) {
    const auto response = send(call, renew, end - Clock::now());
    if (response.ok() && response->ok()) return response->body.empty() ? json::value() : parse_kube_json(response->body);
    const auto told =
        response.ok() ? explain_kube_refusal(context(), call.doing, response->status, response->body, response->headers.get("Retry-After"))
                      : unreached(context(), response.error());
    const bool unknown = told.status == 401 && !renew && renewable();
    const auto wait = std::max<Duration>(pause, told.error.retry_after());
    if (!unknown && (!may_pass(told.error) || tries >= kTriesMost || Clock::now() + wait >= end)) {
      if (refusal) *refusal = told;
      return told.error;
    }
    renew = unknown;
    if (!unknown) std::this_thread::sleep_for(wait);
    pause = std::min<Duration>(pause * 2, kPauseMost);
  }
}

Result<json::array> KubeClient::list(KubeCall call, Duration deadline, KubeRefusal* refusal) {
  const auto end = Clock::now() + deadline;
  const auto query = call.query;
  std::optional<KubeRefusal> last;
  for (int lists = 0; lists < kListsMost; ++lists) {
    json::array items;
    std::string next;
    for (;;) {
      call.query = query;
      call.query.emplace_back("limit", fmt::to_string(kPage));
      if (!next.empty()) call.query.emplace_back("continue", next);
      KubeRefusal told{Error(Code::kUnavailable, ""), 0, {}, {}};
      auto page = this->call(call, end - Clock::now(), &told);
      if (!page.ok()) {
        last = told.status == 0 && told.error.message().empty() ? unreached(context(), page.error()) : told;
        break;
      }
      last.reset();
      for (const auto& item : list_in(*page, {"items"})) items.push_back(item);
      next = text_in(*page, {"metadata", "continue"});
      if (next.empty()) return items;
    }
    constexpr int kGone = 410;
    if (last->status != kGone) break;
  }
  if (refusal) *refusal = *last;
  return last->error;
}

}  // namespace isobar::cloud
