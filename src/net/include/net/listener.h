#pragma once

/// Connections that others make to us.

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/loop.h"

namespace isobar::net {

/// Belongs to its loop's thread. Its end stops it listening; connections that were handed over live on.
class Listener {
 public:
  /// address   of this machine, numeric: "127.0.0.1", "0.0.0.0", "::"
  /// port      0: one that is free
  /// accepted  gets each new connection
  /// Errors    kInvalidArgument: no such address here; kAlreadyExists: the port is taken
  static Result<std::unique_ptr<Listener>> open(Loop& loop, const std::string& address, std::uint16_t port,
                                                std::function<void(Fd)> accepted);
  ~Listener();
  std::uint16_t port() const { return port_; }

 private:
  struct Inside;
  Listener() = default;
  std::shared_ptr<Inside> inside_;
  std::uint16_t port_ = 0;
};

/// A numeric address and a port, for connect.  Errors   kInvalidArgument
Result<Address> make_address(const std::string& host, std::uint16_t port);

}  // namespace isobar::net
