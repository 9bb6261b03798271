#pragma once

/// A connection that carries bytes both ways, in the clear or under TLS. Belongs to one loop's thread.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/loop.h"
#include "net/proxy.h"

namespace isobar::net {

class Stream {
 public:
  virtual ~Stream() = default;
  /// One read at a time. Done with at least one byte, or 0 at the peer's orderly end.
  virtual void read(std::span<char> into, IoDone done) = 0;
  /// One write at a time; done when all pieces, of which there are at most three, are with the kernel.
  virtual void write(std::vector<std::string_view> pieces, std::function<void(Status)> done) = 0;
  /// Ends calls that wait, with kUnavailable. The last owner closes the descriptor.
  virtual void shut_down() = 0;
};

/// Which certificates are trusted, and for gateways which one is shown. Safe from any thread once made.
class TlsContext {
 public:
  struct Options {
    fs::path ca_bundle;                    ///< empty: the system's certificates
    std::string ca_pem;                    ///< the bundle itself, from another machine; `ca_bundle` is then only what errors call it
    bool verify = true;                    ///< false only for tests against servers without a real certificate
    std::string certificate_pem, key_pem;  ///< to show the peer; empty: none
  };
  /// Errors   kInvalidArgument: a file or PEM that cannot be read, with its name
  static Result<std::shared_ptr<TlsContext>> for_clients(const Options& options);
  /// Shows a certificate, which may be followed by those that vouch for it; clients need not show any.
  /// Errors   kInvalidArgument: the two are no PEM, or do not belong together
  static Result<std::shared_ptr<TlsContext>> for_servers(const std::string& certificate_pem, const std::string& key_pem);
  ~TlsContext();

 private:
  friend class TlsStream;
  struct Inside;
  explicit TlsContext(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

using ConnectDone = std::function<void(Result<std::shared_ptr<Stream>>)>;

struct ConnectTo {
  std::string host;
  std::uint16_t port = 0;
  std::shared_ptr<TlsContext> tls;  ///< none: in the clear
  std::optional<Proxy> proxy;       ///< with TLS, a tunnel through it to `host`; without, a connection to the proxy itself
  std::shared_ptr<TlsContext> proxy_tls;
  std::string tls_name;  ///< what the certificate must carry in place of `host`; empty: `host`
};

/// Connects, trying each address of the name in turn; under TLS when `tls` is given, which also checks the name.
/// Errors   kUnavailable: the name is unknown or nobody answers; kDeadlineExceeded; kPermissionDenied: the certificate, or the proxy
///          does not let us through. The message names the proxy where it is the proxy's
void connect_stream(Loop& loop, ConnectTo to, Duration patience, ConnectDone done);

/// The server's end of TLS over a connection that was accepted.
/// Errors, told to `done`   kDeadlineExceeded; kUnavailable: the handshake failed, with OpenSSL's reason
void accept_tls(Loop& loop, std::shared_ptr<Stream> wire, std::shared_ptr<TlsContext> context, Duration patience, ConnectDone done);

/// A stream over a socket that is connected already. Takes the descriptor.
std::shared_ptr<Stream> make_tcp_stream(Loop& loop, Fd socket);

}  // namespace isobar::net
