// Loops, listeners and connections: who accepts, who serves whom, and how it ends.

#include "features/server.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <thread>
#include <unordered_map>

#include "base/await.h"
#include "feast_api.h"
#include "grpc_api.h"
#include "http_session.h"
#include "net/listener.h"
#include "redis_session.h"

namespace isobar::features {

namespace {

constexpr Duration kTick = 250ms, kHandshake = 10s;

bool is_loopback(const std::string& address) {
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return address == "::1";
}

Status check_reach(const ServerOptions& options) {
  if (options.certificate_pem.empty() != options.key_pem.empty()) return invalid("TLS needs both a certificate and its key");
  if (options.grpc_port && (!is_loopback(options.address) || !options.certificate_pem.empty()))
    return invalid("gRPC is spoken without TLS, and on this machine alone: leave its port out, or address and certificate");
  if (is_loopback(options.address)) return {};
  if (options.token.empty() || options.certificate_pem.empty())
    return invalid(
        fmt::format("{} can be reached from other machines: that takes a certificate with its key, and a token", options.address));
  return {};
}

}  // namespace

/// A thread with its loop and the connections that fell to it.
struct Worker {
  std::unique_ptr<net::Loop> loop;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections;
  bool draining = false;
  std::thread thread;  // last: it uses the others
};

enum class Protocol { kHttp, kRedis, kGrpc };

struct Server::Inside {
  Inside(Engine& e, ServerOptions o, const Clock& c, Log& l)
      : engine(e), options(std::move(o)), clock(c), log(l), api(engine, options, clock, metrics, log), grpc_api(engine, options, metrics) {}
  ~Inside() { stop(); }

  Status start() {
    TRY(check_reach(options));
    if (!options.certificate_pem.empty()) {
      TRY_ASSIGN(tls, net::TlsContext::for_servers(options.certificate_pem, options.key_pem));
    }
    if (options.redis_port) {
      TRY_ASSIGN(plain, open_plain_keys(engine.store(), clock));
      commands = std::make_unique<RedisCommands>(engine, *plain, options, clock, metrics);
    }
    const std::size_t threads = options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < threads; ++i) {
      Worker& worker = *workers.emplace_back(std::make_unique<Worker>());
      TRY_ASSIGN(worker.loop, net::Loop::create());
    }
    for (auto& worker : workers) {
      worker->loop->post([this, &one = *worker] { tick(one); });
      worker->thread = std::thread([&loop = *worker->loop] { loop.run(); });
    }
    TRY_ASSIGN(http, listen(Protocol::kHttp, options.http_port));
    if (options.redis_port) {
      TRY_ASSIGN(redis, listen(Protocol::kRedis, *options.redis_port));
      options.redis_port = redis->port();
    }
    if (options.grpc_port) {
      TRY_ASSIGN(grpc, listen(Protocol::kGrpc, *options.grpc_port));
    }
    return {};
  }

  /// On the first loop, whose thread the listener belongs to.
  Result<std::unique_ptr<net::Listener>> listen(Protocol protocol, std::uint16_t port) {
    net::Loop& loop = *workers.front()->loop;
    return await_outcome<std::unique_ptr<net::Listener>>([&](auto done) {
      loop.post([this, &loop, protocol, port, done] {
        done(net::Listener::open(loop, options.address, port, [this, protocol](Fd socket) { accept(protocol, std::move(socket)); }));
      });
    });
  }

  void accept(Protocol protocol, Fd socket) {
    if (metrics.connections.fetch_add(1) >= options.config.connections_most.value) {
      metrics.connections.fetch_sub(1);
      metrics.connections_refused.fetch_add(1);
      workers.front()->loop->forget(socket.get());
      return;
    }
    Worker& worker = *workers[next_worker++ % workers.size()];
    auto owned = std::make_shared<Fd>(std::move(socket));
    worker.loop->post([this, &worker, protocol, owned] { serve(worker, protocol, std::move(*owned)); });
  }

  void serve(Worker& worker, Protocol protocol, Fd socket) {
    net::Loop& loop = *worker.loop;
    const auto connection = std::make_shared<Connection>(loop, limits(protocol), [this, &worker](Connection& ended) {
      metrics.connections.fetch_sub(1);
      worker.connections.erase(&ended);
      if (worker.draining && worker.connections.empty()) worker.loop->stop();
    });
    worker.connections[connection.get()] = connection;
    auto wire = net::make_tcp_stream(loop, std::move(socket));
    if (worker.draining) {
      connection->shut_down();
    } else if (!tls) {
      connection->start(std::move(wire), session(connection, protocol));
    } else {
      net::accept_tls(loop, std::move(wire), tls, kHandshake, [this, connection, protocol](Result<std::shared_ptr<net::Stream>> stream) {
        if (stream.ok()) connection->start(std::move(*stream), session(connection, protocol));
        else connection->shut_down();
      });
    }
  }

  ConnectionLimits limits(Protocol protocol) const {
    const auto whole = static_cast<std::size_t>(options.config.request_bytes.value.value);
    return {.untaken_most = protocol == Protocol::kHttp ? 4 * HttpReader::kHeaderMost : whole + RespReader::kInlineMost,
            .request_most = options.config.request_most.value,
            .idle_most = options.config.idle_most.value};
  }

  std::unique_ptr<Session> session(const std::shared_ptr<Connection>& connection, Protocol protocol) {
    const auto most = static_cast<std::size_t>(options.config.request_bytes.value.value);
    if (protocol == Protocol::kRedis) return std::make_unique<RedisSession>(connection, connection->loop(), *commands, most);
    if (protocol == Protocol::kGrpc) return std::make_unique<GrpcSession>(connection, connection->loop(), grpc_handler, most);
    return std::make_unique<HttpSession>(connection, connection->loop(), handler, most);
  }

  void tick(Worker& worker) {
    worker.loop->after(kTick, [this, &worker] {
      std::vector<std::shared_ptr<Connection>> all;
      for (const auto& [key, connection] : worker.connections) all.push_back(connection);
      for (const auto& connection : all) connection->check_idle();
      if (plain && &worker == workers.front().get()) plain->forget_expired();
      tick(worker);
    });
  }

  void stop() {
    for (auto& worker : workers)
      if (worker->thread.joinable()) worker->loop->post([this, &one = *worker] { drain(one); });
    for (auto& worker : workers)
      if (worker->thread.joinable()) worker->thread.join();
    // Whoever is to be told by others is told, though nobody listens any more.
    api.wait();
    grpc_api.wait();
    commands.reset();
    plain.reset();
  }

  void drain(Worker& worker) {
    worker.draining = true;
    if (&worker == workers.front().get()) {
      http.reset();
      redis.reset();
      grpc.reset();
    }
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [key, connection] : worker.connections) all.push_back(connection);
    for (const auto& connection : all) connection->drain();
    if (worker.connections.empty()) worker.loop->stop();
    worker.loop->after(options.config.drain_most.value, [&worker] { worker.loop->stop(); });
  }

  Engine& engine;
  ServerOptions options;
  const Clock& clock;
  Log& log;
  ServingMetrics metrics;
  FeastApi api;
  GrpcApi grpc_api;
  const GrpcHandler grpc_handler = [this](const GrpcCall& call, GrpcDone done) { grpc_api.handle(call, std::move(done)); };
  const HttpHandler handler = [this](HttpRequest request, HttpDone done) { api.handle(std::move(request), std::move(done)); };
  std::shared_ptr<net::TlsContext> tls;
  std::unique_ptr<PlainKeys> plain;
  std::unique_ptr<RedisCommands> commands;
  std::vector<std::unique_ptr<Worker>> workers;
  std::size_t next_worker = 0;
  std::unique_ptr<net::Listener> http, redis, grpc;
};

Server::Server(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(Engine& engine, ServerOptions options, const Clock& clock, Log& log) {
  auto inside = std::make_unique<Inside>(engine, std::move(options), clock, log);
  TRY(inside->start());
  return std::unique_ptr<Server>(new Server(std::move(inside)));
}

std::uint16_t Server::http_port() const { return inside_->http->port(); }
std::optional<std::uint16_t> Server::redis_port() const { return inside_->redis ? std::optional(inside_->redis->port()) : std::nullopt; }

std::optional<std::uint16_t> Server::grpc_port() const { return inside_->grpc ? std::optional(inside_->grpc->port()) : std::nullopt; }

}  // namespace isobar::features
