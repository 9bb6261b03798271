#pragma once

/// Agents of one cluster reach one another over networks that others use, too. The conversation itself stays what it is on a local
/// socket; a relay carries it through TLS 1.3 in which both ends prove that they know one secret, and nothing else lets anyone in
/// (an external pre-shared key with ephemeral Diffie-Hellman, RFC 8446 §2.2: no certificates to make, renew or trust).
///
/// Each connection has a thread that copies both ways, so neither the agent's loop nor its clients know of TLS.

#include <cstdint>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace isobar::broker {

/// Accepts connections until it is destroyed; each that knows the key is connected to a local socket.
class RelayServer {
 public:
  /// port     0: any that is free
  /// key      the secret; long and random, for it is all that stands between a stranger and the agent
  /// local    "unix:/path": where the conversation goes on
  /// Errors   kAlreadyExists: the port is taken; kInvalidArgument: an empty key
  static Result<std::unique_ptr<RelayServer>> start(std::uint16_t port, const std::string& key, const std::string& local);
  ~RelayServer();
  std::uint16_t port() const { return port_; }

 private:
  struct Acceptor;
  RelayServer() = default;
  std::uint16_t port_ = 0;
  std::unique_ptr<Acceptor> acceptor_;
};

/// A non-blocking socket that is one end of a conversation with the relay server at host:port; returns at once. When there is no
/// way, or the key is another one, it is simply closed.
/// host     a name or an address
Result<Fd> dial_relay(const std::string& host, std::uint16_t port, const std::string& key);

/// Copies between a process's standard streams and the agent at `address` until either ends: the far end of a conversation that is
/// held through somebody's shell.
/// Errors   kUnavailable: nobody answers there
Status bridge(int in, int out, const std::string& address, const std::string& key);

}  // namespace isobar::broker
