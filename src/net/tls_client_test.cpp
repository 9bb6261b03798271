// Whom the client talks to: certificates that are made here, for this machine, another, or a time gone by.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <csignal>

#include <thread>

#include "base/random.h"
#include "net/http_client.h"

namespace isobar::net {
namespace {

using testing::HasSubstr;

template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

struct Certificate {
  Owned<X509> certificate{X509_new(), X509_free};
  Owned<EVP_PKEY> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
};

/// Signed by itself, for one name ("IP:127.0.0.1"), good from some days ago for so many days.
Certificate a_certificate_for(const std::string& name, int days_since = 1, int days = 10) {
  Certificate made;
  X509* it = made.certificate.get();
  X509_set_version(it, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(it), 1);
  X509_time_adj_ex(X509_getm_notBefore(it), -days_since, 0, nullptr);
  X509_time_adj_ex(X509_getm_notAfter(it), days - days_since, 0, nullptr);
  X509_set_pubkey(it, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(it), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(it, X509_get_subject_name(it));
  const Owned<X509_EXTENSION> names(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name.c_str()), X509_EXTENSION_free);
  X509_add_ext(it, names.get(), -1);
  X509_sign(it, made.key.get(), EVP_sha256());
  return made;
}

std::string pem_of(const Certificate& certificate) {
  const Owned<BIO> text(BIO_new(BIO_s_mem()), BIO_free_all);
  PEM_write_bio_X509(text.get(), certificate.certificate.get());
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

/// Serves one connection as `behaviour` does.
class OneConnection {
 public:
  explicit OneConnection(std::function<void(int)> behaviour) {
    listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(::listen(listener_.get(), 4) == 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this, behaviour = std::move(behaviour)] {
      const Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (socket) behaviour(socket.get());
    });
  }
  ~OneConnection() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::uint16_t port = 0;

 private:
  Fd listener_;
  std::thread thread_;
};

std::function<void(int)> answers_under(const Certificate& certificate) {
  return [&certificate](int fd) {
    const Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    SSL_CTX_use_certificate(context.get(), certificate.certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), certificate.key.get());
    const Owned<SSL> ssl(SSL_new(context.get()), SSL_free);
    SSL_set_fd(ssl.get(), fd);
    char request[4096];
    if (SSL_accept(ssl.get()) != 1 || SSL_read(ssl.get(), request, sizeof request) <= 0) return;
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
  };
}

class TlsClient : public testing::Test {
 protected:
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }  // the server's side of OpenSSL writes without asking for none
  void TearDown() override { fs::remove(bundle_); }

  Result<HttpResponse> ask(std::uint16_t port, const Certificate& trusted) {
    CHECK(write_file(bundle_, pem_of(trusted)).ok());
    HttpClient::Options options;
    options.loops = 1;
    options.connect_max = 300ms;
    options.ca_bundle = bundle_;
    auto client = HttpClient::create(std::move(options));
    CHECK(client.ok(), client.error().message());
    HttpRequest request;
    request.url = {"https", "127.0.0.1", port, "/"};
    return (*client)->fetch(std::move(request));
  }
  fs::path bundle_ = fs::temp_directory_path() / ("isobar-ca-" + secure_random_hex(5));
  const Certificate ours_ = a_certificate_for("IP:127.0.0.1");
};

TEST_F(TlsClient, ACertificateOfTheBundleIsTrusted) {
  const OneConnection server(answers_under(ours_));
  const auto response = ask(server.port, ours_);
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ(response->body, "ok");
}

TEST_F(TlsClient, ACertificateThatNobodyVouchesForIsRefused) {
  const OneConnection server(answers_under(ours_));
  const auto response = ask(server.port, a_certificate_for("IP:127.0.0.1"));
  EXPECT_EQ(response.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(response.error().message(), HasSubstr("the server's certificate is not trusted"));
}

TEST_F(TlsClient, ACertificateThatHasExpiredIsRefused) {
  const Certificate old = a_certificate_for("IP:127.0.0.1", 10, 5);
  const OneConnection server(answers_under(old));
  const auto response = ask(server.port, old);
  EXPECT_EQ(response.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(response.error().message(), HasSubstr("expired"));
}

TEST_F(TlsClient, ACertificateForAnotherNameIsRefused) {
  const Certificate other = a_certificate_for("IP:127.0.0.2,DNS:elsewhere.test");
  const OneConnection server(answers_under(other));
  const auto response = ask(server.port, other);
  EXPECT_EQ(response.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(response.error().message(), HasSubstr("mismatch"));
}

TEST_F(TlsClient, APeerThatStopsInTheMidstOfTheHandshakeIsADeadline) {
  const OneConnection server([](int fd) {
    char piece[4096];
    while (::recv(fd, piece, sizeof piece, 0) > 0) continue;
  });
  EXPECT_EQ(ask(server.port, ours_).error().code(), Code::kDeadlineExceeded);
}

TEST_F(TlsClient, APeerThatHangsUpInTheHandshakeIsUnavailable) {
  const OneConnection server([](int fd) {
    char piece[4096];
    (void)::recv(fd, piece, sizeof piece, 0);
  });
  EXPECT_EQ(ask(server.port, ours_).error().code(), Code::kUnavailable);
}

TEST_F(TlsClient, ABundleThatCannotBeReadIsNamed) {
  HttpClient::Options options;
  options.ca_bundle = "/nowhere/ca.pem";
  auto client = HttpClient::create(std::move(options));
  HttpRequest request;
  request.url = {"https", "127.0.0.1", 9, "/"};
  const auto response = (*client)->fetch(std::move(request));
  EXPECT_EQ(response.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(response.error().message(), HasSubstr("/nowhere/ca.pem"));
}

}  // namespace
}  // namespace isobar::net
