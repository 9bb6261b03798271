// Requests over kept-alive connections. A lane is one loop on one thread; a request stays on its lane from start to end, so
// nothing here is shared between threads but the lane's mailbox.

#include "net/http_client.h"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <set>

#include "base/text.h"
#include "http_connection.h"

namespace isobar::net {

namespace {

// A server to which a connection takes so long: others are worth opening before they are needed.
constexpr Duration kFar = 10ms;

std::string key_of(const Url& url) { return fmt::format("{}://{}:{}", url.scheme, url.host, url.port); }

ConnectTo end_of(const Exchange& exchange) {
  const Url& url = exchange.request.url;
  return {url.host, url.port, exchange.tls, exchange.proxy, exchange.proxy_tls, exchange.tls_name};
}

Result<std::string> head_of(const Exchange& exchange, const std::string& user_agent) {
  const HttpRequest& request = exchange.request;
  const std::size_t body_bytes = exchange.body().size();
  // A proxy has to be told the whole URL: it is not whom the request is for.
  const std::string target = exchange.said_to_proxy() ? request.url.text() : request.url.target;
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, target, request.url.authority());
  if (exchange.said_to_proxy() && !exchange.proxy->authorization.empty())
    head += fmt::format("Proxy-Authorization: {}\r\n", exchange.proxy->authorization);
  for (const auto& [name, value] : request.headers) {
    if (name.find_first_of("\r\n: ") != std::string::npos || value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return invalid(fmt::format("the header '{}' cannot be sent: it holds a line's end", name));
    head += fmt::format("{}: {}\r\n", name, value);
  }
  if (!request.headers.has("User-Agent")) head += fmt::format("User-Agent: {}\r\n", user_agent);
  const bool bodiless = request.method == "GET" || request.method == "HEAD" || request.method == "DELETE";
  if (body_bytes > 0 || !bodiless) head += fmt::format("Content-Length: {}\r\n", body_bytes);
  return head + "\r\n";
}

}  // namespace

namespace {

// Signals are for the program that uses this, whichever thread it has for them.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

class HttpClient::Lane {
 public:
  Lane(std::unique_ptr<Loop> loop, const Options& options, int connections)
      : options_(options), connections_most_(connections), loop_(std::move(loop)), thread_([this] {
          block_signals();
          loop_->run();
        }) {
    loop_->post([this] { watch(); });
  }

  ~Lane() {
    loop_->post([this] { close_all(); });
    thread_.join();
  }

  void start(std::shared_ptr<Exchange> exchange) {
    ++load_;
    exchange->done = [this, done = std::move(exchange->done)](Result<HttpResponse> response) {
      --load_;
      done(std::move(response));
    };
    loop_->post([this, exchange = std::move(exchange)]() mutable { enqueue(std::move(exchange)); });
  }

  void open_ahead(const std::string& key, ConnectTo to, int connections) {
    loop_->post([this, key, to = std::move(to), connections] {
      const Host& host = hosts_[key];
      for (int free = std::min(connections, connections_most_) - host.open; free > 0 && !closing_; --free) open(key, to);
    });
  }

  int load() const { return load_; }
  LoopKind kind() const { return loop_->kind(); }

 private:
  struct Host {
    std::vector<std::shared_ptr<HttpConnection>> idle;
    std::deque<std::shared_ptr<Exchange>> waiting;
    int open = 0;     // connections, whatever they do
    int opening = 0;  // those of them that are not connected yet
  };

  void enqueue(std::shared_ptr<Exchange> exchange) {
    if (closing_) return exchange->done(unavailable("the client is shutting down"));
    const std::string key = key_of(exchange->request.url);
    hosts_[key].waiting.push_back(std::move(exchange));
    serve(key);
  }

  void serve(const std::string& key) {
    Host& host = hosts_[key];
    while (!host.waiting.empty() && !host.idle.empty()) {
      const auto connection = std::move(host.idle.back());
      host.idle.pop_back();
      run(key, connection);
    }
    while (host.opening < static_cast<int>(host.waiting.size()) && host.open < connections_most_) open(key, end_of(*host.waiting.front()));
  }

  void open(const std::string& key, ConnectTo to) {
    Host& host = hosts_[key];
    ++host.open;
    ++host.opening;
    connect_stream(*loop_, std::move(to), options_.connect_max, [this, key, began = loop_->now()](Result<std::shared_ptr<Stream>> stream) {
      auto& waiting = hosts_[key].waiting;
      if (stream.ok() && !waiting.empty() && loop_->now() - began >= kFar)
        if (const auto tell = std::exchange(waiting.front()->server_is_far, nullptr)) tell();
      opened(key, std::move(stream));
    });
  }

  void opened(const std::string& key, Result<std::shared_ptr<Stream>> stream) {
    Host& host = hosts_[key];
    --host.opening;
    if (!stream.ok()) {
      --host.open;
      if (!host.waiting.empty()) {
        // One failure speaks for one request: the others try for themselves and may find the server back.
        const auto exchange = std::move(host.waiting.front());
        host.waiting.pop_front();
        exchange->done(stream.error());
      }
    } else if (closing_) {
      --host.open;
    } else {
      host.idle.push_back(std::make_shared<HttpConnection>(*loop_, std::move(stream).value()));
      host.idle.back()->idle_since = loop_->now();
    }
    serve(key);
    leave_if_last();
  }

  void run(const std::string& key, const std::shared_ptr<HttpConnection>& connection) {
    Host& host = hosts_[key];
    auto exchange = std::move(host.waiting.front());
    host.waiting.pop_front();
    busy_.insert(connection);
    connection->run(exchange, [this, key, connection, exchange](HttpConnection::Ending ending, Result<HttpResponse> response) {
      ended(key, connection, exchange, ending, std::move(response));
    });
  }

  void ended(const std::string& key, const std::shared_ptr<HttpConnection>& connection, const std::shared_ptr<Exchange>& exchange,
             HttpConnection::Ending ending, Result<HttpResponse> response) {
    busy_.erase(connection);
    Host& host = hosts_[key];
    if (ending == HttpConnection::Ending::kReusable && !closing_) {
      connection->idle_since = loop_->now();
      host.idle.push_back(connection);
    } else {
      --host.open;
    }
    if (ending == HttpConnection::Ending::kStale && !closing_) {
      // The server has hung up on what was idle; its other idle connections are no better.
      host.open -= static_cast<int>(host.idle.size());
      host.idle.clear();
      host.waiting.push_front(exchange);
    } else {
      exchange->done(std::move(response));
    }
    serve(key);
    leave_if_last();
  }

  // Once a second: requests on which nothing moves, and connections that nobody uses.
  void watch() {
    if (closing_) return;
    for (const auto& connection : std::vector(busy_.begin(), busy_.end())) connection->fail_if_stalled();
    for (auto& [key, host] : hosts_) {
      const auto stale = [&](const auto& connection) { return loop_->now() - connection->idle_since > options_.idle_max; };
      host.open -= static_cast<int>(std::erase_if(host.idle, stale));
    }
    loop_->after(1s, [this] { watch(); });
  }

  void close_all() {
    closing_ = true;
    for (auto& [key, host] : hosts_) {
      host.open -= static_cast<int>(host.idle.size());
      host.idle.clear();
      for (const auto& exchange : std::exchange(host.waiting, {})) exchange->done(unavailable("the client is shutting down"));
    }
    for (const auto& connection : std::vector(busy_.begin(), busy_.end())) connection->abandon();
    leave_if_last();
  }

  // The loop ends only when no operation is left that the kernel may still complete.
  void leave_if_last() {
    if (!closing_) return;
    for (const auto& [key, host] : hosts_)
      if (host.open > 0) return;
    loop_->stop();
  }

  const Options options_;
  int connections_most_;
  std::unique_ptr<Loop> loop_;
  std::map<std::string, Host> hosts_;
  std::set<std::shared_ptr<HttpConnection>> busy_;
  std::atomic<int> load_ = 0;
  bool closing_ = false;
  std::thread thread_;
};

Result<std::unique_ptr<HttpClient>> HttpClient::create(Options options) {
  if (options.loops == 0) options.loops = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 4);
  std::unique_ptr<HttpClient> client(new HttpClient);
  const int share = std::max(1, options.connections_per_host / options.loops);
  for (int i = 0; i < options.loops; ++i) {
    TRY_ASSIGN(auto loop, Loop::create(options.kind));
    client->lanes_.push_back(std::make_unique<Lane>(std::move(loop), options, share));
  }
  client->user_agent_ = options.user_agent;
  client->proxies_ = std::move(options.proxies);
  client->tls_ = std::move(options.tls);
  client->ca_bundle_ = std::move(options.ca_bundle);
  client->ca_pem_ = std::move(options.ca_pem);
  client->tls_name_ = std::move(options.tls_name);
  return client;
}

HttpClient::~HttpClient() = default;

std::string_view HttpClient::engine() const { return lanes_[0]->kind() == LoopKind::kUring ? "io_uring" : "epoll"; }

// Reading the system's certificates takes 20 ms, which a job over plain HTTP should not spend.
Result<std::shared_ptr<TlsContext>> HttpClient::trusted() {
  const MutexLock lock(mutex_);
  if (!tls_) {
    TRY_ASSIGN(tls_,
               TlsContext::for_clients({.ca_bundle = ca_bundle_, .ca_pem = ca_pem_, .verify = true, .certificate_pem = {}, .key_pem = {}}));
  }
  return tls_;
}

void HttpClient::start(HttpRequest request, HttpDone done) {
  auto exchange = std::make_shared<Exchange>();
  exchange->request = std::move(request);
  exchange->done = std::move(done);
  auto proxy = proxies_.proxy_for(exchange->request.url);
  if (!proxy.ok()) return exchange->done(proxy.error());
  exchange->proxy = std::move(proxy).value();
  exchange->tls_name = tls_name_;
  const bool under_tls = exchange->request.url.scheme == "https", proxy_under_tls = exchange->proxy && exchange->proxy->tls;
  if (under_tls || proxy_under_tls) {
    auto tls = trusted();
    if (!tls.ok()) return exchange->done(tls.error());
    if (under_tls) exchange->tls = *tls;
    if (proxy_under_tls) exchange->proxy_tls = *tls;
  }
  auto head = head_of(*exchange, user_agent_);
  if (!head.ok()) return exchange->done(head.error());
  exchange->head = std::move(head).value();
  if (const int ahead = exchange->request.connections_ahead; ahead > 0)
    exchange->server_is_far = [this, ahead, key = key_of(exchange->request.url), to = end_of(*exchange)] {
      const int lanes = static_cast<int>(lanes_.size());
      for (const auto& lane : lanes_) lane->open_ahead(key, to, (ahead + lanes - 1) / lanes);
    };
  const auto less = [](const auto& a, const auto& b) { return a->load() < b->load(); };
  (*std::min_element(lanes_.begin(), lanes_.end(), less))->start(std::move(exchange));
}

void LazyHttpClient::start(HttpRequest request, HttpDone done) {
  HttpTransport* client = nullptr;
  std::optional<Error> failure;
  {
    const MutexLock lock(mutex_);
    if (!client_) {
      auto made = HttpClient::create(options_);
      if (made.ok()) client_ = std::move(made).value();
      else failure = made.error();
    }
    client = client_.get();
  }
  if (failure) done(*failure);
  else client->start(std::move(request), std::move(done));
}

}  // namespace isobar::net
