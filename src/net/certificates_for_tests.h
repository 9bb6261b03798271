#pragma once

// Certificates made on the spot, and a server that shows one.

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <functional>
#include <memory>
#include <string>

namespace isobar::net {

template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

struct Certificate {
  Owned<X509> certificate{X509_new(), X509_free};
  Owned<EVP_PKEY> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
};

/// Signed by itself, for one name ("IP:127.0.0.1"), good from some days ago for so many days.
inline Certificate a_certificate_for(const std::string& name, int days_since = 1, int days = 10) {
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

inline std::string pem_of(const Certificate& certificate) {
  const Owned<BIO> text(BIO_new(BIO_s_mem()), BIO_free_all);
  PEM_write_bio_X509(text.get(), certificate.certificate.get());
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

/// Takes a connection, shows the certificate, and answers one request with "ok".
inline std::function<void(int)> answers_under(const Certificate& certificate) {
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

}  // namespace isobar::net
