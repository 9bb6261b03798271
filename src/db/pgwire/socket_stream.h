#pragma once

// A socket whose calls block, in the clear and then under TLS.

#include <openssl/ssl.h>

#include <memory>

#include "base/file.h"
#include "byte_stream.h"

namespace isobar::db {

class SocketStream : public ByteStream {
 public:
  /// tls  none: it is not offered; outlives it
  SocketStream(int socket, SSL_CTX* tls) : socket_(socket), tls_(tls), ssl_(nullptr, SSL_free) {}
  Result<std::size_t> read(char* into, std::size_t most) override;
  Status write(std::string_view bytes) override;
  bool can_encrypt() const override { return tls_ != nullptr; }
  Status encrypt() override;
  void set_patience(int seconds) override;

 private:
  int socket_;
  SSL_CTX* tls_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
};

}  // namespace isobar::db
