#pragma once

/// Who we are to an API server: what the kubeconfig says, or what a program that it names says, which is asked again when that expires.

#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/time.h"
#include "kubeconfig.h"

namespace isobar::cloud {

struct KubeCredential {
  std::string authorization;             ///< the header; empty: none
  std::string certificate_pem, key_pem;  ///< to show under TLS; empty: none
  std::optional<Instant> expires;
  friend bool operator==(const KubeCredential&, const KubeCredential&) = default;
};

/// What a plugin printed.
/// Errors   kInvalidArgument: not an ExecCredential of the version that was asked for, or without a credential. Never tells what it holds
Result<KubeCredential> parse_exec_credential(std::string_view printed, std::string_view api_version);

/// What a plugin is told in KUBERNETES_EXEC_INFO.
/// ca_pem   of the server
std::string exec_info(const KubeAccess& access, const std::string& ca_pem);

/// Safe from any thread.
class KubeCredentials {
 public:
  KubeCredentials(KubeAccess access, const Clock& clock) : access_(std::move(access)), clock_(clock) {}

  /// renew    what was handed out before is not accepted any more
  /// Errors   kNotFound: a file or the plugin is missing, with its install hint; kPermissionDenied: the plugin failed, with what it
  ///          said; kInvalidArgument
  Result<KubeCredential> get(bool renew = false);
  /// Whether asking again may give another answer.
  bool renewable() const { return access_.exec.has_value() || !access_.token_file.empty(); }

 private:
  Result<KubeCredential> run_plugin() const;

  KubeAccess access_;
  const Clock& clock_;
  Mutex mutex_;
  std::optional<KubeCredential> cached_ GUARDED_BY(mutex_);
};

}  // namespace isobar::cloud
