#include "kube_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace isobar::cloud {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kV1 = "client.authentication.k8s.io/v1";

std::string credential(const std::string& status) {
  return std::string("{\"apiVersion\":\"") + kV1 + "\",\"kind\":\"ExecCredential\",\"status\":" + status + "}";
}

class ManualClock final : public Clock {
 public:
  Instant now() const override { return at; }
  Instant at = Instant::from_unix_seconds(1'000'000'000);
};

TEST(ExecCredential, HoldsATokenOrACertificateAndWhenItExpires) {
  const auto token = parse_exec_credential(credential("{\"token\":\"t\",\"expirationTimestamp\":\"2026-11-25T03:07:58Z\"}"), kV1).value();
  EXPECT_EQ(token.authorization, "Bearer t");
  EXPECT_EQ(token.expires, Instant::from_unix_seconds(1'795'576'078));
  const auto certificate = parse_exec_credential(credential("{\"clientCertificateData\":\"C\",\"clientKeyData\":\"K\"}"), kV1).value();
  EXPECT_EQ(certificate.certificate_pem, "C");
  EXPECT_EQ(certificate.key_pem, "K");
  EXPECT_FALSE(certificate.expires);
}

TEST(ExecCredential, WhatIsNoneIsRefusedWithoutTellingWhatItHolds) {
  const auto wrong = [](const std::string& text) { return parse_exec_credential(text, kV1).error().message(); };
  EXPECT_THAT(wrong("secret"), AllOf(HasSubstr("no ExecCredential"), Not(HasSubstr("secret"))));
  EXPECT_THAT(wrong(credential("{}")), HasSubstr("neither a token nor"));
  EXPECT_THAT(wrong(credential("{\"clientCertificateData\":\"C\"}")), HasSubstr("without its key"));
  EXPECT_THAT(wrong(credential("{\"token\":\"secret\",\"expirationTimestamp\":\"soon\"}")),
              AllOf(HasSubstr("no time"), Not(HasSubstr("secret"))));
  EXPECT_THAT(parse_exec_credential(credential("{\"token\":\"t\"}"), "client.authentication.k8s.io/v1beta1").error().message(),
              HasSubstr("the kubeconfig says"));
}

class Plugin : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("isobar-plugin-" + secure_random_hex(5));
    fs::create_directories(folder_);
    access_.server = "https://s";
    access_.exec = KubeExec{kV1, (folder_ / "plugin").string(), {"arg"}, {{"NAME", "value"}}, "install it from there", true};
  }
  void TearDown() override { fs::remove_all(folder_); }
  void script(const std::string& body) { ASSERT_TRUE(write_file(folder_ / "plugin", "#!/bin/sh\n" + body, Durability::kCache, 0700).ok()); }
  int runs() const { return static_cast<int>(read_file(folder_ / "runs").value_or("").size()); }

  fs::path folder_;
  KubeAccess access_;
  ManualClock clock_;
};

TEST_F(Plugin, IsRunAgainWhenItsCredentialExpiresOrIsRefused) {
  script("printf x >> " + (folder_ / "runs").string() + "\necho '" +
         credential("{\"token\":\"'$1$NAME'\",\"expirationTimestamp\":\"2001-09-09T02:00:00Z\"}") + "'\necho \"$KUBERNETES_EXEC_INFO\" > " +
         (folder_ / "info").string() + "\n");
  KubeCredentials credentials(access_, clock_);
  EXPECT_EQ(credentials.get().value().authorization, "Bearer argvalue");
  EXPECT_EQ(credentials.get().value().authorization, "Bearer argvalue");
  EXPECT_EQ(runs(), 1);
  clock_.at = Instant::from_unix_seconds(1'000'000'795);  // 5 s before it expires
  EXPECT_TRUE(credentials.get().ok());
  EXPECT_EQ(runs(), 2);
  clock_.at = Instant::from_unix_seconds(1'000'000'000);
  EXPECT_TRUE(credentials.get(true).ok());
  EXPECT_EQ(runs(), 3);
  EXPECT_THAT(read_file(folder_ / "info").value(), AllOf(HasSubstr("\"server\":\"https://s\""), HasSubstr("\"interactive\":false")));
}

TEST_F(Plugin, ThatIsMissingOrFailsIsToldWithTheMend) {
  EXPECT_THAT(KubeCredentials(access_, clock_).get().error().message(), HasSubstr("install it from there"));
  script("echo no login >&2; exit 7\n");
  const auto failed = KubeCredentials(access_, clock_).get();
  EXPECT_EQ(failed.error().code(), Code::kPermissionDenied);
  EXPECT_THAT(failed.error().message(), AllOf(HasSubstr("exit code 7"), HasSubstr("no login")));
}

TEST_F(Plugin, ATokenFileIsReadAnewEachTime) {
  KubeAccess access{.token_file = folder_ / "token"};
  KubeCredentials credentials(access, clock_);
  EXPECT_EQ(credentials.get().error().code(), Code::kNotFound);
  ASSERT_TRUE(write_file(folder_ / "token", "one\n").ok());
  EXPECT_EQ(credentials.get().value().authorization, "Bearer one");
  ASSERT_TRUE(write_file(folder_ / "token", "two\n").ok());
  EXPECT_EQ(credentials.get().value().authorization, "Bearer two");
}

}  // namespace
}  // namespace isobar::cloud
