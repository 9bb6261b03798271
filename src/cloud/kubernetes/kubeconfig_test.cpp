#include "kubeconfig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace isobar::cloud {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kWhole = R"(
apiVersion: v1
kind: Config
current-context: arn:aws:eks/prod
clusters:
- name: prod
  cluster: {server: "https://prod.example:6443/", certificate-authority: certs/ca.crt, tls-server-name: kube, proxy-url: "http://proxy:8080"}
- name: dev
  cluster: {server: "https://dev.example", certificate-authority-data: Y2E=, insecure-skip-tls-verify: true}
users:
- name: ada
  user: {token: secret-token}
- name: cert
  user: {client-certificate-data: Y2VydA==, client-key: /keys/key.pem}
- name: gone
  user: {auth-provider: {name: gcp}}
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: ./bin/login
      args: [--cluster, prod]
      env: [{name: AWS_PROFILE, value: research}]
      installHint: install aws
      provideClusterInfo: true
- name: old
  user: {exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: login}}
contexts:
- name: arn:aws:eks/prod
  context: {cluster: prod, user: ada, namespace: research}
- name: dev
  context: {cluster: dev, user: cert}
- name: plug
  context: {cluster: dev, user: plugin}
- name: old
  context: {cluster: dev, user: old}
- name: gone
  context: {cluster: dev, user: gone}
- name: half
  context: {cluster: nowhere, user: ada}
)";

Kubeconfig parse(const std::vector<KubeFile>& files) {
  auto config = Kubeconfig::parse(files);
  EXPECT_TRUE(config.ok()) << (config.ok() ? "" : config.error().message());
  return config.ok() ? std::move(*config) : Kubeconfig();
}

TEST(Kubeconfig, SaysWhereAContextsServerIsAndWhoOneIsThere) {
  const auto config = parse({{"/home/ada/.kube/config", kWhole}});
  EXPECT_EQ(config.current(), "arn:aws:eks/prod");
  EXPECT_THAT(config.contexts(), ElementsAre("arn:aws:eks/prod", "dev", "gone", "half", "old", "plug"));
  const auto prod = config.access("arn:aws:eks/prod").value();
  EXPECT_EQ(prod.server, "https://prod.example:6443");
  EXPECT_EQ(prod.ca.file, "/home/ada/.kube/certs/ca.crt") << "paths are relative to their file";
  EXPECT_EQ(prod.tls_server_name, "kube");
  EXPECT_EQ(prod.proxy_url, "http://proxy:8080");
  EXPECT_EQ(prod.name_space, "research");
  EXPECT_EQ(prod.token, "secret-token");
  const auto dev = config.access("dev").value();
  EXPECT_EQ(dev.ca.text, "ca");
  EXPECT_TRUE(dev.insecure);
  EXPECT_EQ(dev.name_space, "default");
  EXPECT_EQ(dev.certificate.text, "cert");
  EXPECT_EQ(dev.key.file, "/keys/key.pem");
}

TEST(Kubeconfig, APluginIsTakenWithItsArgumentsAndEnvironment) {
  const auto access = parse({{"/k/config", kWhole}}).access("plug").value();
  ASSERT_TRUE(access.exec);
  EXPECT_EQ(access.exec->command, "/k/./bin/login");
  EXPECT_THAT(access.exec->arguments, ElementsAre("--cluster", "prod"));
  EXPECT_THAT(access.exec->environment, ElementsAre(testing::Pair("AWS_PROFILE", "research")));
  EXPECT_EQ(access.exec->install_hint, "install aws");
  EXPECT_TRUE(access.exec->provide_cluster_info);
}

TEST(Kubeconfig, WhatCannotBeUsedSaysSoWhenItIsAskedForWithTheMend) {
  const auto config = parse({{"/k/config", kWhole}});
  EXPECT_THAT(config.access("gone").error().message(), AllOf(HasSubstr("/k/config:"), HasSubstr("gcloud"), HasSubstr("kubelogin")));
  EXPECT_THAT(config.access("old").error().message(), HasSubstr("update the plugin"));
  EXPECT_THAT(config.access("half").error().message(), HasSubstr("names the cluster 'nowhere', which no file has"));
  EXPECT_THAT(config.access("plugg").error().message(), HasSubstr("did you mean plug?"));
}

TEST(Kubeconfig, OfSeveralFilesTheFirstThatKnowsANameIsRight) {
  const auto config = parse({{"/a/one", "current-context: dev\nusers: [{name: cert, user: {token: first}}]\n"}, {"/b/two", kWhole}});
  EXPECT_EQ(config.current(), "dev");
  const auto dev = config.access("dev").value();
  EXPECT_EQ(dev.token, "first");
  EXPECT_TRUE(dev.certificate.empty()) << "entries are taken whole";
}

TEST(Kubeconfig, ErrorsNameThePlaceAndNoSecret) {
  const auto wrong = [](const std::string& text) { return Kubeconfig::parse({{"/k/c", text}}).error().message(); };
  EXPECT_THAT(wrong("clusters: 7"), HasSubstr("/k/c:1:11: clusters must be a list"));
  EXPECT_THAT(wrong("users:\n- name: x"), HasSubstr("/k/c:2:3: an entry of users needs a name and a user"));
  EXPECT_THAT(wrong("- a"), HasSubstr("a kubeconfig is a map"));
  const auto config = parse({{"/k/c",
                              "clusters: [{name: c, cluster: {server: 'https://s', certificate-authority-data: 'se-cret!'}}]\n"
                              "contexts: [{name: x, context: {cluster: c}}]\n"}});
  EXPECT_THAT(config.access("x").error().message(), AllOf(HasSubstr("not base64"), Not(HasSubstr("se-cret"))));
}

class KubeconfigFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("isobar-kubeconfig-" + secure_random_hex(5));
    fs::create_directories(folder_ / ".kube");
  }
  void TearDown() override { fs::remove_all(folder_); }
  Result<Kubeconfig> find(std::map<std::string, std::string> variables = {}) const {
    return find_kubeconfig({.variable = [variables](const std::string& name) -> std::optional<std::string> {
                              const auto found = variables.find(name);
                              return found == variables.end() ? std::nullopt : std::optional(found->second);
                            },
                            .home = folder_,
                            .service_account = folder_ / "account"});
  }
  fs::path folder_;
};

TEST_F(KubeconfigFiles, AreThoseOfKUBECONFIGElseTheUsualOneElseThePodsOwn) {
  EXPECT_THAT(find().error().message(), AllOf(HasSubstr("no kubeconfig"), HasSubstr(".kube/config")));
  fs::create_directories(folder_ / "account");
  ASSERT_TRUE(write_file(folder_ / "account" / "token", "t\n").ok());
  ASSERT_TRUE(write_file(folder_ / "account" / "namespace", "own").ok());
  const auto own = find({{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "443"}}).value();
  EXPECT_EQ(own.current(), "in-cluster");
  EXPECT_EQ(own.access("in-cluster")->server, "https://[fd00::1]:443");
  EXPECT_EQ(own.access("in-cluster")->name_space, "own");
  ASSERT_TRUE(write_file(folder_ / ".kube" / "config", kWhole).ok());
  EXPECT_EQ(find().value().current(), "arn:aws:eks/prod");
  ASSERT_TRUE(write_file(folder_ / "other", "current-context: other\n").ok());
  EXPECT_EQ(find({{"KUBECONFIG", (folder_ / "missing").string() + ":" + (folder_ / "other").string()}}).value().current(), "other");
}

}  // namespace
}  // namespace isobar::cloud
