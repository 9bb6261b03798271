#include "storage/gcs_access.h"

#include <fmt/format.h>

#include "ask_token.h"
#include "google_key.h"

namespace isobar::storage {

namespace {

using Source = SecretSource<GcsCredentials>;

Done<TokenAnswer> as_credentials(Done<GcsCredentials> done) {
  return [done = std::move(done)](const Result<TokenAnswer>& answer) {
    if (!answer.ok()) return done(answer.error());
    done(GcsCredentials{answer->token, answer->expires});
  };
}

std::shared_ptr<Source> source_of(GoogleKey key, net::HttpTransport& transport, const Clock& clock) {
  return std::make_shared<Source>(&clock, [key = std::move(key), &transport, &clock](Done<GcsCredentials> done) {
    auto request = token_request(key, clock.now());
    if (!request.ok()) return done(request.error().context("sign in to Google Cloud"));
    ask_token(transport, clock, std::move(*request), "sign in to Google Cloud", as_credentials(std::move(done)));
  });
}

std::shared_ptr<Source> source_of_machine(const std::string& host, net::HttpTransport& transport, const Clock& clock) {
  return std::make_shared<Source>(&clock, [host, &transport, &clock](const Done<GcsCredentials>& done) {
    net::HttpRequest request;
    const auto url = net::parse_url("http://" + host + "/computeMetadata/v1/instance/service-accounts/default/token");
    if (!url.ok()) return done(url.error().context("GCE_METADATA_HOST"));
    request.url = *url;
    request.headers.add("Metadata-Flavor", "Google");
    request.stall_max = std::chrono::seconds(2);
    ask_token(transport, clock, std::move(request), "ask the machine for its service account", [done](const Result<TokenAnswer>& answer) {
      if (!answer.ok())
        return done(Error(
            Code::kPermissionDenied,
            "no credentials for Google Cloud were found: run `gcloud auth application-default login`, or name a service account's key in "
            "GOOGLE_APPLICATION_CREDENTIALS (this is no machine of Google's with a service account either)"));
      done(GcsCredentials{answer->token, answer->expires});
    });
  });
}

std::string named_project(const Surroundings& surroundings) {
  return surroundings.variable_or("GOOGLE_CLOUD_PROJECT", surroundings.variable_or("CLOUDSDK_CORE_PROJECT"));
}

}  // namespace

Result<GcsAccess> find_gcs_access(const Surroundings& surroundings, net::HttpTransport& transport, const Clock& clock) {
  const auto emulator = surroundings.variable("STORAGE_EMULATOR_HOST");
  if (!emulator) return find_google_access(surroundings, transport, clock);
  GcsAccess access;
  access.project = named_project(surroundings);
  access.endpoint = emulator->find("://") == std::string::npos ? "http://" + *emulator : *emulator;
  access.credentials = Source::of({});
  return access;
}

Result<GcsAccess> find_google_access(const Surroundings& surroundings, net::HttpTransport& transport, const Clock& clock) {
  GcsAccess access;
  access.project = named_project(surroundings);
  const auto named = surroundings.variable("GOOGLE_APPLICATION_CREDENTIALS");
  const std::string folder = surroundings.variable_or("CLOUDSDK_CONFIG", surroundings.path("~/.config/gcloud"));
  const std::string path = named ? surroundings.path(*named) : folder + "/application_default_credentials.json";
  const auto text = surroundings.read_file(path);
  if (text.ok()) {
    TRY_ASSIGN(GoogleKey key, parse_google_key(path, *text));
    if (access.project.empty()) access.project = key.project;
    access.credentials = source_of(std::move(key), transport, clock);
    return access;
  }
  if (named) return text.error().context("GOOGLE_APPLICATION_CREDENTIALS");
  if (text.error().code() != Code::kNotFound) return text.error();
  access.credentials = source_of_machine(surroundings.variable_or("GCE_METADATA_HOST", "metadata.google.internal"), transport, clock);
  return access;
}

}  // namespace isobar::storage
