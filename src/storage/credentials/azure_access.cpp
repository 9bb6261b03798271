#include "storage/azure_access.h"

#include <fmt/format.h>

#include "ask_token.h"
#include "base/text.h"
#include "crypto/encoding.h"
#include "flat_json.h"
#include "storage/refusal.h"

namespace isobar::storage {

namespace {

using Source = SecretSource<AzureCredentials>;
constexpr std::string_view kStorage = "https://storage.azure.com/";
constexpr Duration kCliTokenLasts = std::chrono::minutes(10);  // when the CLI does not say
// The account and key of every emulator: published, and secret nowhere.
constexpr std::string_view kEmulatorAccount = "devstoreaccount1";
constexpr std::string_view kEmulatorKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

Result<std::string> raw_key(std::string_view name, std::string_view base64) {
  auto key = crypto::from_base64(base64);
  if (!key.ok() || key->empty()) return invalid(fmt::format("{} is no key: it should be base64, as the portal shows it", name));
  return key;
}

std::string without_mark(std::string_view sas) { return std::string(sas.starts_with('?') ? sas.substr(1) : sas); }

Done<TokenAnswer> as_credentials(Done<AzureCredentials> done) {
  return [done = std::move(done)](const Result<TokenAnswer>& answer) {
    if (!answer.ok()) return done(answer.error());
    AzureCredentials credentials;
    credentials.bearer = answer->token;
    credentials.expires = answer->expires;
    done(std::move(credentials));
  };
}

// resource   for which the token is: "https://storage.azure.com/"
std::shared_ptr<Source> client_of_entra(const Surroundings& surroundings, const std::string& tenant, const std::string& client,
                                        const std::string& resource, net::HttpTransport& transport, const Clock& clock) {
  return std::make_shared<Source>(&clock, [=, &transport, &clock](Done<AzureCredentials> done) {
    net::HttpRequest request;
    request.method = "POST";
    const auto url = net::parse_url(surroundings.variable_or("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com"));
    if (!url.ok()) return done(url.error().context("AZURE_AUTHORITY_HOST"));
    request.url = *url;
    request.url.target = "/" + net::percent_encode(tenant) + "/oauth2/v2.0/token";
    request.headers.add("Content-Type", "application/x-www-form-urlencoded");
    net::QueryParameters form = {{"grant_type", "client_credentials"}, {"client_id", client}, {"scope", resource + ".default"}};
    if (const auto secret = surroundings.variable("AZURE_CLIENT_SECRET")) {
      form.emplace_back("client_secret", *secret);
    } else {
      const auto token = surroundings.read_file(surroundings.variable_or("AZURE_FEDERATED_TOKEN_FILE"));
      if (!token.ok()) return done(token.error().context("AZURE_FEDERATED_TOKEN_FILE"));
      form.emplace_back("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
      form.emplace_back("client_assertion", std::string(trim(*token)));
    }
    request.owned_body = net::encode_query(form);
    ask_token(transport, clock, std::move(request), "sign in to Entra", as_credentials(std::move(done)));
  });
}

Result<net::HttpRequest> identity_request(const Surroundings& surroundings, const std::string& resource) {
  net::HttpRequest request;
  const auto service = surroundings.variable("IDENTITY_ENDPOINT"), header = surroundings.variable("IDENTITY_HEADER");
  net::QueryParameters query = {{"api-version", service && header ? "2019-08-01" : "2018-02-01"}, {"resource", resource}};
  if (const auto client = surroundings.variable("AZURE_CLIENT_ID")) query.emplace_back("client_id", *client);
  TRY_ASSIGN(request.url, net::parse_url(service && header ? *service : "http://169.254.169.254/metadata/identity/oauth2/token"));
  request.url.target += (request.url.target.find('?') == std::string::npos ? "?" : "&") + net::encode_query(query);
  if (service && header) request.headers.add("X-IDENTITY-HEADER", *header);
  else request.headers.add("Metadata", "true");
  request.stall_max = std::chrono::seconds(2);
  return request;
}

// none   what is told where there is no identity
std::shared_ptr<Source> identity_of_machine(const Surroundings& surroundings, const std::string& resource, const std::string& none,
                                            net::HttpTransport& transport, const Clock& clock) {
  return std::make_shared<Source>(&clock, [surroundings, resource, none, &transport, &clock](const Done<AzureCredentials>& done) {
    auto request = identity_request(surroundings, resource);
    if (!request.ok()) return done(request.error().context("IDENTITY_ENDPOINT"));
    ask_token(transport, clock, std::move(*request), "ask the machine for its identity", [done, none](const Result<TokenAnswer>& answer) {
      if (answer.ok()) return as_credentials(done)(answer);
      done(Error(Code::kPermissionDenied, none + " (this machine has no managed identity either)"));
    });
  });
}

// {"accessToken", "expires_on"}: of newer CLIs the seconds since 1970.
Result<AzureCredentials> parse_cli_token(std::string_view json, Instant now) {
  TRY_ASSIGN(const FlatJson fields, FlatJson::parse(json));
  AzureCredentials credentials;
  TRY_ASSIGN(credentials.bearer, fields.need("accessToken"));
  for (const char c : credentials.bearer)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f) return invalid("the field 'accessToken' is no token");
  const auto until = parse_count(fields.get("expires_on"));
  credentials.expires =
      until.ok() && *until < 100'000'000'000 ? Instant::from_unix_seconds(static_cast<std::int64_t>(*until)) : now + kCliTokenLasts;
  return credentials;
}

std::shared_ptr<Source> cli_of_azure(const Surroundings& surroundings, const std::string& resource, const Clock& clock) {
  return std::make_shared<Source>(&clock, [surroundings, resource, &clock](const Done<AzureCredentials>& done) {
    surroundings.run_program(
        "az account get-access-token --output json --resource " + shell_quote(resource), [done, &clock](const Result<std::string>& said) {
          auto token = said.ok() ? parse_cli_token(*said, clock.now()) : Result<AzureCredentials>(said.error());
          if (token.ok()) return done(std::move(token));
          done(Error(Code::kPermissionDenied, "az account get-access-token: " + token.error().message() + "; run `az login`"));
        });
  });
}

// AZURE_TENANT_ID, AZURE_CLIENT_ID and something to prove it; none: not by that.
std::shared_ptr<Source> client_in(const Surroundings& surroundings, const std::string& resource, net::HttpTransport& transport,
                                  const Clock& clock) {
  const auto tenant = surroundings.variable("AZURE_TENANT_ID"), client = surroundings.variable("AZURE_CLIENT_ID");
  const bool can_prove = surroundings.variable("AZURE_CLIENT_SECRET") || surroundings.variable("AZURE_FEDERATED_TOKEN_FILE");
  return tenant && client && can_prove ? client_of_entra(surroundings, *tenant, *client, resource, transport, clock) : nullptr;
}

}  // namespace

Result<AzureConnection> parse_azure_connection(std::string_view text) {
  AzureConnection connection;
  std::string protocol = "https", suffix = "core.windows.net";
  for (const std::string_view part : split(text, ';')) {
    if (trim(part).empty()) continue;
    const auto equals = part.find('=');
    if (equals == part.npos) return invalid("the connection string has a part that is not NAME=VALUE; parts are separated by ;");
    const std::string name = to_lower(trim(part.substr(0, equals)));
    const std::string value(trim(part.substr(equals + 1)));
    if (name == "accountname") connection.account = value;
    if (name == "accountkey") {
      TRY_ASSIGN(connection.key, raw_key("AccountKey in the connection string", value));
    }
    if (name == "sharedaccesssignature") connection.sas = without_mark(value);
    if (name == "blobendpoint") connection.endpoint = value;
    if (name == "defaultendpointsprotocol") protocol = value;
    if (name == "endpointsuffix") suffix = value;
    if (name == "usedevelopmentstorage" && to_lower(value) == "true") {
      connection.account = kEmulatorAccount;
      TRY_ASSIGN(connection.key, raw_key("the emulator's key", kEmulatorKey));
      connection.endpoint = "http://127.0.0.1:10000/devstoreaccount1";
    }
  }
  if (connection.account.empty() && connection.endpoint.empty()) return invalid("the connection string names no AccountName");
  if (connection.endpoint.empty()) connection.endpoint = fmt::format("{}://{}.blob.{}", protocol, connection.account, suffix);
  if (const auto url = net::parse_url(connection.endpoint); !url.ok()) return invalid("the connection string's endpoint is no URL");
  return connection;
}

Result<AzureAccess> find_azure_access(const Surroundings& surroundings, const std::string& account, net::HttpTransport& transport,
                                      const Clock& clock) {
  AzureAccess access;
  access.endpoint = surroundings.variable_or("AZURE_STORAGE_ENDPOINT");
  AzureCredentials credentials;
  if (const auto text = surroundings.variable("AZURE_STORAGE_CONNECTION_STRING")) {
    TRY_ASSIGN(const AzureConnection connection, parse_azure_connection(*text).context("AZURE_STORAGE_CONNECTION_STRING"));
    if (connection.account.empty() || connection.account == account) {
      credentials.account_key = connection.key;
      credentials.sas = connection.key.empty() ? connection.sas : "";
      if (access.endpoint.empty()) access.endpoint = connection.endpoint;
      access.credentials = Source::of(credentials);
      return access;
    }
  }
  if (surroundings.variable_or("AZURE_STORAGE_ACCOUNT", account) == account) {
    if (const auto key = surroundings.variable("AZURE_STORAGE_KEY")) {
      TRY_ASSIGN(credentials.account_key, raw_key("AZURE_STORAGE_KEY", *key));
    } else if (const auto sas = surroundings.variable("AZURE_STORAGE_SAS_TOKEN")) {
      credentials.sas = without_mark(*sas);
    }
    if (!credentials.account_key.empty() || !credentials.sas.empty()) {
      access.credentials = Source::of(credentials);
      return access;
    }
  }
  access.credentials = client_in(surroundings, std::string(kStorage), transport, clock);
  if (!access.credentials)
    access.credentials =
        identity_of_machine(surroundings, std::string(kStorage),
                            "no credentials for Azure Storage were found: set AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY, "
                            "AZURE_STORAGE_CONNECTION_STRING, or "
                            "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
                            transport, clock);
  return access;
}

std::shared_ptr<SecretSource<AzureCredentials>> find_entra_access(const Surroundings& surroundings, const std::string& resource,
                                                                  net::HttpTransport& transport, const Clock& clock) {
  if (auto client = client_in(surroundings, resource, transport, clock)) return client;
  const std::string folder = surroundings.variable_or("AZURE_CONFIG_DIR", surroundings.path("~/.azure"));
  if (surroundings.read_file(folder + "/azureProfile.json").ok()) return cli_of_azure(surroundings, resource, clock);
  return identity_of_machine(surroundings, resource,
                             "no credentials for Azure were found: run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
                             "AZURE_CLIENT_SECRET",
                             transport, clock);
}

}  // namespace isobar::storage
