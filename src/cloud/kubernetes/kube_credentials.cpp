#include "kube_credentials.h"

#include <fmt/format.h>

#include "base/child.h"
#include "base/rfc3339.h"
#include "base/text.h"
#include "crypto/encoding.h"
#include "kube_json.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

constexpr auto kPluginDeadline = std::chrono::minutes(1);
/// A credential is not used in its last seconds: the request may take some.
constexpr auto kSpare = std::chrono::seconds(10);
constexpr std::size_t kPrintedMost = 1 << 20;

std::string bearer(const std::string& token) { return token.empty() ? std::string() : "Bearer " + token; }

}  // namespace

Result<KubeCredential> parse_exec_credential(std::string_view printed, std::string_view api_version) {
  const auto value = parse_kube_json(trim(printed));
  if (!value.ok() || text_in(*value, {"kind"}) != "ExecCredential") return invalid("it printed no ExecCredential");
  if (text_in(*value, {"apiVersion"}) != api_version)
    return invalid(fmt::format("it speaks {} and the kubeconfig says {}", text_in(*value, {"apiVersion"}), api_version));
  KubeCredential credential;
  credential.authorization = bearer(std::string(text_in(*value, {"status", "token"})));
  credential.certificate_pem = text_in(*value, {"status", "clientCertificateData"});
  credential.key_pem = text_in(*value, {"status", "clientKeyData"});
  if (credential.authorization.empty() && credential.certificate_pem.empty())
    return invalid("its ExecCredential holds neither a token nor a client certificate");
  if (credential.certificate_pem.empty() != credential.key_pem.empty())
    return invalid("its ExecCredential holds a client certificate without its key, or a key alone");
  if (const auto expires = text_in(*value, {"status", "expirationTimestamp"}); !expires.empty()) {
    credential.expires = parse_rfc3339(expires);
    if (!credential.expires) return invalid("the expirationTimestamp of its ExecCredential is no time");
  }
  return credential;
}

std::string exec_info(const KubeAccess& access, const std::string& ca_pem) {
  json::object spec{{"interactive", false}};
  if (access.exec && access.exec->provide_cluster_info) {
    json::object cluster{{"server", access.server}};
    if (!ca_pem.empty()) cluster["certificate-authority-data"] = crypto::to_base64(ca_pem);
    if (access.insecure) cluster["insecure-skip-tls-verify"] = true;
    if (!access.tls_server_name.empty()) cluster["tls-server-name"] = access.tls_server_name;
    if (!access.proxy_url.empty()) cluster["proxy-url"] = access.proxy_url;
    spec["cluster"] = std::move(cluster);
  }
  return json::serialize(
      json::object{{"apiVersion", access.exec ? access.exec->api_version : ""}, {"kind", "ExecCredential"}, {"spec", std::move(spec)}});
}

Result<KubeCredential> KubeCredentials::run_plugin() const {
  const auto& exec = *access_.exec;
  TRY_ASSIGN(const auto ca, access_.ca.read());
  std::vector<std::string> words{"env", "KUBERNETES_EXEC_INFO=" + exec_info(access_, ca)};
  for (const auto& [name, value] : exec.environment) words.push_back(name + "=" + value);
  words.push_back(exec.command);
  words.insert(words.end(), exec.arguments.begin(), exec.arguments.end());
  auto said = run_child(words, {}, kPluginDeadline, kPrintedMost);
  if (!said.ok()) return said.error().context("credential plugin " + exec.command);
  constexpr int kNotThere = 127;
  if (said->exit_code == kNotThere)
    return not_found(fmt::format("the credential plugin {} of the kubeconfig is not there; {}", exec.command,
                                 exec.install_hint.empty() ? "install it" : std::string(trim(exec.install_hint))));
  constexpr std::size_t kToldMost = 400;
  const auto err = trim(said->err);
  if (said->exit_code != 0)
    return Error(Code::kPermissionDenied, fmt::format("the credential plugin {} failed with exit code {}: {}", exec.command,
                                                      said->exit_code, err.substr(err.size() - std::min(err.size(), kToldMost))));
  return parse_exec_credential(said->out, exec.api_version).context("credential plugin " + exec.command);
}

Result<KubeCredential> KubeCredentials::get(bool renew) {
  const MutexLock lock(mutex_);
  const bool expired = cached_ && cached_->expires && *cached_->expires - kSpare <= clock_.now();
  if (access_.exec) {
    if (!cached_ || renew || expired) {
      TRY_ASSIGN(cached_, run_plugin());
    }
    return *cached_;
  }
  KubeCredential credential;
  TRY_ASSIGN(credential.certificate_pem, access_.certificate.read());
  TRY_ASSIGN(credential.key_pem, access_.key.read());
  if (!access_.token.empty()) {
    credential.authorization = bearer(access_.token);
  } else if (!access_.token_file.empty()) {
    TRY_ASSIGN(const auto token, read_file(access_.token_file, 1 << 20));
    credential.authorization = bearer(std::string(trim(token)));
  } else if (!access_.username.empty()) {
    credential.authorization = "Basic " + crypto::to_base64(access_.username + ":" + access_.password);
  }
  return credential;
}

}  // namespace isobar::cloud
