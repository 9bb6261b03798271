#pragma once

// CONNECT (RFC 9110 §9.3.6): a proxy is asked for a connection to somebody else, and passes bytes on from then on.

#include "net/proxy.h"
#include "net/stream.h"

namespace isobar::net {

// stream   to the proxy; it leads to host:port when done
void open_tunnel(const std::shared_ptr<Stream>& stream, const Proxy& proxy, const std::string& host, std::uint16_t port,
                 std::function<void(Status)> done);

// What a proxy's own refusal means for the caller.
Error refused_by_proxy(int status, const Proxy& proxy);

}  // namespace isobar::net
