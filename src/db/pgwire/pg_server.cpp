#include "db/pg_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <list>
#include <map>
#include <mutex>
#include <thread>

#include "socket_stream.h"
#include "wire.h"

namespace isobar::db {

namespace {

using TlsPtr = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

Result<TlsPtr> make_tls(const std::string& certificate_pem, const std::string& key_pem) {
  TlsPtr tls(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(tls.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(tls.get(), SSL_MODE_AUTO_RETRY);
  const std::unique_ptr<BIO, decltype(&BIO_free)> certificate(
      BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())), BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> key(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())), BIO_free);
  const std::unique_ptr<X509, decltype(&X509_free)> x509(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr), X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pkey(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr),
                                                                 EVP_PKEY_free);
  if (!x509 || SSL_CTX_use_certificate(tls.get(), x509.get()) != 1) return invalid("the certificate for clients is not PEM");
  while (X509* more = PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr)) SSL_CTX_add_extra_chain_cert(tls.get(), more);
  if (!pkey || SSL_CTX_use_PrivateKey(tls.get(), pkey.get()) != 1 || SSL_CTX_check_private_key(tls.get()) != 1)
    return invalid("the key for clients is not PEM, or does not belong to the certificate");
  return tls;
}

Result<Fd> listen_tcp(const std::string& host, std::uint16_t port, std::uint16_t& bound) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    return invalid(fmt::format("'{}' is no address to listen on", host));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  Fd socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0) {
    if (errno == EADDRINUSE)
      return Error(Code::kAlreadyExists, fmt::format("port {} of {} is taken; choose another with --port", port, host));
    return errno_error(fmt::format("listen on {}:{}", host, port));
  }
  if (::listen(socket.get(), 256) != 0) return errno_error("listen");
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
  bound = ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&name)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&name)->sin_port);
  return socket;
}

Result<Fd> listen_unix(const fs::path& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.string().size() >= sizeof name.sun_path) return invalid(fmt::format("'{}' is too long for a socket", path.string()));
  path.string().copy(name.sun_path, sizeof name.sun_path - 1);
  ::unlink(path.c_str());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0)
    return errno_error(fmt::format("listen on {}", path.string()));
  if (::listen(socket.get(), 256) != 0) return errno_error("listen");
  return socket;
}

std::string address_of(const sockaddr_storage& name) {
  char text[INET6_ADDRSTRLEN] = "local";
  if (name.ss_family == AF_INET) ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(name).sin_addr, text, sizeof text);
  if (name.ss_family == AF_INET6) ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(name).sin6_addr, text, sizeof text);
  return text;
}

}  // namespace

class PgKeys : public CancelKeys {
 public:
  Key add(SqlSession& session) override {
    const std::scoped_lock lock(mutex_);
    Key key{++last_, 0};
    RAND_bytes(reinterpret_cast<unsigned char*>(&key.secret), sizeof key.secret);
    sessions_[key.process] = {key.secret, &session};
    return key;
  }
  void remove(const Key& key) override {
    const std::scoped_lock lock(mutex_);
    sessions_.erase(key.process);
  }
  void cancel(const Key& key) override {
    const std::scoped_lock lock(mutex_);
    const auto found = sessions_.find(key.process);
    if (found != sessions_.end() && found->second.first == key.secret) found->second.second->cancel();
  }
  void cancel_all() {
    const std::scoped_lock lock(mutex_);
    for (auto& [process, session] : sessions_) session.second->cancel();
  }

 private:
  std::mutex mutex_;
  std::map<std::int32_t, std::pair<std::int32_t, SqlSession*>> sessions_;  // guarded by mutex_
  std::int32_t last_ = 0;
};

struct PgServer::Inside {
  Inside(PgServerOptions o, SqlServer& s, Log& l) : options(std::move(o)), server(s), log(l), tls(nullptr, SSL_CTX_free) {}

  struct Client {
    Fd socket;
    std::thread thread;
    bool done = false;  // guarded by mutex
  };

  Status begin() {
    if (!options.certificate_pem.empty()) {
      TRY_ASSIGN(tls, make_tls(options.certificate_pem, options.key_pem));
    }
    TRY_ASSIGN(tcp, listen_tcp(options.host, options.port, port));
    if (!options.socket_folder.empty()) {
      socket_path = options.socket_folder / fmt::format(".s.PGSQL.{}", port);
      TRY_ASSIGN(local, listen_unix(socket_path));
    }
    stop = Fd(::eventfd(0, EFD_CLOEXEC));
    accepting = std::thread([this] { accept(); });
    return {};
  }

  void end() {
    const std::uint64_t one = 1;
    if (stop.get() >= 0) (void)!::write(stop.get(), &one, sizeof one);
    if (accepting.joinable()) accepting.join();
    keys.cancel_all();
    {
      const std::scoped_lock lock(mutex);
      for (auto& client : clients) ::shutdown(client.socket.get(), SHUT_RDWR);
    }
    for (auto& client : clients) client.thread.join();
    if (!socket_path.empty()) ::unlink(socket_path.c_str());
  }

  void accept() {
    pollfd waits[3] = {{stop.get(), POLLIN, 0}, {tcp.get(), POLLIN, 0}, {local.get(), POLLIN, 0}};
    const nfds_t count = local.get() >= 0 ? 3 : 2;
    while (::poll(waits, count, -1) >= 0 || errno == EINTR) {
      if (waits[0].revents != 0) return;
      for (nfds_t i = 1; i < count; ++i) {
        if ((waits[i].revents & POLLIN) == 0) continue;
        sockaddr_storage name{};
        socklen_t size = sizeof name;
        Fd socket(::accept4(waits[i].fd, reinterpret_cast<sockaddr*>(&name), &size, SOCK_CLOEXEC));
        if (socket.get() >= 0) admit(std::move(socket), address_of(name), name.ss_family == AF_UNIX);
        else if (errno == EMFILE || errno == ENFILE) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
      join_those_done();
    }
  }

  void join_those_done() {
    std::list<Client> done;
    {
      const std::scoped_lock lock(mutex);
      for (auto at = clients.begin(); at != clients.end();) {
        const auto next = std::next(at);
        if (at->done) done.splice(done.end(), clients, at);
        at = next;
      }
    }
    for (auto& client : done) client.thread.join();
  }

  void admit(Fd socket, const std::string& address, bool is_local) {
    join_those_done();
    const int one = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    const std::scoped_lock lock(mutex);
    if (clients.size() >= options.connections_most) {
      std::string refusal;
      append_error(refusal, {sql::state::kTooManyConnections, "sorry, too many clients already"}, "FATAL");
      (void)!::send(socket.get(), refusal.data(), refusal.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      return;
    }
    Client& client = clients.emplace_back();
    client.socket = std::move(socket);
    client.thread = std::thread([this, &client, address, is_local] {
      SocketStream stream(client.socket.get(), tls.get());
      ConnectionLimits limits = options.limits;
      limits.tls_required = options.tls_required && !is_local;
      serve_connection(stream, server, keys, address, limits);
      ::shutdown(client.socket.get(), SHUT_RDWR);
      const std::scoped_lock guard(mutex);
      client.done = true;
    });
  }

  PgServerOptions options;
  SqlServer& server;
  Log& log;
  TlsPtr tls;
  Fd tcp, local, stop;
  fs::path socket_path;
  std::uint16_t port = 0;
  PgKeys keys;
  std::mutex mutex;
  std::list<Client> clients;  // guarded by mutex, but for their threads
  std::thread accepting;
};

PgServer::PgServer(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
PgServer::~PgServer() { inside_->end(); }
std::uint16_t PgServer::port() const { return inside_->port; }

Result<std::unique_ptr<PgServer>> PgServer::start(PgServerOptions options, SqlServer& server, Log& log) {
  std::unique_ptr<PgServer> made(new PgServer(std::make_unique<Inside>(std::move(options), server, log)));
  TRY(made->inside_->begin());
  return made;
}

}  // namespace isobar::db
