#pragma once

/// One API server, as the user of one context.

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "kube_credentials.h"
#include "kube_json.h"
#include "kube_status.h"
#include "net/http_client.h"

namespace isobar::cloud {

struct KubeCall {
  std::string method = "GET";
  std::string path;  ///< "/api/v1/namespaces/default/pods"
  net::QueryParameters query;
  std::string body;   ///< JSON; empty: none
  std::string doing;  ///< for errors: "create pod train-1"
};

/// What a connection to the server is made of just now.
struct KubeWire {
  std::shared_ptr<net::HttpTransport> transport;
  std::shared_ptr<net::TlsContext> tls;
  std::string authorization;
};

/// Safe from any thread. Calls are repeated while the server is busy or cannot be reached, and once with new credentials where it does
/// not know ours; what is made with a name of its own may be.
class KubeClient {
 public:
  KubeClient(KubeAccess access, net::ProxyRules proxies, const Clock& clock);

  const KubeAccess& access() const { return access_; }
  const std::string& context() const { return access_.context; }

  /// refusal  set with every error, also where nobody answered
  /// Errors   as explain_kube_refusal; kUnavailable, kDeadlineExceeded: the server cannot be reached; those of the credentials
  Result<boost::json::value> call(const KubeCall& call, Duration deadline, KubeRefusal* refusal = nullptr);
  /// All items of a list, page by page; begun anew where the server forgot the rest of it meanwhile.
  Result<boost::json::array> list(KubeCall call, Duration deadline, KubeRefusal* refusal = nullptr);

  /// renew   the credentials were refused
  Result<KubeWire> wire(bool renew = false);
  bool renewable() const { return credentials_.renewable(); }
  /// Where a path and its query are on the server.
  Result<net::Url> url(const std::string& path, const net::QueryParameters& query) const;
  Result<std::optional<net::Proxy>> proxy(const net::Url& url) const { return proxies_.proxy_for(url); }

 private:
  Result<net::HttpResponse> send(const KubeCall& call, bool renew, Duration patience);

  KubeAccess access_;
  net::ProxyRules proxies_;
  KubeCredentials credentials_;
  Mutex mutex_;
  std::shared_ptr<net::HttpTransport> transport_ GUARDED_BY(mutex_);
  std::shared_ptr<net::TlsContext> tls_ GUARDED_BY(mutex_);
  std::string shown_certificate_ GUARDED_BY(mutex_);
};

}  // namespace isobar::cloud
