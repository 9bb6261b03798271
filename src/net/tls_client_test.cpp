// Whom the client talks to: certificates that are made here, for this machine, another, or a time gone by.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "base/random.h"
#include "certificates_for_tests.h"
#include "net/http_client.h"
#include "one_connection_for_tests.h"

namespace isobar::net {
namespace {

using testing::HasSubstr;

class TlsClient : public testing::Test {
 protected:
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }  // the server's side of OpenSSL writes without asking for none
  void TearDown() override { fs::remove(bundle_); }

  Result<HttpResponse> ask(std::uint16_t port, const Certificate& trusted, bool as_text = false) {
    CHECK(write_file(bundle_, pem_of(trusted)).ok());
    HttpClient::Options options;
    options.loops = 1;
    options.connect_max = 300ms;
    options.ca_bundle = as_text ? "/of/another/machine.pem" : bundle_;
    if (as_text) options.ca_pem = "Our own authority:\n" + pem_of(trusted);
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

TEST_F(TlsClient, ABundleMayComeAsTextFromAnotherMachine) {
  const OneConnection server(answers_under(ours_));
  const auto response = ask(server.port, ours_, true);
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
  for (const char* const text : {"", "no certificate"}) {
    options.ca_pem = text;
    auto client = HttpClient::create(options);
    HttpRequest request;
    request.url = {"https", "127.0.0.1", 9, "/"};
    const auto response = (*client)->fetch(std::move(request));
    EXPECT_EQ(response.error().code(), Code::kInvalidArgument);
    EXPECT_THAT(response.error().message(), HasSubstr("/nowhere/ca.pem"));
  }
}

}  // namespace
}  // namespace isobar::net
