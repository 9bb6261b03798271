#include "tls_stream.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace isobar::net {

namespace {

constexpr std::size_t kCipherBuffer = 64 << 10;
constexpr std::size_t kPlainPiece = 256 << 10;  // encrypted at once, so that a long body does not stand in memory twice

std::string openssl_reason() {
  const unsigned long code = ERR_get_error();
  char text[256] = "unknown";
  if (code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

Status use_certificate(SSL_CTX* context, const TlsContext::Options& options) {
  const std::unique_ptr<BIO, int (*)(BIO*)> certificate_text(
      BIO_new_mem_buf(options.certificate_pem.data(), static_cast<int>(options.certificate_pem.size())), BIO_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr), X509_free);
  const std::unique_ptr<BIO, int (*)(BIO*)> key_text(BIO_new_mem_buf(options.key_pem.data(), static_cast<int>(options.key_pem.size())),
                                                     BIO_free);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr),
                                                           EVP_PKEY_free);
  if (!certificate || !key || SSL_CTX_use_certificate(context, certificate.get()) != 1 || SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return invalid("the TLS certificate and its key cannot be used together: " + openssl_reason());
  return {};
}

// The server's own, and then those between it and a root.
Status use_chain(SSL_CTX* context, const std::string& pem) {
  const std::unique_ptr<BIO, int (*)(BIO*)> text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  const std::unique_ptr<X509, void (*)(X509*)> own(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr), X509_free);
  if (!own) return invalid("the TLS certificate is not in PEM: " + openssl_reason());
  while (X509* next = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)) SSL_CTX_add0_chain_cert(context, next);
  ERR_clear_error();  // the text's end
  return {};
}

Error unreadable_bundle(const TlsContext::Options& options) {
  return invalid(fmt::format("the CA bundle {} cannot be read: {}", options.ca_bundle.string(), openssl_reason()));
}

Status trust(SSL_CTX* context, const TlsContext::Options& options) {
  const std::unique_ptr<BIO, int (*)(BIO*)> text(BIO_new_mem_buf(options.ca_pem.data(), static_cast<int>(options.ca_pem.size())), BIO_free);
  int certificates = 0;
  for (; X509* one = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr); ++certificates) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one);
    X509_free(one);
  }
  if (certificates == 0) return unreadable_bundle(options);
  ERR_clear_error();  // the text's end
  return {};
}

}  // namespace

TlsContext::TlsContext(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::for_clients(const Options& options) {
  auto inside = std::make_unique<Inside>();
  inside->context = SSL_CTX_new(TLS_client_method());
  CHECK(inside->context != nullptr);
  SSL_CTX_set_min_proto_version(inside->context, TLS1_2_VERSION);
  SSL_CTX_set_mode(inside->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_verify(inside->context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!options.ca_pem.empty()) {
    TRY(trust(inside->context, options));
  } else if (options.ca_bundle.empty()) {
    SSL_CTX_set_default_verify_paths(inside->context);
  } else if (SSL_CTX_load_verify_locations(inside->context, options.ca_bundle.c_str(), nullptr) != 1) {
    return unreadable_bundle(options);
  }
  if (!options.certificate_pem.empty()) TRY(use_certificate(inside->context, options));
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(inside)));
}

Result<std::shared_ptr<TlsContext>> TlsContext::for_servers(const std::string& certificate_pem, const std::string& key_pem) {
  auto inside = std::make_unique<Inside>();
  inside->context = SSL_CTX_new(TLS_server_method());
  CHECK(inside->context != nullptr);
  SSL_CTX_set_min_proto_version(inside->context, TLS1_2_VERSION);
  SSL_CTX_set_mode(inside->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(inside->context, SSL_OP_NO_RENEGOTIATION);
  TRY(use_certificate(inside->context, {.certificate_pem = certificate_pem, .key_pem = key_pem}));
  TRY(use_chain(inside->context, certificate_pem));
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(inside)));
}

TlsStream::TlsStream(Loop& loop, std::shared_ptr<Stream> wire, std::shared_ptr<TlsContext> context)
    : loop_(loop), wire_(std::move(wire)), context_(std::move(context)) {
  ssl_ = SSL_new(context_->inside_->context);
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl_, in_, out_);
  SSL_set_connect_state(ssl_);
  cipher_in_.resize(kCipherBuffer);
}

TlsStream::~TlsStream() { SSL_free(ssl_); }

Error TlsStream::failure(std::string_view doing) const {
  if (const long verdict = SSL_get_verify_result(ssl_); verdict != X509_V_OK) {
    ERR_clear_error();
    return Error(Code::kPermissionDenied,
                 fmt::format("the server's certificate is not trusted: {}", X509_verify_cert_error_string(verdict)));
  }
  return unavailable(fmt::format("{}: {}", doing, openssl_reason()));
}

void TlsStream::handshake(const std::string& host, std::function<void(Status)> done) {
  // An address is compared as one; only names are told to the server.
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str()) != 1) {
    ERR_clear_error();
    SSL_set_tlsext_host_name(ssl_, host.c_str());
    SSL_set1_host(ssl_, host.c_str());
  }
  go_on_handshake(std::move(done));
}

void TlsStream::accept_handshake(std::function<void(Status)> done) {
  SSL_set_accept_state(ssl_);
  go_on_handshake(std::move(done));
}

void TlsStream::go_on_handshake(std::function<void(Status)> done) {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  const int reason = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
  if (reason != SSL_ERROR_NONE && reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
    const Error error = failure("TLS handshake");
    // The alert that tells the peer why goes out on the way.
    return flush([error, done = std::move(done)](const Status&) { done(error); });
  }
  flush([self = shared_from_this(), reason, done = std::move(done)](Status flushed) mutable {
    if (!flushed.ok() || reason == SSL_ERROR_NONE) return done(std::move(flushed));
    self->fill([self, done = std::move(done)](Status filled) mutable {
      if (!filled.ok()) return done(std::move(filled));
      if (self->ended_) return done(unavailable("TLS handshake: the peer hung up"));
      self->go_on_handshake(std::move(done));
    });
  });
}

// Takes what the wire has next.
void TlsStream::fill(std::function<void(Status)> done) {
  wire_->read(cipher_in_, [self = shared_from_this(), done = std::move(done)](const Result<std::size_t>& got) {
    if (!got.ok()) return done(got.error());
    if (*got == 0) self->ended_ = true;
    else BIO_write(self->in_, self->cipher_in_.data(), static_cast<int>(*got));
    done({});
  });
}

// Sends what OpenSSL has made ready. While one write is under way the next has to wait: reads may answer too.
void TlsStream::flush(std::function<void(Status)> done) {
  if (writing_) return flushes_.push_back(std::move(done));
  const std::size_t pending = BIO_ctrl_pending(out_);
  if (pending == 0) return done({});
  cipher_out_.resize(pending);
  BIO_read(out_, cipher_out_.data(), static_cast<int>(pending));
  writing_ = true;
  wire_->write({cipher_out_}, [self = shared_from_this(), done = std::move(done)](const Status& sent) {
    self->writing_ = false;
    done(sent);
    for (auto& waiting : std::exchange(self->flushes_, {})) self->flush(std::move(waiting));
  });
}

void TlsStream::read(std::span<char> into, IoDone done) {
  ERR_clear_error();
  const int size = static_cast<int>(std::min<std::size_t>(into.size(), 1 << 30));
  const int got = SSL_read(ssl_, into.data(), size);
  if (got > 0) {
    // As much as is there already: a record holds 16 KiB at most, and each read costs its caller a turn of the loop.
    std::size_t total = static_cast<std::size_t>(got);
    while (total < into.size()) {
      const int more = SSL_read(ssl_, into.data() + total, static_cast<int>(std::min<std::size_t>(into.size() - total, 1 << 30)));
      if (more <= 0) break;
      total += static_cast<std::size_t>(more);
    }
    return loop_.post([self = shared_from_this(), total, done = std::move(done)] { done(total); });
  }
  switch (SSL_get_error(ssl_, got)) {
    case SSL_ERROR_ZERO_RETURN: return loop_.post([self = shared_from_this(), done = std::move(done)] { done(std::size_t{0}); });
    case SSL_ERROR_WANT_READ: break;
    default: return loop_.post([self = shared_from_this(), error = failure("TLS read"), done = std::move(done)] { done(error); });
  }
  if (ended_)  // without a close_notify: what came may have been cut short by somebody in between
    return loop_.post([self = shared_from_this(), done = std::move(done)] { done(unavailable("TLS read: the connection was cut")); });
  flush([self = shared_from_this(), into, done = std::move(done)](const Status& flushed) mutable {
    if (!flushed.ok()) return done(flushed.error());
    self->fill([self, into, done = std::move(done)](const Status& filled) mutable {
      if (!filled.ok()) return done(filled.error());
      self->read(into, std::move(done));
    });
  });
}

void TlsStream::write(std::vector<std::string_view> pieces, std::function<void(Status)> done) {
  std::erase_if(pieces, [](std::string_view piece) { return piece.empty(); });
  encrypt_next(std::move(pieces), std::move(done));
}

void TlsStream::encrypt_next(std::vector<std::string_view> pieces, std::function<void(Status)> done) {
  if (pieces.empty()) return flush(std::move(done));
  ERR_clear_error();
  std::size_t budget = kPlainPiece;
  while (!pieces.empty() && budget > 0) {
    const int written = SSL_write(ssl_, pieces[0].data(), static_cast<int>(std::min(pieces[0].size(), budget)));
    if (written <= 0) return loop_.post([self = shared_from_this(), error = failure("TLS write"), done = std::move(done)] { done(error); });
    pieces[0].remove_prefix(static_cast<std::size_t>(written));
    budget -= static_cast<std::size_t>(written);
    if (pieces[0].empty()) pieces.erase(pieces.begin());
  }
  flush([self = shared_from_this(), pieces = std::move(pieces), done = std::move(done)](Status flushed) mutable {
    if (!flushed.ok() || pieces.empty()) return done(std::move(flushed));
    self->encrypt_next(std::move(pieces), std::move(done));
  });
}

void accept_tls(Loop& loop, std::shared_ptr<Stream> wire, std::shared_ptr<TlsContext> context, Duration patience, ConnectDone done) {
  auto stream = std::make_shared<TlsStream>(loop, std::move(wire), std::move(context));
  auto overdue = std::make_shared<bool>(false);
  const Loop::TimerId timer = loop.after(patience, [stream, overdue] {
    *overdue = true;
    stream->shut_down();
  });
  stream->accept_handshake([&loop, stream, overdue, timer, done = std::move(done)](const Status& made) {
    loop.cancel(timer);
    if (made.ok()) done(std::shared_ptr<Stream>(stream));
    else if (*overdue) done(Error(Code::kDeadlineExceeded, "TLS handshake: it was not complete in time"));
    else done(made.error());
  });
}

}  // namespace isobar::net
