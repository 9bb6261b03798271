#pragma once

/// The files that say where Kubernetes' API servers are and who one is there, as kubectl reads them. Pure but for `find_kubeconfig`.
///
/// Source   kubernetes.io "Organizing Cluster Access Using kubeconfig Files": of several files the first that says something about a
///          name is right, and paths are relative to the file that names them.

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace isobar::cloud {

/// A program that says who we are (client.authentication.k8s.io).
struct KubeExec {
  std::string api_version;  ///< client.authentication.k8s.io/v1 or v1beta1
  std::string command;      ///< sought in PATH, or below the folder of its file where it holds a slash
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string install_hint;
  bool provide_cluster_info = false;
  friend bool operator==(const KubeExec&, const KubeExec&) = default;
};

/// A file, or its content where that stands in the kubeconfig itself.
struct KubeText {
  fs::path file;
  std::string text;
  bool empty() const { return file.empty() && text.empty(); }
  /// Errors   as read_file
  Result<std::string> read() const { return text.empty() && !file.empty() ? read_file(file, 1 << 20) : Result<std::string>(text); }
  friend bool operator==(const KubeText&, const KubeText&) = default;
};

/// All that is needed to speak to the API server of one context. It holds secrets: never to be logged.
struct KubeAccess {
  std::string context, name_space = "default";
  std::string server;  ///< "https://host:port/path"
  KubeText ca;
  bool insecure = false;        ///< the server's certificate is not looked at
  std::string tls_server_name;  ///< what it must carry in place of the server's host
  std::string proxy_url;
  std::string token;
  fs::path token_file;  ///< read anew for each request that needs it: it is renewed by others
  KubeText certificate, key;
  std::string username, password;
  std::optional<KubeExec> exec;
  friend bool operator==(const KubeAccess&, const KubeAccess&) = default;
};

struct KubeFile {
  fs::path path;
  std::string text;
};

class Kubeconfig {
 public:
  /// Of several files, in the order of KUBECONFIG.
  /// Errors   kInvalidArgument: "FILE:LINE:COLUMN: what"
  static Result<Kubeconfig> parse(const std::vector<KubeFile>& files);
  /// Of a pod that may speak to the cluster it runs in; its context is called "in-cluster".
  static Kubeconfig in_cluster(KubeAccess access);

  std::vector<std::string> contexts() const;
  /// Empty: none is.
  const std::string& current() const { return current_; }
  /// Errors   kNotFound: there is no such context (with the nearest); kInvalidArgument: what it names is not there, or of a kind that
  ///          cannot be used here, with the mend
  Result<KubeAccess> access(const std::string& context) const;

 private:
  std::string current_;
  std::vector<std::pair<std::string, Result<KubeAccess>>> contexts_;
};

struct KubeSurroundings {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  fs::path home;                                                               ///< the user's
  fs::path service_account = "/var/run/secrets/kubernetes.io/serviceaccount";  ///< of a pod
};
/// KUBECONFIG's files, else ~/.kube/config, else this pod's service account. Files of KUBECONFIG that are not there are passed over.
/// Errors   kNotFound: none of it is there; kInvalidArgument
Result<Kubeconfig> find_kubeconfig(const KubeSurroundings& surroundings);

}  // namespace isobar::cloud
