#include "kubeconfig.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "crypto/encoding.h"
#include "yaml/yaml_tree.h"

namespace isobar::cloud {

namespace {

constexpr std::uint64_t kFileBytesMax = 16 << 20;
const std::vector<std::string> kExecVersions{"client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"};

/// An entry of one of the lists, with the file it stands in.
struct Entry {
  const YamlNode* value;
  const fs::path* file;
};
using Entries = std::map<std::string, Entry>;

std::string text_of(const YamlNode& map, std::string_view key) {
  const auto* node = map.find(key);
  return !node || node->kind != YamlNode::Kind::kScalar || node->is_null() ? std::string() : node->text;
}

bool truth_of(const YamlNode& map, std::string_view key) {
  const auto* node = map.find(key);
  if (!node || node->kind != YamlNode::Kind::kScalar) return false;
  const auto scalar = resolve(*node);
  return scalar.type == Scalar::Type::kBool && scalar.boolean;
}

Error at(const Entry& entry, std::string_view what) {
  return invalid(fmt::format("{}:{}:{}: {}", entry.file->string(), entry.value->mark.line, entry.value->mark.column, what));
}

fs::path path_in(const Entry& entry, const std::string& path) {
  return path.empty() || fs::path(path).is_absolute() ? fs::path(path) : entry.file->parent_path() / path;
}

/// `name` is a path, `name`-data the content in base64, which counts before it.
Result<KubeText> content(const Entry& entry, const std::string& name) {
  const auto data = text_of(*entry.value, name + "-data");
  if (data.empty()) return KubeText{path_in(entry, text_of(*entry.value, name)), {}};
  auto decoded = crypto::from_base64(data);
  // What it holds is never told.
  if (!decoded.ok() || decoded->empty()) return at(entry, name + "-data is not base64");
  return KubeText{{}, std::move(*decoded)};
}

Status gather(const YamlNode& root, const fs::path& file, const char* list, const char* kind, Entries& into) {
  const auto* entries = root.find(list);
  if (!entries || entries->is_null()) return {};
  const auto wrong = [&](const YamlNode& node, std::string_view what) {
    return invalid(fmt::format("{}:{}:{}: {}", file.string(), node.mark.line, node.mark.column, what));
  };
  if (entries->kind != YamlNode::Kind::kSequence) return wrong(*entries, fmt::format("{} must be a list", list));
  for (const auto& item : entries->items) {
    const auto* value = item.kind == YamlNode::Kind::kMap ? item.find(kind) : nullptr;
    if (!value || value->kind != YamlNode::Kind::kMap || text_of(item, "name").empty())
      return wrong(item, fmt::format("an entry of {} needs a name and a {}", list, kind));
    into.emplace(text_of(item, "name"), Entry{value, &file});
  }
  return {};
}

Status read_cluster(const Entry& cluster, KubeAccess& access) {
  access.server = text_of(*cluster.value, "server");
  if (!access.server.starts_with("https://") && !access.server.starts_with("http://"))
    return at(cluster, "the cluster's server must be an https:// URL");
  while (access.server.ends_with('/')) access.server.pop_back();
  TRY_ASSIGN(access.ca, content(cluster, "certificate-authority"));
  access.insecure = truth_of(*cluster.value, "insecure-skip-tls-verify");
  access.tls_server_name = text_of(*cluster.value, "tls-server-name");
  access.proxy_url = text_of(*cluster.value, "proxy-url");
  if (access.proxy_url.starts_with("socks"))
    return at(cluster, "proxy-url: a SOCKS proxy cannot be used; name one that speaks HTTP (http://host:port)");
  return {};
}

Status read_exec(const Entry& user, const YamlNode& node, KubeAccess& access) {
  KubeExec exec{text_of(node, "apiVersion"),         text_of(node, "command"), {}, {}, text_of(node, "installHint"),
                truth_of(node, "provideClusterInfo")};
  if (exec.command.empty()) return at(user, "exec: it names no command");
  if (std::find(kExecVersions.begin(), kExecVersions.end(), exec.api_version) == kExecVersions.end())
    return at(user, fmt::format("exec: apiVersion '{}' is not spoken here; it can be {}: update the plugin and its kubeconfig entry",
                                exec.api_version, join(kExecVersions, " or ")));
  if (exec.command.find('/') != std::string::npos) exec.command = path_in(user, exec.command).string();
  if (const auto* arguments = node.find("args"))
    for (const auto& argument : arguments->items) exec.arguments.push_back(argument.text);
  if (const auto* environment = node.find("env"))
    for (const auto& variable : environment->items) exec.environment.emplace_back(text_of(variable, "name"), text_of(variable, "value"));
  access.exec = std::move(exec);
  return {};
}

Status read_user(const Entry& user, KubeAccess& access) {
  access.token = text_of(*user.value, "token");
  access.token_file = path_in(user, text_of(*user.value, "tokenFile"));
  access.username = text_of(*user.value, "username");
  access.password = text_of(*user.value, "password");
  TRY_ASSIGN(access.certificate, content(user, "client-certificate"));
  TRY_ASSIGN(access.key, content(user, "client-key"));
  if (access.certificate.empty() != access.key.empty())
    return at(user, "client-certificate and client-key belong together, and one of them is missing");
  if (const auto* exec = user.value->find("exec"); exec && exec->kind == YamlNode::Kind::kMap) return read_exec(user, *exec, access);
  const auto* provider = user.value->find("auth-provider");
  if (provider && access.token.empty() && access.certificate.empty())
    return at(user, fmt::format("auth-provider '{}' was removed from Kubernetes; write the entry anew with an exec plugin (for GKE: gcloud "
                                "container clusters get-credentials, for AKS: kubelogin convert-kubeconfig)",
                                text_of(*provider, "name")));
  return {};
}

Result<KubeAccess> read_context(const std::string& name, const Entry& context, const Entries& clusters, const Entries& users) {
  KubeAccess access{.context = name};
  if (const auto in = text_of(*context.value, "namespace"); !in.empty()) access.name_space = in;
  const auto cluster = clusters.find(text_of(*context.value, "cluster"));
  if (cluster == clusters.end())
    return at(context, fmt::format("context '{}' names the cluster '{}', which no file has", name, text_of(*context.value, "cluster")));
  TRY(read_cluster(cluster->second, access));
  const auto who = text_of(*context.value, "user");
  const auto user = users.find(who);
  if (!who.empty() && user == users.end())
    return at(context, fmt::format("context '{}' names the user '{}', which no file has", name, who));
  if (user != users.end()) TRY(read_user(user->second, access));
  return access;
}

}  // namespace

Result<Kubeconfig> Kubeconfig::parse(const std::vector<KubeFile>& files) {
  std::vector<std::vector<YamlNode>> roots;  // what the entries point into
  Entries clusters, users, contexts;
  Kubeconfig config;
  std::vector<std::string> order;
  for (const auto& file : files) {
    TRY_ASSIGN(auto documents, read_yaml(file.text, file.path.string()));
    roots.push_back(std::move(documents));
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& root = roots[i][0];
    if (root.is_null()) continue;
    if (root.kind != YamlNode::Kind::kMap) return invalid(files[i].path.string() + ":1:1: a kubeconfig is a map");
    if (config.current_.empty()) config.current_ = text_of(root, "current-context");
    TRY(gather(root, files[i].path, "clusters", "cluster", clusters));
    TRY(gather(root, files[i].path, "users", "user", users));
    TRY(gather(root, files[i].path, "contexts", "context", contexts));
  }
  for (const auto& [name, entry] : contexts) config.contexts_.emplace_back(name, read_context(name, entry, clusters, users));
  return config;
}

Kubeconfig Kubeconfig::in_cluster(KubeAccess access) {
  Kubeconfig config;
  access.context = "in-cluster";
  config.current_ = access.context;
  config.contexts_.emplace_back(access.context, std::move(access));
  return config;
}

std::vector<std::string> Kubeconfig::contexts() const {
  std::vector<std::string> names;
  for (const auto& [name, access] : contexts_) names.push_back(name);
  return names;
}

Result<KubeAccess> Kubeconfig::access(const std::string& context) const {
  for (const auto& [name, access] : contexts_)
    if (name == context) return access;
  const auto names = contexts();
  const auto near = closest(context, names);
  return not_found(fmt::format("there is no context '{}' in the kubeconfig; {}", context,
                               near            ? fmt::format("did you mean {}?", *near)
                               : names.empty() ? "it has none"
                                               : "it has " + join(names, ", ")));
}

namespace {

std::optional<Kubeconfig> of_this_pod(const KubeSurroundings& surroundings) {
  const auto host = surroundings.variable("KUBERNETES_SERVICE_HOST"), port = surroundings.variable("KUBERNETES_SERVICE_PORT");
  std::error_code absent;
  if (!host || host->empty() || !port || !fs::exists(surroundings.service_account / "token", absent)) return std::nullopt;
  const bool v6 = host->find(':') != std::string::npos;
  KubeAccess access{.server = fmt::format("https://{}{}{}:{}", v6 ? "[" : "", *host, v6 ? "]" : "", *port)};
  access.ca.file = surroundings.service_account / "ca.crt";
  access.token_file = surroundings.service_account / "token";
  if (const auto in = read_file(surroundings.service_account / "namespace"); in.ok() && !trim(*in).empty())
    access.name_space = std::string(trim(*in));
  return Kubeconfig::in_cluster(std::move(access));
}

}  // namespace

Result<Kubeconfig> find_kubeconfig(const KubeSurroundings& surroundings) {
  std::vector<fs::path> paths;
  const auto list = surroundings.variable("KUBECONFIG");
  if (list)
    for (const auto path : split(*list, ':'))
      if (!path.empty()) paths.emplace_back(path);
  const auto usual = surroundings.home / ".kube" / "config";
  if (paths.empty()) paths.push_back(usual);
  std::vector<KubeFile> files;
  for (const auto& path : paths) {
    auto text = read_file(path, kFileBytesMax);
    if (!text.ok() && text.error().code() == Code::kNotFound) continue;
    if (!text.ok()) return text.error();
    files.push_back({fs::absolute(path), std::move(*text)});
  }
  if (!files.empty()) return Kubeconfig::parse(files);
  if (auto own = of_this_pod(surroundings)) return std::move(*own);
  return not_found(fmt::format("no kubeconfig: put one at {}, or have KUBECONFIG name it", usual.string()));
}

}  // namespace isobar::cloud
