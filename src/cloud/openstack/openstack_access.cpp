#include "openstack_access.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "base/text.h"
#include "yaml/yaml_tree.h"

namespace isobar::cloud::openstack {

namespace json = boost::json;

namespace {

constexpr const char* kEnvironment = "envvars";
constexpr const char* kMend =
    "no cloud of OpenStack is configured; put the clouds.yaml of its dashboard into ~/.config/openstack, or source its openrc file";

/// Settings by their names in clouds.yaml, those of `auth` among the others. What a variable says stands under the same name.
using Texts = std::map<std::string, std::string>;

/// Where a setting comes from, for messages.
struct Found {
  std::string cloud, where;
  Texts settings;
};

const std::vector<std::string> kVariables = {"auth_type",
                                             "auth_url",
                                             "username",
                                             "user_id",
                                             "user_domain_name",
                                             "user_domain_id",
                                             "password",
                                             "token",
                                             "project_name",
                                             "project_id",
                                             "tenant_name",
                                             "tenant_id",
                                             "project_domain_name",
                                             "project_domain_id",
                                             "region_name",
                                             "interface",
                                             "endpoint_type",
                                             "cacert",
                                             "default_domain",
                                             "application_credential_id",
                                             "insecure",
                                             "verify",
                                             "cloud",
                                             "application_credential_name",
                                             "domain_name",
                                             "domain_id",
                                             "application_credential_secret"};

std::string variable_of(const std::string& setting) {
  std::string name = "OS_";
  for (const char c : setting) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

std::optional<Found> in_variables(const storage::Surroundings& surroundings) {
  Found found{kEnvironment, "the variables OS_…", {}};
  for (const auto& name : kVariables)
    if (const auto value = surroundings.variable(variable_of(name))) found.settings[name] = *value;
  if (!found.settings.contains("auth_url")) return std::nullopt;
  return found;
}

void add_settings(const YamlNode& cloud, Texts& settings) {
  for (const auto& field : cloud.fields) {
    if (field.key.text == "auth") add_settings(field.value, settings);
    else if (field.value.kind == YamlNode::Kind::kScalar && !field.value.is_null()) settings[field.key.text] = field.value.text;
  }
}

struct CloudsFile {
  std::string path;
  std::map<std::string, Texts> clouds;
};

Status add_clouds(const std::string& text, const std::string& path, CloudsFile& into) {
  TRY_ASSIGN(const auto documents, read_yaml(text, path));
  const auto* clouds = documents.empty() ? nullptr : documents[0].find("clouds");
  if (clouds == nullptr || clouds->kind != YamlNode::Kind::kMap)
    return invalid(fmt::format("{}: it has no map `clouds`, one entry for each cloud", path));
  for (const auto& field : clouds->fields) add_settings(field.value, into.clouds[field.key.text]);
  return {};
}

std::vector<std::string> places_of(const storage::Surroundings& surroundings, const char* variable, const std::string& name) {
  if (const auto named = surroundings.variable(variable)) return {surroundings.path(*named)};
  const std::string own = surroundings.variable_or("XDG_CONFIG_HOME", surroundings.path("~/.config"));
  return {"./" + name + ".yaml", own + "/openstack/" + name + ".yaml", "/etc/openstack/" + name + ".yaml"};
}

/// The first clouds.yaml that there is, with the secrets of the first secure.yaml laid over it. None: there is none.
Result<std::optional<CloudsFile>> read_clouds(const storage::Surroundings& surroundings) {
  CloudsFile file;
  for (const auto& path : places_of(surroundings, "OS_CLIENT_CONFIG_FILE", "clouds")) {
    const auto text = surroundings.read_file(path);
    if (!text.ok() && text.error().code() == Code::kNotFound) continue;
    if (!text.ok()) return text.error();
    file.path = path;
    TRY(add_clouds(*text, path, file));
    break;
  }
  if (file.path.empty()) return std::optional<CloudsFile>();
  for (const auto& path : places_of(surroundings, "OS_CLIENT_SECURE_FILE", "secure")) {
    const auto text = surroundings.read_file(path);
    if (!text.ok() && text.error().code() == Code::kNotFound) continue;
    if (!text.ok()) return text.error();
    TRY(add_clouds(*text, path, file));
    break;
  }
  return std::optional(std::move(file));
}

Result<Found> find_settings(const storage::Surroundings& surroundings, std::optional<std::string> name) {
  if (!name) name = surroundings.variable("OS_CLOUD");
  auto variables = in_variables(surroundings);
  if (variables && (!name || *name == kEnvironment)) return std::move(*variables);
  TRY_ASSIGN(auto file, read_clouds(surroundings));
  if (!file) {
    if (!name) return not_found(kMend);
    return not_found(fmt::format("there is no clouds.yaml that could hold the cloud '{}'; put it into ~/.config/openstack", *name));
  }
  std::vector<std::string> names;
  for (const auto& [cloud, settings] : file->clouds) names.push_back(cloud);
  if (!name && names.size() == 1) name = names.front();
  if (!name)
    return invalid(fmt::format("{} holds the clouds {}; set OS_CLOUD to the one that is meant", file->path,
                               names.empty() ? "none" : join(names, ", ")));
  const auto cloud = file->clouds.find(*name);
  if (cloud == file->clouds.end()) {
    const auto near = closest(*name, names);
    return not_found(fmt::format("{} holds no cloud '{}'; {}", file->path, *name,
                                 near ? fmt::format("did you mean '{}'?", *near) : "there are " + join(names, ", ")));
  }
  return Found{*name, fmt::format("{}: {}", file->path, *name), std::move(cloud->second)};
}

Result<AuthType> auth_type_of(const Texts& settings, const std::string& where) {
  const auto given = settings.find("auth_type");
  const std::string type = given == settings.end() ? "" : to_lower(given->second);
  if (type.empty())
    return settings.contains("application_credential_secret")             ? AuthType::kApplicationCredential
           : settings.contains("token") && !settings.contains("password") ? AuthType::kToken
                                                                          : AuthType::kPassword;
  if (type == "password" || type == "v3password") return AuthType::kPassword;
  if (type == "token" || type == "v3token") return AuthType::kToken;
  if (type == "v3applicationcredential") return AuthType::kApplicationCredential;
  return invalid(fmt::format("{}: auth_type '{}' is not spoken here; password, token and v3applicationcredential are", where, type));
}

std::string without_version(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (url.ends_with("/v3")) url.resize(url.size() - 3);
  return url;
}

Status check(const Access& access, const Texts& settings, const std::string& where) {
  const auto lacks = [&](const char* what) { return invalid(fmt::format("{}: it names no {}", where, what)); };
  if (settings.contains("profile") && access.auth_url.empty())
    return invalid(fmt::format("{}: profiles of vendors are not known here; write the cloud's auth_url in place of `profile`", where));
  if (!access.auth_url.starts_with("http://") && !access.auth_url.starts_with("https://")) return lacks("auth_url (https://…)");
  if (access.auth_url.ends_with("/v2.0")) return invalid(fmt::format("{}: auth_url is of Keystone v2, which is not spoken here", where));
  for (const char* name : {"verify", "insecure"}) {
    const auto set = settings.find(name);
    const bool wanted = set != settings.end() && (to_lower(set->second) == (std::string_view(name) == "verify" ? "false" : "true"));
    if (wanted) return invalid(fmt::format("{}: certificates are always verified; name the cloud's own authority with `cacert`", where));
  }
  if (access.type == AuthType::kToken && access.token.empty()) return lacks("token");
  if (access.type == AuthType::kApplicationCredential) {
    if (access.credential_secret.empty()) return lacks("application_credential_secret");
    if (access.credential_id.empty() && access.credential_name.empty()) return lacks("application_credential_id");
    return {};
  }
  if (access.type == AuthType::kPassword && access.password.empty()) return lacks("password");
  if (access.type == AuthType::kPassword && access.user_name.empty() && access.user_id.empty()) return lacks("username");
  if (access.project_name.empty() && access.project_id.empty()) return lacks("project_name or project_id");
  return {};
}

json::object domain_of(const std::string& id, const std::string& name) {
  if (!id.empty()) return {{"id", id}};
  return {{"name", name.empty() ? "Default" : name}};
}

json::object user_of(const Access& access) {
  if (!access.user_id.empty()) return {{"id", access.user_id}};
  return {{"name", access.user_name}, {"domain", domain_of(access.user_domain_id, access.user_domain_name)}};
}

}  // namespace

Result<Access> find_access(const storage::Surroundings& surroundings, const std::optional<std::string>& name) {
  TRY_ASSIGN(const auto found, find_settings(surroundings, name));
  const auto get = [&](std::initializer_list<const char*> names) {
    for (const char* each : names)
      if (const auto setting = found.settings.find(each); setting != found.settings.end()) return setting->second;
    return std::string();
  };
  Access access{.cloud = found.cloud};
  TRY_ASSIGN(access.type, auth_type_of(found.settings, found.where));
  access.auth_url = without_version(get({"auth_url"}));
  access.user_name = get({"username", "user_name"});
  access.user_id = get({"user_id"});
  access.user_domain_name = get({"user_domain_name", "domain_name", "default_domain"});
  access.user_domain_id = get({"user_domain_id", "domain_id"});
  access.password = get({"password"});
  access.token = get({"token"});
  access.credential_id = get({"application_credential_id"});
  access.credential_name = get({"application_credential_name"});
  access.credential_secret = get({"application_credential_secret"});
  access.project_name = get({"project_name", "tenant_name"});
  access.project_id = get({"project_id", "tenant_id"});
  access.project_domain_name = get({"project_domain_name", "domain_name", "default_domain"});
  access.project_domain_id = get({"project_domain_id", "domain_id"});
  access.region = get({"region_name"});
  access.ca_file = surroundings.path(get({"cacert"}));
  std::string interface = to_lower(get({"interface", "endpoint_type"}));
  if (interface.ends_with("url")) interface.resize(interface.size() - 3);  // "publicURL", as it once was
  if (!interface.empty()) access.interface = interface;
  TRY(check(access, found.settings, found.where));
  return access;
}

std::string auth_body(const Access& access) {
  json::object identity, scope;
  if (access.type == AuthType::kToken) identity = {{"methods", {"token"}}, {"token", {{"id", access.token}}}};
  if (access.type == AuthType::kPassword) {
    auto user = user_of(access);
    user["password"] = access.password;
    identity = {{"methods", {"password"}}, {"password", {{"user", std::move(user)}}}};
  }
  if (access.type == AuthType::kApplicationCredential) {
    json::object credential{{"secret", access.credential_secret}};
    if (!access.credential_id.empty()) {
      credential["id"] = access.credential_id;
    } else {
      credential["name"] = access.credential_name;
      credential["user"] = user_of(access);
    }
    identity = {{"methods", {"application_credential"}}, {"application_credential", std::move(credential)}};
    // It is of one project, which it does not let anyone name.
    return json::serialize(json::object{{"auth", {{"identity", identity}}}});
  }
  if (!access.project_id.empty()) scope = {{"project", {{"id", access.project_id}}}};
  else scope = {{"project", {{"name", access.project_name}, {"domain", domain_of(access.project_domain_id, access.project_domain_name)}}}};
  return json::serialize(json::object{{"auth", {{"identity", identity}, {"scope", scope}}}});
}

}  // namespace isobar::cloud::openstack
