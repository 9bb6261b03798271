// Requests by way of a proxy, which alone knows the names that they are for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "base/random.h"
#include "certificates_for_tests.h"
#include "http_server_for_tests.h"
#include "net/http_client.h"
#include "one_connection_for_tests.h"
#include "proxy_for_tests.h"

namespace isobar::net {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ProxiedClient : public testing::TestWithParam<LoopKind> {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    if (const auto loop = Loop::create(GetParam()); !loop.ok()) GTEST_SKIP() << loop.error().message();
  }
  void TearDown() override { fs::remove(bundle_); }

  Result<HttpResponse> ask(Url url, std::map<std::string, std::string> variables) {
    HttpClient::Options options;
    options.loops = 1;
    options.kind = GetParam();
    options.connect_max = 2s;
    options.proxies = ProxyRules::from([&](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
    if (fs::exists(bundle_)) options.ca_bundle = bundle_;
    client_ = HttpClient::create(std::move(options)).value();
    return again(std::move(url));
  }
  Result<HttpResponse> again(Url url) {
    HttpRequest request;
    request.url = std::move(url);
    return client_->fetch(std::move(request));
  }
  Url plain(std::string target) const {
    Url url = server_.url(std::move(target));
    url.host = "store.test";
    return url;
  }
  void trust(const Certificate& certificate) const { CHECK(write_file(bundle_, pem_of(certificate)).ok()); }

  fs::path bundle_ = fs::temp_directory_path() / ("isobar-ca-" + secure_random_hex(5));
  HttpServerForTests server_;
  ProxyForTests proxy_;
  std::unique_ptr<HttpClient> client_;
};

TEST_P(ProxiedClient, APlainRequestIsSaidToTheProxyAsAWholeUrl) {
  const auto response = ask(plain("/bytes/3"), {{"http_proxy", "http://" + proxy_.authority()}});
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ(response->body, "abc");
  EXPECT_THAT(proxy_.asked(), ElementsAre("GET " + plain("/bytes/3").text() + " HTTP/1.1"));
  EXPECT_EQ(again(plain("/bytes/5"))->body, "abcde");
  EXPECT_EQ(proxy_.asked().size(), 1U) << "the connection is kept";
}

TEST_P(ProxiedClient, UnderTlsTheProxySeesNoMoreThanANameAndAPort) {
  const Certificate certificate = a_certificate_for("DNS:store.test");
  trust(certificate);
  const OneConnection server(answers_under(certificate));
  const auto response = ask({"https", "store.test", server.port, "/secret"}, {{"HTTPS_PROXY", proxy_.authority()}});
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ(response->body, "ok");
  EXPECT_THAT(proxy_.asked(), ElementsAre(fmt::format("CONNECT store.test:{} HTTP/1.1", server.port)));
}

TEST_P(ProxiedClient, TheCertificateMustBeThatOfWhomTheRequestIsFor) {
  const Certificate other = a_certificate_for("IP:127.0.0.1");
  trust(other);
  const OneConnection server(answers_under(other));
  const auto response = ask({"https", "store.test", server.port, "/"}, {{"HTTPS_PROXY", proxy_.authority()}});
  EXPECT_EQ(response.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(response.error().message(), AllOf(HasSubstr("store.test behind the proxy"), HasSubstr("mismatch")));
}

TEST_P(ProxiedClient, AProxyMayItselfBeSpokenToUnderTls) {
  const Certificate certificate = a_certificate_for("IP:127.0.0.1");
  trust(certificate);
  const OneConnection proxy(answers_under(certificate));
  const auto response = ask({"http", "store.test", 80, "/"}, {{"http_proxy", fmt::format("https://127.0.0.1:{}", proxy.port)}});
  ASSERT_TRUE(response.ok()) << response.error().message();
  EXPECT_EQ(response->body, "ok");
}

TEST_P(ProxiedClient, UserAndPasswordGoToTheProxyInBothForms) {
  proxy_.authorization = "Basic dTpwdw==";
  EXPECT_TRUE(ask(plain("/bytes/3"), {{"http_proxy", "http://u:pw@" + proxy_.authority()}}).ok());
  const Certificate certificate = a_certificate_for("DNS:store.test");
  trust(certificate);
  const OneConnection server(answers_under(certificate));
  EXPECT_TRUE(ask({"https", "store.test", server.port, "/"}, {{"https_proxy", "http://u:pw@" + proxy_.authority()}}).ok());
}

TEST_P(ProxiedClient, AProxyThatAsksForAPasswordIsToldInBothForms) {
  proxy_.authorization = "Basic dTpwdw==";
  for (const char* scheme : {"http", "https"}) {
    Url url = plain("/bytes/3");
    url.scheme = scheme;
    const auto without = ask(url, {{"all_proxy", proxy_.authority()}}), wrong = ask(url, {{"all_proxy", "u:secret@" + proxy_.authority()}});
    EXPECT_EQ(without.error().code(), Code::kPermissionDenied);
    EXPECT_THAT(without.error().message(),
                AllOf(HasSubstr("the proxy " + proxy_.authority() + " of all_proxy"), HasSubstr("asks for a user and a password (407)")));
    EXPECT_EQ(wrong.error().code(), Code::kPermissionDenied);
    EXPECT_THAT(wrong.error().message(), AllOf(HasSubstr("does not take the user and the password"), Not(HasSubstr("secret"))));
  }
}

TEST_P(ProxiedClient, ATunnelThatIsRefusedIsTheProxysDoing) {
  for (const auto& [status, code] : {std::pair(403, Code::kPermissionDenied), std::pair(502, Code::kUnavailable)}) {
    ProxyForTests proxy;
    proxy.refuse_with = status;
    const auto response = ask({"https", "store.test", 443, "/"}, {{"HTTPS_PROXY", proxy.authority()}});
    EXPECT_EQ(response.error().code(), code);
    EXPECT_THAT(response.error().message(), AllOf(HasSubstr("of HTTPS_PROXY"), HasSubstr("a tunnel to store.test:443"),
                                                  HasSubstr(fmt::format("it answered {}", status))));
  }
}

TEST_P(ProxiedClient, ProxiesThatAreNotThereAreNamed) {
  for (const char* dead : {"127.0.0.1:1", "no-such-proxy.invalid:80"}) {
    const auto response = ask({"https", "store.test", 443, "/"}, {{"HTTPS_PROXY", dead}});
    EXPECT_EQ(response.error().code(), Code::kUnavailable);
    EXPECT_THAT(response.error().message(), HasSubstr(fmt::format("the proxy {} of HTTPS_PROXY", dead)));
  }
}

TEST_P(ProxiedClient, AVariableThatNamesNoProxyIsAnErrorBeforeAnythingIsSent) {
  const auto response = ask({"https", "store.test", 443, "/"}, {{"ALL_PROXY", "socks5://p:1080"}});
  EXPECT_EQ(response.error().code(), Code::kInvalidArgument);
  EXPECT_THAT(response.error().message(), HasSubstr("ALL_PROXY"));
}

TEST_P(ProxiedClient, LoopbackAndExceptionsAreReachedDirectly) {
  EXPECT_TRUE(ask(server_.url("/bytes/1"), {{"all_proxy", "127.0.0.1:1"}}).ok());
  EXPECT_THAT(ask(plain("/bytes/1"), {{"all_proxy", proxy_.authority()}, {"NO_PROXY", ".test"}}).error().message(),
              HasSubstr("look up store.test"));
  EXPECT_TRUE(proxy_.asked().empty());
}

INSTANTIATE_TEST_SUITE_P(, ProxiedClient, testing::Values(LoopKind::kUring, LoopKind::kEpoll),
                         [](const auto& it) { return it.param == LoopKind::kUring ? "Uring" : "Epoll"; });

}  // namespace
}  // namespace isobar::net
