#include "broker/secure_relay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "broker/agent_channel.h"

namespace isobar::broker {

namespace {

constexpr std::size_t kBufferBytes = 64 << 10;
constexpr int kConnectionsMax = 256;            // of strangers as well: beyond it, nobody new is heard
constexpr int kHandshakeMilliseconds = 10'000;  // for the whole of it
constexpr std::string_view kIdentity = "isobar";

struct ContextFreer {
  void operator()(SSL_CTX* it) const { SSL_CTX_free(it); }
};
struct SessionFreer {
  void operator()(SSL* it) const { SSL_free(it); }
};
using TlsContext = std::unique_ptr<SSL_CTX, ContextFreer>;
using TlsSession = std::unique_ptr<SSL, SessionFreer>;

void init_tls() {
  // Relays may still run when the process ends; what they use must not be taken away under them.
  static const int done = OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  (void)done;
}

/// The key as a session that was agreed on beforehand.
SSL_SESSION* session_of(SSL* tls, const std::string& key) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  EVP_Digest(key.data(), key.size(), hash.data(), &size, EVP_sha256(), nullptr);
  constexpr std::array<unsigned char, 2> kAes128GcmSha256 = {0x13, 0x01};
  SSL_SESSION* session = SSL_SESSION_new();
  const bool made = session && SSL_SESSION_set1_master_key(session, hash.data(), size) &&
                    SSL_SESSION_set_cipher(session, SSL_CIPHER_find(tls, kAes128GcmSha256.data())) &&
                    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION);
  if (made) return session;
  SSL_SESSION_free(session);
  return nullptr;
}

const std::string& key_of(SSL* tls) { return *static_cast<const std::string*>(SSL_get_app_data(tls)); }

int use_key(SSL* tls, const EVP_MD*, const unsigned char** id, std::size_t* id_size, SSL_SESSION** session) {
  *session = session_of(tls, key_of(tls));
  *id = reinterpret_cast<const unsigned char*>(kIdentity.data());
  *id_size = kIdentity.size();
  return *session != nullptr;
}

int find_key(SSL* tls, const unsigned char* id, std::size_t id_size, SSL_SESSION** session) {
  const bool ours = std::string_view(reinterpret_cast<const char*>(id), id_size) == kIdentity;
  *session = ours ? session_of(tls, key_of(tls)) : nullptr;
  return 1;
}

enum class Side { kClient, kServer };

TlsContext make_context(Side side) {
  init_tls();
  TlsContext context(SSL_CTX_new(side == Side::kClient ? TLS_client_method() : TLS_server_method()));
  CHECK(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Without the key there is no certificate to fall back on: the server has none, the client takes none.
  SSL_CTX_set_verify(context.get(), side == Side::kClient ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (side == Side::kClient) SSL_CTX_set_psk_use_session_callback(context.get(), use_key);
  else SSL_CTX_set_psk_find_session_callback(context.get(), find_key);
  return context;
}

// ---- one end of a relay ------------------------------------------------------------------------------------------------

/// Bytes in and out of something that does not block. -1: not now; 0: it is over.
class Wire {
 public:
  virtual ~Wire() = default;
  virtual ssize_t read(char* into, std::size_t size) = 0;
  virtual ssize_t write(const char* from, std::size_t size) = 0;
  virtual int in() const = 0;
  virtual int out() const { return in(); }
  virtual void end_writing() = 0;
};

class PlainWire final : public Wire {
 public:
  PlainWire(int in, int out) : in_(in), out_(out) {}
  ssize_t read(char* into, std::size_t size) override { return settle(::read(in_, into, size)); }
  ssize_t write(const char* from, std::size_t size) override {
    const ssize_t done = ::send(out_, from, size, MSG_NOSIGNAL);
    return settle(done < 0 && errno == ENOTSOCK ? ::write(out_, from, size) : done);
  }
  int in() const override { return in_; }
  int out() const override { return out_; }
  void end_writing() override { ::shutdown(out_, SHUT_WR); }

 private:
  static ssize_t settle(ssize_t done) { return done >= 0 ? done : errno == EAGAIN || errno == EINTR ? -1 : 0; }
  int in_, out_;
};

class TlsWire final : public Wire {
 public:
  TlsWire(SSL* tls, int fd) : tls_(tls), fd_(fd) {}
  ssize_t read(char* into, std::size_t size) override { return settle(SSL_read(tls_, into, static_cast<int>(size))); }
  ssize_t write(const char* from, std::size_t size) override { return settle(SSL_write(tls_, from, static_cast<int>(size))); }
  int in() const override { return fd_; }
  void end_writing() override { SSL_shutdown(tls_); }

 private:
  ssize_t settle(int done) {
    if (done > 0) return done;
    const int why = SSL_get_error(tls_, done);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? -1 : 0;
  }
  SSL* tls_;
  int fd_;
};

/// What goes one way: read from one wire, waiting for the other.
struct Flow {
  Wire& from;
  Wire& to;
  std::array<char, kBufferBytes> buffer;
  std::size_t first = 0, end = 0;
  bool over = false;  // nothing more comes

  bool holds() const { return first < end; }
  /// Moves what can be moved; whether anything was.
  bool move(bool& broken) {
    bool moved = false;
    if (!holds() && !over) {
      const ssize_t got = from.read(buffer.data(), buffer.size());
      if (got == 0) {
        over = true;
        to.end_writing();
      }
      first = 0;
      end = got > 0 ? static_cast<std::size_t>(got) : 0;
      moved = got >= 0;
    }
    if (holds()) {
      const ssize_t put = to.write(buffer.data() + first, end - first);
      if (put == 0) broken = true;
      if (put > 0) first += static_cast<std::size_t>(put);
      moved = moved || put > 0;
    }
    return moved;
  }
};

/// Until either end is over and what it had sent has arrived, or an end breaks.
void relay(Wire& a, Wire& b, int stop) {
  const auto there = std::make_unique<Flow>(Flow{a, b, {}}), back = std::make_unique<Flow>(Flow{b, a, {}});
  bool broken = false;
  while (!broken) {
    const bool moved_there = there->move(broken);
    const bool moved = back->move(broken) || moved_there;
    // A conversation is over when one end has said all it will and both have got what was under way.
    if ((there->over || back->over) && !there->holds() && !back->holds()) return;
    if (moved || broken) continue;
    std::array<pollfd, 5> fds{{{there->holds() || there->over ? -1 : a.in(), POLLIN, 0},
                               {there->holds() ? b.out() : -1, POLLOUT, 0},
                               {back->holds() || back->over ? -1 : b.in(), POLLIN, 0},
                               {back->holds() ? a.out() : -1, POLLOUT, 0},
                               {stop, POLLIN, 0}}};
    while (::poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {}
    if (fds[4].revents != 0) return;
  }
}

void set_blocking(int fd, bool blocking) {
  const int flags = ::fcntl(fd, F_GETFL);
  ::fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

/// A peer whose machine vanished is noticed in half a minute, also when nothing is said.
void watch_peer(int fd) {
  const int on = 1, idle = 10, interval = 5, count = 3, unsent = 25'000;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unsent, sizeof(unsent));
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/// Agrees on keys within a bounded time; none when the peer does not know the secret.
TlsSession shake_hands(SSL_CTX* context, int fd, const std::string& key, Side side) {
  TlsSession tls(SSL_new(context));
  if (!tls || SSL_set_fd(tls.get(), fd) != 1) return nullptr;
  SSL_set_app_data(tls.get(), const_cast<std::string*>(&key));
  set_blocking(fd, false);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kHandshakeMilliseconds);
  for (;;) {
    const int done = side == Side::kClient ? SSL_connect(tls.get()) : SSL_accept(tls.get());
    if (done == 1) return tls;
    const int why = SSL_get_error(tls.get(), done);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return nullptr;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    pollfd wanted{fd, static_cast<short>(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
    if (left <= 0 || ::poll(&wanted, 1, static_cast<int>(left)) == 0) return nullptr;
  }
}

Fd connect_tcp(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return {};
  Fd connected;
  for (const addrinfo* each = found; each && !connected; each = each->ai_next) {
    Fd fd(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{kHandshakeMilliseconds / 1000, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (fd && ::connect(fd.get(), each->ai_addr, each->ai_addrlen) == 0) connected = std::move(fd);
  }
  ::freeaddrinfo(found);
  return connected;
}

void run_client(const std::string& host, std::uint16_t port, const std::string& key, const Fd& own, int stop) {
  const Fd fd = connect_tcp(host, port);
  if (!fd) return;
  watch_peer(fd.get());
  const auto context = make_context(Side::kClient);
  const auto tls = shake_hands(context.get(), fd.get(), key, Side::kClient);
  if (!tls) return;
  set_blocking(own.get(), false);
  PlainWire near(own.get(), own.get());
  TlsWire far(tls.get(), fd.get());
  relay(near, far, stop);
}

}  // namespace

// ---- the server --------------------------------------------------------------------------------------------------------

struct RelayServer::Acceptor {
  Fd listener, stop;
  std::string key, local;
  TlsContext context;
  std::atomic<int> open{0};
  std::thread thread;

  void run() {
    for (;;) {
      std::array<pollfd, 2> fds{{{listener.get(), POLLIN, 0}, {stop.get(), POLLIN, 0}}};
      while (::poll(fds.data(), fds.size(), -1) < 0 && errno == EINTR) {}
      if (fds[1].revents != 0) break;
      Fd peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));  // out of descriptors, most likely
        continue;
      }
      if (open >= kConnectionsMax) continue;
      ++open;
      std::thread([this, peer = std::move(peer)] {
        serve(peer);
        --open;
      }).detach();
    }
    while (open > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  void serve(const Fd& peer) {
    watch_peer(peer.get());
    const auto tls = shake_hands(context.get(), peer.get(), key, Side::kServer);
    if (!tls) return;
    const auto agent = dial(local);
    if (!agent.ok()) return;
    PlainWire near(agent->get(), agent->get());
    TlsWire far(tls.get(), peer.get());
    relay(far, near, stop.get());
  }
};

Result<std::unique_ptr<RelayServer>> RelayServer::start(std::uint16_t port, const std::string& key, const std::string& local) {
  if (key.empty()) return invalid("a relay needs a key");
  auto server = std::unique_ptr<RelayServer>(new RelayServer());
  server->acceptor_ = std::make_unique<Acceptor>();
  auto& acceptor = *server->acceptor_;
  acceptor.key = key;
  acceptor.local = local;
  acceptor.context = make_context(Side::kServer);
  acceptor.stop.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  acceptor.listener.reset(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address6{};
  address6.sin6_family = AF_INET6;
  address6.sin6_port = htons(port);
  const int on = 1, off = 0;
  if (acceptor.listener) ::setsockopt(acceptor.listener.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  auto* address = reinterpret_cast<sockaddr*>(&address6);
  socklen_t size = sizeof(address6);
  sockaddr_in address4{};
  if (!acceptor.listener) {  // a machine without IPv6
    acceptor.listener.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    address4.sin_family = AF_INET;
    address4.sin_port = htons(port);
    address = reinterpret_cast<sockaddr*>(&address4);
    size = sizeof(address4);
  }
  ::setsockopt(acceptor.listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(acceptor.listener.get(), address, size) != 0 || ::listen(acceptor.listener.get(), 64) != 0)
    return errno == EADDRINUSE ? Error(Code::kAlreadyExists, fmt::format("port {} is taken", port)) : errno_error("listen for peers");
  ::getsockname(acceptor.listener.get(), address, &size);
  server->port_ = ntohs(address->sa_family == AF_INET6 ? address6.sin6_port : address4.sin_port);
  acceptor.thread = std::thread([&acceptor] { acceptor.run(); });
  return server;
}

RelayServer::~RelayServer() {
  if (!acceptor_ || !acceptor_->thread.joinable()) return;
  ::eventfd_write(acceptor_->stop.get(), 1);
  acceptor_->thread.join();
}

// ---- clients -----------------------------------------------------------------------------------------------------------

Result<Fd> dial_relay(const std::string& host, std::uint16_t port, const std::string& key) {
  if (key.empty()) return invalid("a relay is dialled with a key");
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) return errno_error("dial a relay");
  Fd mine(ends[0]), theirs(ends[1]);
  std::thread([host, port, key, own = std::move(theirs)] { run_client(host, port, key, own, -1); }).detach();
  return mine;
}

Status bridge(int in, int out, const std::string& address, const std::string& key) {
  TRY_ASSIGN(const auto agent, dial(address, key));
  set_blocking(in, false);
  set_blocking(out, false);
  PlainWire near(in, out), far(agent.get(), agent.get());
  relay(near, far, -1);
  return {};
}

}  // namespace isobar::broker
