#pragma once

/// A WebSocket (RFC 6455) from the client's end: messages of bytes both ways over one connection, which began as an HTTP request.
/// Binary messages alone; pings are answered. Belongs to one loop's thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "net/loop.h"
#include "net/proxy.h"
#include "net/stream.h"

namespace isobar::net {

struct WebSocketRequest {
  Url url;                             ///< http or https
  Headers headers;                     ///< beside those of the handshake itself
  std::vector<std::string> protocols;  ///< which the server chooses one of; the best first
  std::shared_ptr<TlsContext> tls;     ///< for https
  std::string tls_name;                ///< what the certificate must carry in place of the host; empty: that
  std::optional<Proxy> proxy;          ///< none: directly
  std::shared_ptr<TlsContext> proxy_tls;
};

class WebSocket {
 public:
  /// Far more than Kubernetes ever sends at once.
  static constexpr std::size_t kMessageBytesMax = 16 << 20;

  virtual ~WebSocket() = default;
  /// The one that the server chose; empty: none.
  virtual const std::string& protocol() const = 0;

  /// One read at a time. Done with the next message, or none at the peer's orderly end.
  /// Errors   kUnavailable: the connection broke, or nothing was heard for `silence_max` though it was asked for; kDataLoss: not a
  ///          WebSocket's frames
  virtual void read(std::function<void(Result<std::optional<std::string>>)> done) = 0;
  /// One write at a time; done when the message is with the kernel.
  virtual void write(std::string_view message, std::function<void(Status)> done) = 0;
  /// Ends calls that wait, with kUnavailable.
  virtual void shut_down() = 0;
};

struct WebSocketOpening {
  std::shared_ptr<WebSocket> socket;  ///< none: the server answered something else …
  HttpResponse refusal;               ///< … namely this
};

/// patience      for all of the handshake
/// silence_max   a peer of whom nothing is heard so long is taken for gone; it is pinged three times in that time
/// Errors   as connect_stream; kDataLoss: no HTTP, or not the answer to this handshake
void open_websocket(Loop& loop, WebSocketRequest request, Duration patience, Duration silence_max,
                    std::function<void(Result<WebSocketOpening>)> done);

}  // namespace isobar::net
