#pragma once

/// Two machines that were told of one another agree on keys, over a connection that they then use in their own way. TLS 1.3 does
/// the work: both show a certificate, each compares the other's with the fingerprint that it was given (no authority is asked), and
/// the keys come out of the session (RFC 8446 §7.5). No TLS record follows the handshake, so that relays can splice what does.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/loop.h"

namespace isobar::net {

/// A certificate that signs itself, and its key. Whoever knows the fingerprint knows the bearer.
struct Identity {
  std::string certificate_pem, key_pem;
  std::string fingerprint;  ///< SHA-256 of the certificate, 32 raw bytes
};
/// Ed25519, valid from yesterday on. life  whole seconds of it
Identity make_identity(const std::string& name, Duration life = std::chrono::hours(30 * 24));

/// Who we are, and whom we know: fingerprint → name.
class Acquaintances {
 public:
  /// Errors   kInvalidArgument: the certificate and the key are none, or do not belong together
  static Result<std::shared_ptr<Acquaintances>> make(const Identity& self, std::map<std::string, std::string> known);
  ~Acquaintances();

 private:
  friend class KeyExchange;
  struct Inside;
  explicit Acquaintances(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

struct AgreedKeys {
  std::string peer;                   ///< its name, as known
  std::string send_key, receive_key;  ///< 32 bytes each; ours to send is the peer's to receive
  std::string early;                  ///< what the peer has sent already after its handshake
};
using KeysDone = std::function<void(Result<AgreedKeys>)>;

/// On the loop's thread. The socket stays the caller's, who must keep it until done.
/// expected  the name of whom we called; empty: we were called, and anybody known may have done so
/// Errors    kPermissionDenied: who answers is not known, or another than expected; kUnavailable: the connection broke;
///           kDeadlineExceeded
void exchange_keys(Loop& loop, std::shared_ptr<Fd> socket, std::shared_ptr<Acquaintances> acquaintances, std::string expected,
                   Duration patience, KeysDone done);

}  // namespace isobar::net
