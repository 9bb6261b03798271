#pragma once

// What a connection reads from and writes to: a socket, in the clear or under TLS; in tests, bytes.

#include <string_view>

#include "base/result.h"

namespace isobar::db {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// At least one byte, or 0 at the peer's end. Errors   the connection is gone, or was silent for too long
  virtual Result<std::size_t> read(char* into, std::size_t most) = 0;
  virtual Status write(std::string_view bytes) = 0;
  virtual bool can_encrypt() const = 0;
  /// From here on under TLS.
  virtual Status encrypt() = 0;
  /// How long a read may take; zero: for ever.
  virtual void set_patience(int seconds) = 0;
};

}  // namespace isobar::db
