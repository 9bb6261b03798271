#pragma once

#include <openssl/ssl.h>

#include "net/stream.h"

namespace isobar::net {

struct TlsContext::Inside {
  SSL_CTX* context = nullptr;
  ~Inside() { SSL_CTX_free(context); }
};

/// TLS over another stream. OpenSSL works on memory alone: ciphertext is read into it and written out of it here.
class TlsStream final : public Stream, public std::enable_shared_from_this<TlsStream> {
 public:
  TlsStream(Loop& loop, std::shared_ptr<Stream> wire, std::shared_ptr<TlsContext> context);
  ~TlsStream() override;
  /// The name the certificate must carry.
  void handshake(const std::string& host, std::function<void(Status)> done);
  /// The server's end of one.
  void accept_handshake(std::function<void(Status)> done);
  void read(std::span<char> into, IoDone done) override;
  void write(std::vector<std::string_view> pieces, std::function<void(Status)> done) override;
  void shut_down() override { wire_->shut_down(); }

 private:
  void go_on_handshake(std::function<void(Status)> done);
  void fill(std::function<void(Status)> done);
  void flush(std::function<void(Status)> done);
  void encrypt_next(std::vector<std::string_view> pieces, std::function<void(Status)> done);
  Error failure(std::string_view doing) const;

  Loop& loop_;
  std::shared_ptr<Stream> wire_;
  std::shared_ptr<TlsContext> context_;
  SSL* ssl_ = nullptr;
  BIO *in_ = nullptr, *out_ = nullptr;  // owned by ssl_
  std::string cipher_in_, cipher_out_;
  bool ended_ = false;
  bool writing_ = false;                              // bytes of out_ are on their way
  std::vector<std::function<void(Status)>> flushes_;  // those who wait for the write under way to end
};

}  // namespace isobar::net
