#include "net/key_exchange.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include "crypto/digest.h"

namespace isobar::net {

namespace {

template <class T, void (*Free)(T*)>
struct Freer {
  void operator()(T* it) const { Free(it); }
};
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
struct BioFreer {
  void operator()(BIO* it) const { BIO_free(it); }
};
using Memory = std::unique_ptr<BIO, BioFreer>;

std::string contents(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string fingerprint_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  CHECK(size > 0);
  const std::string print = crypto::sha256({reinterpret_cast<char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return print;
}

}  // namespace

Identity make_identity(const std::string& name, Duration life) {
  const PrivateKey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  const Certificate certificate(X509_new());
  CHECK(key && certificate);
  X509_set_version(certificate.get(), X509_VERSION_3);
  std::uint64_t serial = 0;
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1);
  // Clocks of machines differ: it begins a day ago.
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -24L * 3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), std::chrono::duration_cast<std::chrono::seconds>(life).count());
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  // A common name has 64 characters at most; it is for people alone.
  const std::string shown = name.substr(0, 64);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(shown.data()),
                             static_cast<int>(shown.size()), -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  X509_set_pubkey(certificate.get(), key.get());
  CHECK(X509_sign(certificate.get(), key.get(), nullptr) > 0);
  const Memory certificate_text(BIO_new(BIO_s_mem())), key_text(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1);
  CHECK(PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {contents(certificate_text.get()), contents(key_text.get()), fingerprint_of(certificate.get())};
}

struct Acquaintances::Inside {
  SSL_CTX* context = nullptr;
  std::map<std::string, std::string> known;
  ~Inside() { SSL_CTX_free(context); }
};

Acquaintances::Acquaintances(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Acquaintances::~Acquaintances() = default;

Result<std::shared_ptr<Acquaintances>> Acquaintances::make(const Identity& self, std::map<std::string, std::string> known) {
  auto inside = std::make_unique<Inside>();
  inside->known = std::move(known);
  inside->context = SSL_CTX_new(TLS_method());
  CHECK(inside->context != nullptr);
  SSL_CTX_set_min_proto_version(inside->context, TLS1_3_VERSION);
  // Tickets would come after the handshake, where our own frames are.
  SSL_CTX_set_num_tickets(inside->context, 0);
  SSL_CTX_set_session_cache_mode(inside->context, SSL_SESS_CACHE_OFF);
  // Whose certificate it is is decided by its fingerprint, after the handshake has proven that the peer holds the key.
  SSL_CTX_set_verify(inside->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, [](int, X509_STORE_CTX*) { return 1; });
  const Memory certificate_text(BIO_new_mem_buf(self.certificate_pem.data(), static_cast<int>(self.certificate_pem.size())));
  const Memory key_text(BIO_new_mem_buf(self.key_pem.data(), static_cast<int>(self.key_pem.size())));
  const Certificate certificate(PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr));
  const PrivateKey key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  if (!certificate || !key || SSL_CTX_use_certificate(inside->context, certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(inside->context, key.get()) != 1) {
    ERR_clear_error();
    return invalid("the certificate and its key cannot be used together");
  }
  return std::shared_ptr<Acquaintances>(new Acquaintances(std::move(inside)));
}

class KeyExchange : public std::enable_shared_from_this<KeyExchange> {
 public:
  KeyExchange(Loop& loop, std::shared_ptr<Fd> socket, std::shared_ptr<Acquaintances> acquaintances, std::string expected, KeysDone done)
      : loop_(loop),
        socket_(std::move(socket)),
        acquaintances_(std::move(acquaintances)),
        expected_(std::move(expected)),
        done_(std::move(done)) {
    ssl_ = SSL_new(acquaintances_->inside_->context);
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_, in_, out_);
    if (expected_.empty()) SSL_set_accept_state(ssl_);
    else SSL_set_connect_state(ssl_);
  }
  ~KeyExchange() { SSL_free(ssl_); }

  void start(Duration patience) {
    timer_ = loop_.after(patience, [self = shared_from_this()] {
      self->overdue_ = true;
      ::shutdown(self->socket_->get(), SHUT_RDWR);
    });
    go_on();
  }

 private:
  void go_on() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    const int reason = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
    const bool failed = reason != SSL_ERROR_NONE && reason != SSL_ERROR_WANT_READ;
    ERR_clear_error();
    flush([self = shared_from_this(), reason, failed](const Status& sent) {
      if (failed) return self->finish(Error(Code::kPermissionDenied, "the other side does not speak as a gateway of this job does"));
      if (!sent.ok()) return self->finish(sent.error());
      if (reason == SSL_ERROR_NONE) return self->finish(self->agreed());
      self->fill();
    });
  }

  void flush(std::function<void(const Status&)> done) {
    const std::size_t pending = BIO_ctrl_pending(out_);
    const std::size_t before = sending_.size();
    sending_.resize(before + pending);
    if (pending > 0) BIO_read(out_, sending_.data() + before, static_cast<int>(pending));
    if (sending_.empty()) return done({});
    const std::array<std::string_view, 1> pieces = {sending_};
    loop_.send(socket_->get(), pieces, [self = shared_from_this(), done = std::move(done)](const Result<std::size_t>& sent) mutable {
      if (!sent.ok()) return done(sent.error());
      self->sending_.erase(0, *sent);
      self->flush(std::move(done));
    });
  }

  void fill() {
    loop_.receive(socket_->get(), received_, [self = shared_from_this()](const Result<std::size_t>& got) {
      if (!got.ok()) return self->finish(got.error());
      if (*got == 0) return self->finish(unavailable("it hung up"));
      BIO_write(self->in_, self->received_.data(), static_cast<int>(*got));
      self->go_on();
    });
  }

  Result<AgreedKeys> agreed() {
    const Certificate shown(SSL_get1_peer_certificate(ssl_));
    const auto& known = acquaintances_->inside_->known;
    const auto peer = shown ? known.find(fingerprint_of(shown.get())) : known.end();
    if (peer == known.end()) return Error(Code::kPermissionDenied, "its certificate is of nobody that takes part");
    if (!expected_.empty() && peer->second != expected_)
      return Error(Code::kPermissionDenied, fmt::format("it is {}, and {} was called", peer->second, expected_));
    constexpr std::string_view kLabel = "EXPORTER-isobar-frames";
    std::string keys(64, '\0');
    CHECK(SSL_export_keying_material(ssl_, reinterpret_cast<unsigned char*>(keys.data()), keys.size(), kLabel.data(), kLabel.size(),
                                     nullptr, 0, 0) == 1);
    const bool caller = !expected_.empty();
    return AgreedKeys{peer->second, keys.substr(caller ? 0 : 32, 32), keys.substr(caller ? 32 : 0, 32), contents(in_)};
  }

  void finish(Result<AgreedKeys> outcome) {
    loop_.cancel(timer_);
    if (overdue_) outcome = Error(Code::kDeadlineExceeded, "it did not answer in time");
    if (auto done = std::exchange(done_, nullptr)) done(std::move(outcome));
  }

  Loop& loop_;
  std::shared_ptr<Fd> socket_;
  std::shared_ptr<Acquaintances> acquaintances_;
  std::string expected_;
  KeysDone done_;
  SSL* ssl_ = nullptr;
  BIO *in_ = nullptr, *out_ = nullptr;  // owned by ssl_
  std::string sending_;
  std::array<char, 16384> received_;
  Loop::TimerId timer_ = 0;
  bool overdue_ = false;
};

void exchange_keys(Loop& loop, std::shared_ptr<Fd> socket, std::shared_ptr<Acquaintances> acquaintances, std::string expected,
                   Duration patience, KeysDone done) {
  std::make_shared<KeyExchange>(loop, std::move(socket), std::move(acquaintances), std::move(expected), std::move(done))->start(patience);
}

}  // namespace isobar::net
