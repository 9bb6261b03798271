#pragma once

/// The transport that everything over HTTP uses: a loop a core, each with its own kept-alive connections.

#include "base/mutex.h"
#include "net/http.h"
#include "net/loop.h"
#include "net/proxy.h"
#include "net/stream.h"

namespace isobar::net {

class HttpClient final : public HttpTransport {
 public:
  struct Options {
    int loops = 0;                   ///< threads; 0: one a core, four at most
    int connections_per_host = 256;  ///< over all loops; further requests wait their turn
    Duration connect_max = std::chrono::seconds(10);
    Duration idle_max = std::chrono::seconds(15);  ///< kept-alive connections are closed after so long: servers do at 20 s and more
    std::optional<LoopKind> kind;                  ///< none: io_uring where it works
    std::shared_ptr<TlsContext> tls;               ///< none: made when first needed, trusting ca_bundle
    fs::path ca_bundle;                            ///< a file of certificates; empty: the system's
    std::string ca_pem;                            ///< or its text, where the file is another machine's
    std::string tls_name;                          ///< what servers' certificates must carry in place of their host; empty: that
    ProxyRules proxies;                            ///< which requests go by a proxy; none do unless said
    std::string user_agent = "isobar";
  };

  /// Errors   kExhausted: no descriptors or threads left; kInvalidArgument from the TLS options
  static Result<std::unique_ptr<HttpClient>> create(Options options);
  /// Requests still under way end with kUnavailable.
  ~HttpClient() override;

  void start(HttpRequest request, HttpDone done) override;
  /// "io_uring" or "epoll".
  std::string_view engine() const;

 private:
  class Lane;
  HttpClient() = default;
  Result<std::shared_ptr<TlsContext>> trusted();

  std::string user_agent_;
  fs::path ca_bundle_;
  std::string ca_pem_, tls_name_;
  ProxyRules proxies_;
  Mutex mutex_;
  std::shared_ptr<TlsContext> tls_ GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Lane>> lanes_;
};

/// A client that is made when the first request comes: for parts that are there always and seldom ask anything.
class LazyHttpClient final : public HttpTransport {
 public:
  explicit LazyHttpClient(HttpClient::Options options) : options_(std::move(options)) {}
  void start(HttpRequest request, HttpDone done) override;

 private:
  HttpClient::Options options_;
  Mutex mutex_;
  std::unique_ptr<HttpClient> client_ GUARDED_BY(mutex_);
};

}  // namespace isobar::net
