#pragma once

// The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding.

#include <string>
#include <string_view>

#include "db/scram.h"

namespace isobar::db {

class ScramExchange {
 public:
  ScramExchange(ScramVerifier verifier, std::string user) : verifier_(std::move(verifier)), user_(std::move(user)) {}
  /// To client-first-message: server-first-message. Errors   08P01
  SqlResult<std::string> first(std::string_view message);
  /// To client-final-message: server-final-message, and he is who he says. Errors   28P01, 08P01
  SqlResult<std::string> last(std::string_view message);

 private:
  ScramVerifier verifier_;
  std::string user_, header_, client_first_, server_first_, nonce_;
};

}  // namespace isobar::db
