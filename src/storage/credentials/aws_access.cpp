#include "storage/aws_access.h"

#include <fmt/format.h>

#include "aws_documents.h"
#include "aws_recipe.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "storage/refusal.h"
#include "storage/s3_xml.h"
#include "storage/xml.h"

namespace isobar::storage {

namespace {

using Way = AwsRecipe::Way;
constexpr Duration kMetadataStallMax = std::chrono::seconds(2);

/// Carries a recipe out. Lives as long as a fetch is under way.
class AwsKitchen : public std::enable_shared_from_this<AwsKitchen> {
 public:
  AwsKitchen(Surroundings surroundings, net::HttpTransport& transport, const Clock& clock)
      : surroundings_(std::move(surroundings)), transport_(transport), clock_(clock) {}

  void cook(const AwsRecipe& recipe, const Done<AwsCredentials>& done) {
    switch (recipe.way) {
      case Way::kKeys: return done(recipe.keys);
      case Way::kAssumeRole: return assume_role(recipe, done);
      case Way::kWebIdentity: return web_identity(recipe, done);
      case Way::kSso: return sso(recipe, done);
      case Way::kProcess: return process(recipe, done);
      case Way::kContainer: return container(recipe, done);
      case Way::kInstance: return instance(done);
    }
  }

 private:
  using Parse = std::function<Result<AwsCredentials>(std::string_view)>;

  void ask(net::HttpRequest request, const std::string& doing, const Parse& parse, const Done<AwsCredentials>& done) {
    request.body_bytes_max = 1 << 20;
    transport_.start(std::move(request), [self = shared_from_this(), doing, parse, done](const Result<net::HttpResponse>& response) {
      if (!response.ok()) return done(response.error().context(doing));
      if (!response->ok()) return done(refused(*response, doing));
      done(parse(response->body).context(doing));
    });
  }

  // STS answers in XML of its own, the others in JSON: of both nothing but the error's code and sentence is told.
  static Error refused(const net::HttpResponse& response, const std::string& doing) {
    Refusal refusal{response.status, "", "", std::string(response.headers.get("x-amzn-RequestId"))};
    if (const auto document = XmlDocument::parse(response.body, 1 << 20); document.ok()) {
      refusal.code = document->root().child("Error").text_of("Code");
      refusal.message = document->root().child("Error").text_of("Message");
    }
    const Code code = code_of_status(response.status) == Code::kInvalidArgument ? Code::kPermissionDenied : code_of_status(response.status);
    return error_of(refusal, code, doing);
  }

  Result<net::HttpRequest> sts(const AwsRecipe& recipe, net::QueryParameters form) const {
    const std::string region = recipe.region.empty() ? surroundings_.variable_or("AWS_REGION", "us-east-1") : recipe.region;
    const std::string endpoint = surroundings_.variable_or(
        "AWS_ENDPOINT_URL_STS", surroundings_.variable_or("AWS_ENDPOINT_URL", fmt::format("https://sts.{}.amazonaws.com{}/", region,
                                                                                          region.starts_with("cn-") ? ".cn" : "")));
    net::HttpRequest request;
    request.method = "POST";
    TRY_ASSIGN(request.url, net::parse_url(endpoint));
    request.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    form.emplace_back("Version", "2011-06-15");
    form.emplace_back("RoleArn", recipe.role_arn);
    form.emplace_back("RoleSessionName", recipe.session_name.empty() ? fmt::format("isobar-{}", clock_.now().unix_nanos() / 1'000'000'000)
                                                                     : recipe.session_name);
    form.emplace_back("DurationSeconds", std::to_string(recipe.duration_seconds));
    if (!recipe.external_id.empty()) form.emplace_back("ExternalId", recipe.external_id);
    request.owned_body = net::encode_query(form);
    return request;
  }

  void assume_role(const AwsRecipe& recipe, const Done<AwsCredentials>& done) {
    cook(*recipe.source, [self = shared_from_this(), recipe, done](const Result<AwsCredentials>& source) {
      if (!source.ok()) return done(source.error());
      auto request = self->sts(recipe, {{"Action", "AssumeRole"}});
      if (!request.ok()) return done(request.error());
      const std::string region = recipe.region.empty() ? self->surroundings_.variable_or("AWS_REGION", "us-east-1") : recipe.region;
      sign_v4(*request, *source, {region, "sts"}, crypto::to_hex(crypto::sha256(request->owned_body)), self->clock_.now());
      self->ask(std::move(*request), "assume the role " + recipe.role_arn, parse_sts_credentials, done);
    });
  }

  void web_identity(const AwsRecipe& recipe, const Done<AwsCredentials>& done) {
    const auto token = surroundings_.read_file(recipe.token_file);
    if (!token.ok()) return done(token.error().context("read the web identity's token"));
    auto request = sts(recipe, {{"Action", "AssumeRoleWithWebIdentity"}, {"WebIdentityToken", std::string(trim(*token))}});
    if (!request.ok()) return done(request.error());
    ask(std::move(*request), "assume the role " + recipe.role_arn + " by web identity", parse_sts_credentials, done);
  }

  void sso(const AwsRecipe& recipe, const Done<AwsCredentials>& done) {
    const std::string path =
        surroundings_.path("~/.aws/sso/cache/" + crypto::to_hex(crypto::digest(crypto::Digest::kSha1, recipe.sso_cache_name)) + ".json");
    const auto file = surroundings_.read_file(path);
    if (!file.ok())
      return done(Error(Code::kPermissionDenied, "nobody is signed in to " + recipe.sso_cache_name + "; run `aws sso login`"));
    const auto token = parse_sso_token(*file, clock_.now());
    if (!token.ok()) return done(token.error().context(path));
    net::HttpRequest request;
    request.url = {"https", fmt::format("portal.sso.{}.amazonaws.com", recipe.sso_region), 443,
                   "/federation/credentials?" + net::encode_query({{"role_name", recipe.sso_role}, {"account_id", recipe.sso_account}})};
    request.headers.add("x-amz-sso_bearer_token", *token);
    ask(std::move(request), "get the credentials of role " + recipe.sso_role, parse_sso_credentials, done);
  }

  void process(const AwsRecipe& recipe, const Done<AwsCredentials>& done) {
    surroundings_.run_program(recipe.command, [done](const Result<std::string>& output) {
      if (!output.ok()) return done(output.error().context("run credential_process"));
      done(parse_json_credentials(*output).context("what credential_process printed"));
    });
  }

  void container(const AwsRecipe& recipe, const Done<AwsCredentials>& done) {
    net::HttpRequest request;
    const auto url = net::parse_url(recipe.url);
    if (!url.ok()) return done(url.error().context("the container's credentials"));
    request.url = *url;
    request.stall_max = kMetadataStallMax;
    std::string token = recipe.authorization;
    if (!recipe.authorization_file.empty()) {
      const auto file = surroundings_.read_file(recipe.authorization_file);
      if (!file.ok()) return done(file.error().context("read AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"));
      token = trim(*file);
    }
    if (!token.empty()) request.headers.add("Authorization", token);
    ask(std::move(request), "get the container's credentials", parse_json_credentials, done);
  }

  // The second version of the metadata service: a token first, then the role's name, then its credentials.
  void instance(const Done<AwsCredentials>& done) {
    if (surroundings_.variable_or("AWS_EC2_METADATA_DISABLED") == "true") return done(none_found());
    auto url = net::parse_url(surroundings_.variable_or("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254"));
    if (!url.ok()) return done(url.error().context("AWS_EC2_METADATA_SERVICE_ENDPOINT"));
    net::HttpRequest request = metadata(*url, "PUT", "/latest/api/token");
    request.headers.add("X-aws-ec2-metadata-token-ttl-seconds", "21600");
    transport_.start(std::move(request), [self = shared_from_this(), url = *url, done](const Result<net::HttpResponse>& token) {
      if (!token.ok() || !token->ok()) return done(none_found());
      self->instance_role(url, std::string(trim(token->body)), done);
    });
  }

  void instance_role(const net::Url& url, const std::string& token, const Done<AwsCredentials>& done) {
    const std::string folder = "/latest/meta-data/iam/security-credentials/";
    net::HttpRequest request = metadata(url, "GET", folder);
    request.headers.add("X-aws-ec2-metadata-token", token);
    transport_.start(std::move(request), [self = shared_from_this(), url, token, folder, done](const Result<net::HttpResponse>& role) {
      if (!role.ok()) return done(role.error().context("ask the machine for its role"));
      if (!role->ok()) return done(Error(Code::kPermissionDenied, "this machine has no role; give it an instance profile"));
      const std::string name(trim(std::string_view(role->body).substr(0, role->body.find('\n'))));
      net::HttpRequest next = metadata(url, "GET", folder + net::percent_encode(name));
      next.headers.add("X-aws-ec2-metadata-token", token);
      self->ask(std::move(next), "get the credentials of the machine's role " + name, parse_json_credentials, done);
    });
  }

  static net::HttpRequest metadata(const net::Url& base, std::string method, const std::string& path) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.url = base;
    request.url.target = path;
    request.stall_max = kMetadataStallMax;
    request.body_bytes_max = 1 << 20;
    return request;
  }

  static Error none_found() {
    return {
        Code::kPermissionDenied,
        "no credentials for AWS were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of ~/.aws in AWS_PROFILE "
        "(this is no EC2 machine with a role either)"};
  }

  const Surroundings surroundings_;
  net::HttpTransport& transport_;
  const Clock& clock_;
};

// A file that is not there says nothing; one that cannot be read stops us.
Status add_file(AwsProfiles& profiles, AwsFile kind, const Surroundings& surroundings, const std::string& path) {
  const auto text = surroundings.read_file(path);
  if (!text.ok()) return text.error().code() == Code::kNotFound ? Status() : text.error();
  return add_aws_profiles(profiles, kind, path, *text);
}

}  // namespace

Result<AwsAccess> find_aws_access(const Surroundings& surroundings, const std::string& profile, net::HttpTransport& transport,
                                  const Clock& clock) {
  AwsProfiles profiles;
  TRY(add_file(profiles, AwsFile::kConfig, surroundings, surroundings.path(surroundings.variable_or("AWS_CONFIG_FILE", "~/.aws/config"))));
  TRY(add_file(profiles, AwsFile::kCredentials, surroundings,
               surroundings.path(surroundings.variable_or("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))));
  TRY_ASSIGN(const AwsRecipe recipe, find_aws_recipe(surroundings, profiles, profile));
  AwsAccess access;
  access.region = find_aws_region(surroundings, profiles, profile);
  access.endpoint = find_s3_endpoint(surroundings, profiles, profile);
  const auto kitchen = std::make_shared<AwsKitchen>(surroundings, transport, clock);
  access.credentials = std::make_shared<SecretSource<AwsCredentials>>(
      &clock, [kitchen, recipe](const Done<AwsCredentials>& done) { kitchen->cook(recipe, done); });
  return access;
}

}  // namespace isobar::storage
