#include "rclone_remote.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "crypto/encoding.h"
#include "storage/aws_access.h"
#include "storage/azure_access.h"

namespace isobar::transfer {

namespace json = boost::json;

namespace {

using Config = std::map<std::string, std::string>;

void set(Config& config, const std::string& name, const std::string& value) {
  if (!value.empty()) config[name] = value;
}

/// Whether the owner sent anything of this cloud along. If not, the node's own machine is what lets one in, and rclone asks it by itself,
/// again and again.
bool has_any(const GatewaySurroundings& sent, std::initializer_list<std::string_view> prefixes, std::string_view folder) {
  const auto begins = [&](const std::string& name) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view prefix) { return name.starts_with(prefix); });
  };
  for (const auto& [name, value] : sent.variables)
    if (begins(name)) return true;
  for (const auto& [path, content] : sent.files)
    if (path.find(folder) != std::string::npos) return true;
  return false;
}

Result<RcloneRemote> s3_remote(const MountOrder& order, const storage::Surroundings& surroundings, net::HttpTransport& transport,
                               const Clock& clock) {
  TRY_ASSIGN(const auto access, storage::find_aws_access(surroundings, order.store.profile, transport, clock));
  RcloneRemote remote;
  auto& config = remote.config;
  const auto endpoint = order.store.endpoint.empty() ? access.endpoint : order.store.endpoint;
  const auto region = order.store.region.empty() ? access.region : order.store.region;
  set(config, "type", "s3");
  set(config, "provider", endpoint.empty() ? "AWS" : "Other");
  set(config, "endpoint", endpoint);
  set(config, "region", region.empty() ? "us-east-1" : region);
  set(config, "list_version", "2");
  // The bucket is there; to make one when that cannot be seen is not for a mount to do.
  set(config, "no_check_bucket", "true");
  // Files of unknown length go up in ten thousand parts at most: 156 GiB.
  set(config, "chunk_size", "16Mi");
  if (order.store.requester_pays) set(config, "requester_pays", "true");
  if (order.store.anonymous) return remote;
  TRY_ASSIGN(const auto credentials, storage::await<storage::AwsCredentials>([&](auto done) { access.credentials->get(done); }));
  if (credentials.anonymous()) return remote;
  if (credentials.expires && !has_any(order.surroundings, {"AWS_ACCESS", "AWS_PROFILE", "AWS_ROLE", "AWS_WEB"}, ".aws/")) {
    set(config, "env_auth", "true");
    return remote;
  }
  set(config, "access_key_id", credentials.access_key_id);
  set(config, "secret_access_key", credentials.secret_access_key);
  set(config, "session_token", credentials.session_token);
  remote.expires = credentials.expires;
  return remote;
}

/// The file that Google's own libraries would read; empty: there is none, and the machine's own account is used.
Result<std::string> google_credentials(const storage::Surroundings& surroundings) {
  const auto named = surroundings.variable_or("GOOGLE_APPLICATION_CREDENTIALS");
  auto text = surroundings.read_file(surroundings.path(named.empty() ? "~/.config/gcloud/application_default_credentials.json" : named));
  if (!text.ok() && named.empty() && text.error().code() == Code::kNotFound) return std::string();
  return std::move(text).context("Google's credentials");
}

Status add_google_secret(const std::string& text, Config& config) {
  try {
    const auto parsed = json::parse(text);
    const auto& key = parsed.as_object();
    const auto field = [&](const char* name) { return std::string(key.at(name).as_string()); };
    const auto type = field("type");
    if (type == "service_account") {
      set(config, "service_account_credentials", json::serialize(parsed));
    } else if (type == "authorized_user") {
      set(config, "client_id", field("client_id"));
      set(config, "client_secret", field("client_secret"));
      // A token that has expired is renewed by what renews it before the first request.
      set(config, "token",
          json::serialize(json::object{{"access_token", "expired"},
                                       {"token_type", "Bearer"},
                                       {"refresh_token", field("refresh_token")},
                                       {"expiry", "2000-01-01T00:00:00Z"}}));
    } else {
      return invalid(
          fmt::format("Google's credentials are of type '{}', which a mount cannot use; a service account's key can, or `gcloud "
                      "auth application-default login`",
                      type));
    }
  } catch (const std::exception&) {
    return invalid("Google's credentials are not a key's JSON, or lack a field of it");
  }
  return {};
}

Result<RcloneRemote> gcs_remote(const MountOrder& order, const storage::Surroundings& surroundings) {
  RcloneRemote remote;
  auto& config = remote.config;
  set(config, "type", "google cloud storage");
  set(config, "bucket_policy_only", "true");
  const auto emulator = surroundings.variable_or("STORAGE_EMULATOR_HOST");
  const auto endpoint = !order.store.endpoint.empty() ? order.store.endpoint : emulator;
  if (!endpoint.empty()) set(config, "endpoint", (endpoint.find("://") == std::string::npos ? "http://" : "") + endpoint + "/storage/v1/");
  if (order.store.anonymous || !emulator.empty()) {
    set(config, "anonymous", "true");
    return remote;
  }
  TRY_ASSIGN(const auto key, google_credentials(surroundings));
  if (!key.empty()) TRY(add_google_secret(key, config));
  return remote;
}

/// rclone takes what follows the account's name: of "https://ada.blob.core.windows.net", "blob.core.windows.net".
Result<std::string> azure_domain(const std::string& endpoint, const std::string& account) {
  if (endpoint.empty()) return std::string();
  const auto begin = "https://" + account + ".";
  auto domain = endpoint.starts_with(begin) ? endpoint.substr(begin.size()) : "";
  while (domain.ends_with('/')) domain.pop_back();
  if (domain.empty() || domain.find('/') != std::string::npos)
    return invalid(
        fmt::format("with a key, what can be mounted is an endpoint such as {}DOMAIN, not '{}'; with a shared access signature any "
                    "can, or write `mode: COPY`",
                    begin, endpoint));
  return domain;
}

Result<RcloneRemote> azure_remote(const MountOrder& order, const std::string& account, const storage::Surroundings& surroundings,
                                  net::HttpTransport& transport, const Clock& clock) {
  TRY_ASSIGN(const auto access, storage::find_azure_access(surroundings, account, transport, clock));
  RcloneRemote remote;
  auto& config = remote.config;
  set(config, "type", "azureblob");
  set(config, "account", account);
  const auto endpoint = order.store.endpoint.empty() ? access.endpoint : order.store.endpoint;
  const auto domain = azure_domain(endpoint, account);
  set(config, "endpoint", domain.value_or(""));
  if (order.store.anonymous) return domain.ok() ? Result<RcloneRemote>(remote) : domain.error();
  TRY_ASSIGN(const auto credentials, storage::await<storage::AzureCredentials>([&](auto done) { access.credentials->get(done); }));
  if (!credentials.account_key.empty()) {
    TRY(domain);
    set(config, "key", crypto::to_base64(credentials.account_key));
  } else if (!credentials.sas.empty()) {
    TRY_ASSIGN(const auto location, storage::parse_location(order.store.location));
    const auto host = endpoint.empty() ? fmt::format("https://{}.blob.core.windows.net", account) : endpoint;
    config.erase("account");
    config.erase("endpoint");
    set(config, "sas_url", fmt::format("{}/{}?{}", host, location.bucket, credentials.sas));
  } else if (has_any(order.surroundings, {"AZURE_CLIENT", "AZURE_TENANT", "AZURE_FEDERATED"}, ".azure/")) {
    return invalid(
        "a client of Entra cannot be handed to a mount; set AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or "
        "AZURE_STORAGE_CONNECTION_STRING, or write `mode: COPY`");
  } else if (!credentials.bearer.empty()) {
    set(config, "use_msi", "true");
  }
  return remote;
}

Result<RcloneRemote> remote_of(const MountOrder& order, const storage::Location& location, const storage::Surroundings& surroundings,
                               net::HttpTransport& transport, const Clock& clock) {
  switch (location.kind) {
    case storage::Kind::kS3: return s3_remote(order, surroundings, transport, clock);
    case storage::Kind::kGcs: return gcs_remote(order, surroundings);
    case storage::Kind::kAzure: return azure_remote(order, location.account, surroundings, transport, clock);
    case storage::Kind::kLocal:
    case storage::Kind::kHttp: break;
  }
  return invalid("what can be mounted is s3://, gs:// and az://");
}

}  // namespace

std::string config_text(const RcloneRemote& remote) {
  std::string text = "[isobar]\n";
  for (const auto& [name, value] : remote.config) text += fmt::format("{} = {}\n", name, value);
  return text;
}

Result<RcloneRemote> rclone_remote(const MountOrder& order, const storage::Surroundings& surroundings, net::HttpTransport& transport,
                                   const Clock& clock) {
  TRY_ASSIGN(const auto location, storage::parse_location(order.store.location));
  TRY_ASSIGN(auto remote, remote_of(order, location, surroundings, transport, clock));
  auto key = location.key;
  while (key.ends_with('/')) key.pop_back();
  for (const auto& [name, value] : remote.config)
    if (value.find_first_of("\r\n") != std::string::npos) return invalid(fmt::format("the {} of the store has more than one line", name));
  remote.path = "isobar:" + location.bucket + (key.empty() ? "" : "/" + key);
  return remote;
}

}  // namespace isobar::transfer
