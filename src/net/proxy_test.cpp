#include "net/proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace isobar::net {
namespace {

using testing::HasSubstr;
using testing::Not;

ProxyRules rules(std::map<std::string, std::string> variables) {
  return ProxyRules::from([variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

/// "host:port" of the proxy, or "" for none.
std::string way(const ProxyRules& rules, const std::string& url) {
  const auto proxy = rules.proxy_for(parse_url(url).value());
  if (!proxy.ok()) return proxy.error().message();
  return *proxy ? fmt::format("{}:{}", (*proxy)->host, (*proxy)->port) : "";
}

TEST(ProxyRules, EachSchemeHasItsVariableAndAllProxyIsForTheRest) {
  const auto both = rules({{"HTTPS_PROXY", "http://s:1"}, {"http_proxy", "http://p:2"}});
  EXPECT_EQ(way(both, "https://a.test"), "s:1");
  EXPECT_EQ(way(both, "http://a.test"), "p:2");
  const auto rest = rules({{"HTTPS_PROXY", "s:1"}, {"ALL_PROXY", "all:3"}});
  EXPECT_EQ(way(rest, "https://a.test"), "s:1");
  EXPECT_EQ(way(rest, "http://a.test"), "all:3");
  EXPECT_EQ(way(rules({}), "https://a.test"), "");
  EXPECT_EQ(way(rules({{"HTTPS_PROXY", ""}}), "https://a.test"), "");
  EXPECT_EQ(way(rules({{"HTTPS_PROXY", "upper:1"}, {"https_proxy", "lower:2"}}), "https://a.test"), "lower:2");
}

TEST(ProxyRules, TheUpperCaseVariableForHttpIsAClientsHeaderAndNotRead) {
  EXPECT_EQ(way(rules({{"HTTP_PROXY", "http://evil:1"}}), "http://a.test"), "");
}

TEST(ProxyRules, ThisMachineAndMetadataServicesAreNeverProxied) {
  const auto all = rules({{"all_proxy", "p:1"}});
  for (const char* host : {"localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]",
                           "169.254.169.254", "169.254.170.2", "metadata.google.internal", "[fd00:ec2::254]", "[fe80::1]"})
    EXPECT_EQ(way(all, fmt::format("http://{}/", host)), "") << host;
  for (const char* host : {"localhost.test", "128.0.0.1", "169.253.0.1", "[::2]", "10.0.0.1", "google.internal"})
    EXPECT_EQ(way(all, fmt::format("http://{}/", host)), "p:1") << host;
}

struct Case {
  const char *list, *host;
  std::uint16_t port;
  bool direct;
};

TEST(NoProxy, MatchesNamesAddressesRangesAndPorts) {
  for (const Case& it : std::initializer_list<Case>{
           {"example.com", "example.com", 443, true},
           {"example.com", "a.b.EXAMPLE.com", 443, true},
           {"Example.COM", "example.com.", 443, true},
           {"example.com", "notexample.com", 443, false},
           {"example.com", "example.com.evil", 443, false},
           {".example.com", "example.com", 443, true},
           {".example.com", "a.example.com", 443, true},
           {"*.example.com", "a.example.com", 443, true},
           {"example.com:8080", "example.com", 8080, true},
           {"example.com:8080", "example.com", 443, false},
           {"a.test , ,b.test c.test", "c.test", 80, true},
           {"*", "anything", 1, true},
           {"10.1.2.3", "10.1.2.3", 80, true},
           {"10.1.2.3", "10.1.2.30", 80, false},
           {"2.3", "10.1.2.3", 80, false},
           {"10.1.2.3:81", "10.1.2.3", 80, false},
           {"10.0.0.0/8", "10.200.1.1", 80, true},
           {"10.0.0.0/8", "11.0.0.1", 80, false},
           {"10.16.0.0/12", "10.31.255.255", 80, true},
           {"10.16.0.0/12", "10.32.0.0", 80, false},
           {"0.0.0.0/0", "1.2.3.4", 80, true},
           {"0.0.0.0/0", "fd00::1", 80, false},
           {"0.0.0.0/0", "name.test", 80, false},
           {"fd00::/8", "fdab::1", 80, true},
           {"fd00::/8", "fc00::1", 80, false},
           {"::1:2", "::1:2", 80, true},
           {"[fd00::1]:81", "fd00::1", 81, true},
           {"[fd00::1]:81", "fd00::1", 80, false},
           {"[fd00::1]", "fd00:0::1", 80, true},
           {"10.0.0.0/33,10.0.0.0/x,/8,:,:80,a:b,a:0,.,*.,[", "10.0.0.0", 80, false},
           {"", "a", 80, false},
       })
    EXPECT_EQ(NoProxy(it.list).matches(it.host, it.port), it.direct) << it.list << " and " << it.host << ":" << it.port;
}

TEST(Proxy, IsReadFromItsUrl) {
  const auto full = parse_proxy("http://us%40er:p%3Aw@proxy.test:3128/", "https_proxy").value();
  EXPECT_EQ(full.authorization, "Basic dXNAZXI6cDp3");
  EXPECT_EQ(full.name(), "the proxy proxy.test:3128 of https_proxy");
  EXPECT_FALSE(full.tls);
  EXPECT_EQ(parse_proxy("proxy", "v")->port, 80);
  EXPECT_EQ(parse_proxy("https://proxy", "v")->port, 443);
  EXPECT_TRUE(parse_proxy("https://proxy", "v")->tls);
  EXPECT_EQ(parse_proxy("[fd00::1]:8", "v")->name(), "the proxy [fd00::1]:8 of v");
}

TEST(Proxy, WhatIsNoneIsToldByItsVariableAndWithoutItsPassword) {
  for (const char* text :
       {"socks5://u:secret@p:1", "http://u:secret@", "http://u:secret@p:x", "http://u:secret%zz@p", "http://u:secret@p q"}) {
    const auto proxy = parse_proxy(text, "ALL_PROXY");
    ASSERT_FALSE(proxy.ok()) << text;
    EXPECT_EQ(proxy.error().code(), Code::kInvalidArgument);
    EXPECT_THAT(proxy.error().message(), HasSubstr("ALL_PROXY names no HTTP proxy"));
    EXPECT_THAT(proxy.error().message(), Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace isobar::net
