#include "aws_recipe.h"

#include <fmt/format.h>

#include <set>
#include <vector>

#include "base/text.h"
#include "net/url.h"

namespace isobar::storage {

namespace {

using Way = AwsRecipe::Way;

std::string get(const AwsProfile& profile, const std::string& name) {
  const auto found = profile.find(name);
  return found == profile.end() ? std::string() : found->second;
}

std::string profile_name(const Surroundings& surroundings, const std::string& asked) {
  return asked.empty() ? surroundings.variable_or("AWS_PROFILE", surroundings.variable_or("AWS_DEFAULT_PROFILE", "default")) : asked;
}

// The environment's keys; none when there are none.
Result<std::optional<AwsRecipe>> from_keys(const Surroundings& surroundings) {
  const auto id = surroundings.variable("AWS_ACCESS_KEY_ID"), secret = surroundings.variable("AWS_SECRET_ACCESS_KEY");
  if (!id && !secret) return std::optional<AwsRecipe>();
  if (!id || !secret)
    return invalid(fmt::format("{} is set, {} is not: set both, or neither", id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                               id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID"));
  AwsRecipe recipe;
  recipe.way = Way::kKeys;
  recipe.keys = {*id, *secret, surroundings.variable_or("AWS_SESSION_TOKEN"), {}};
  return std::optional(recipe);
}

// Only to places that are the machine's own may a token go without TLS.
bool may_carry_token(const std::string& text) {
  const auto url = net::parse_url(text);
  if (!url.ok()) return false;
  return url->scheme == "https" || url->host == "localhost" || url->host == "::1" || url->host.starts_with("127.") ||
         url->host == "169.254.170.2" || url->host == "169.254.170.23" || url->host == "fd00:ec2::23";
}

Result<std::optional<AwsRecipe>> from_container(const Surroundings& surroundings) {
  AwsRecipe recipe;
  recipe.way = Way::kContainer;
  if (const auto relative = surroundings.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")) {
    recipe.url = "http://169.254.170.2" + *relative;
  } else if (const auto full = surroundings.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
    if (!may_carry_token(*full))
      return invalid("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor on this machine: no token is sent there");
    recipe.url = *full;
  } else {
    return std::optional<AwsRecipe>();
  }
  recipe.authorization = surroundings.variable_or("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  recipe.authorization_file = surroundings.variable_or("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  return std::optional(recipe);
}

class ProfileReader {
 public:
  ProfileReader(const Surroundings& surroundings, const AwsProfiles& profiles) : surroundings_(surroundings), profiles_(profiles) {}

  // None when the profile says nothing of credentials.
  Result<std::optional<AwsRecipe>> read(const std::string& name) {
    const AwsProfile* profile = profiles_.find(name);
    if (profile == nullptr) return unknown(name);
    if (!visited_.insert(name).second) {
      // A profile may be its own source: its role is then asked for with its own keys.
      if (const auto keys = keys_of(*profile)) return std::optional(*keys);
      return invalid(fmt::format("the profile '{}' takes its credentials, through source_profile, from itself", name));
    }
    if (!get(*profile, "role_arn").empty()) return role(name, *profile);
    if (const auto keys = keys_of(*profile)) return std::optional(*keys);
    if (!get(*profile, "sso_account_id").empty() || !get(*profile, "sso_session").empty()) return sso(name, *profile);
    if (const std::string command = get(*profile, "credential_process"); !command.empty()) {
      AwsRecipe recipe;
      recipe.way = Way::kProcess;
      recipe.command = command;
      return std::optional(recipe);
    }
    return std::optional<AwsRecipe>();
  }

 private:
  Error unknown(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& [known, settings] : profiles_.profiles) names.push_back(known);
    const auto nearest = closest(name, names);
    return invalid(fmt::format("there is no profile '{}' in ~/.aws/config or ~/.aws/credentials{}", name,
                               nearest ? fmt::format("; did you mean '{}'?", *nearest) : ""));
  }

  std::optional<AwsRecipe> keys_of(const AwsProfile& profile) const {
    AwsRecipe recipe;
    recipe.way = Way::kKeys;
    recipe.keys = {get(profile, "aws_access_key_id"), get(profile, "aws_secret_access_key"), get(profile, "aws_session_token"), {}};
    return recipe.keys.access_key_id.empty() || recipe.keys.secret_access_key.empty() ? std::nullopt : std::optional(recipe);
  }

  Result<std::optional<AwsRecipe>> role(const std::string& name, const AwsProfile& profile) {
    AwsRecipe recipe;
    recipe.role_arn = get(profile, "role_arn");
    recipe.session_name = get(profile, "role_session_name");
    recipe.external_id = get(profile, "external_id");
    recipe.region = get(profile, "region");
    if (const std::string seconds = get(profile, "duration_seconds"); !seconds.empty())
      recipe.duration_seconds = std::clamp(std::atoi(seconds.c_str()), 900, 43'200);
    if (!get(profile, "mfa_serial").empty())
      return invalid(fmt::format(
          "the profile '{}' asks for an MFA code; get a session with `aws sts get-session-token`, or use a profile without mfa_serial",
          name));
    if (const std::string token_file = get(profile, "web_identity_token_file"); !token_file.empty()) {
      recipe.way = Way::kWebIdentity;
      recipe.token_file = token_file;
      return std::optional(recipe);
    }
    recipe.way = Way::kAssumeRole;
    std::optional<AwsRecipe> source;
    if (const std::string from = get(profile, "source_profile"); !from.empty()) {
      TRY_ASSIGN(source, read(from));
    } else if (const std::string kind = get(profile, "credential_source"); kind == "Environment") {
      TRY_ASSIGN(source, from_keys(surroundings_));
    } else if (kind == "EcsContainer") {
      TRY_ASSIGN(source, from_container(surroundings_));
    } else if (kind == "Ec2InstanceMetadata") {
      source.emplace();
    } else {
      return invalid(
          fmt::format("the profile '{}' has a role_arn, but neither source_profile nor credential_source (Environment, EcsContainer, "
                      "Ec2InstanceMetadata)",
                      name));
    }
    if (!source) return invalid(fmt::format("what the profile '{}' takes its credentials from has none", name));
    recipe.source = std::make_shared<AwsRecipe>(std::move(*source));
    return std::optional(recipe);
  }

  Result<std::optional<AwsRecipe>> sso(const std::string& name, const AwsProfile& profile) const {
    AwsRecipe recipe;
    recipe.way = Way::kSso;
    recipe.sso_account = get(profile, "sso_account_id");
    recipe.sso_role = get(profile, "sso_role_name");
    recipe.sso_region = get(profile, "sso_region");
    recipe.sso_cache_name = get(profile, "sso_start_url");
    if (const std::string session = get(profile, "sso_session"); !session.empty()) {
      const auto found = profiles_.sso_sessions.find(session);
      if (found == profiles_.sso_sessions.end())
        return invalid(fmt::format("the profile '{}' names the sso_session '{}', which ~/.aws/config does not have", name, session));
      recipe.sso_region = get(found->second, "sso_region");
      recipe.sso_cache_name = session;
    }
    for (const auto& [setting, value] : {std::pair{"sso_account_id", recipe.sso_account},
                                         {"sso_role_name", recipe.sso_role},
                                         {"sso_region", recipe.sso_region},
                                         {"sso_start_url", recipe.sso_cache_name}})
      if (value.empty()) return invalid(fmt::format("the profile '{}' misses {}", name, setting));
    return std::optional(recipe);
  }

  const Surroundings& surroundings_;
  const AwsProfiles& profiles_;
  std::set<std::string> visited_;
};

}  // namespace

Result<AwsRecipe> find_aws_recipe(const Surroundings& surroundings, const AwsProfiles& profiles, const std::string& asked) {
  const std::string name = profile_name(surroundings, asked);
  const bool named = !asked.empty() || surroundings.variable("AWS_PROFILE");
  if (asked.empty()) {
    TRY_ASSIGN(auto keys, from_keys(surroundings));
    if (keys) return std::move(*keys);
    if (const auto token_file = surroundings.variable("AWS_WEB_IDENTITY_TOKEN_FILE")) {
      AwsRecipe recipe;
      recipe.way = Way::kWebIdentity;
      recipe.token_file = *token_file;
      recipe.role_arn = surroundings.variable_or("AWS_ROLE_ARN");
      recipe.session_name = surroundings.variable_or("AWS_ROLE_SESSION_NAME");
      if (recipe.role_arn.empty()) return invalid("AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not: set both, or neither");
      return recipe;
    }
  }
  if (named || profiles.find(name) != nullptr) {
    TRY_ASSIGN(auto recipe, ProfileReader(surroundings, profiles).read(name));
    if (recipe) return std::move(*recipe);
  }
  TRY_ASSIGN(auto container, from_container(surroundings));
  if (container) return std::move(*container);
  return AwsRecipe{};
}

std::string find_aws_region(const Surroundings& surroundings, const AwsProfiles& profiles, const std::string& asked) {
  const AwsProfile* profile = profiles.find(profile_name(surroundings, asked));
  return surroundings.variable_or("AWS_REGION",
                                  surroundings.variable_or("AWS_DEFAULT_REGION", profile ? get(*profile, "region") : std::string()));
}

std::string find_s3_endpoint(const Surroundings& surroundings, const AwsProfiles& profiles, const std::string& asked) {
  if (surroundings.variable_or("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == "true") return {};
  const AwsProfile* profile = profiles.find(profile_name(surroundings, asked));
  return surroundings.variable_or("AWS_ENDPOINT_URL_S3",
                                  surroundings.variable_or("AWS_ENDPOINT_URL", profile ? get(*profile, "endpoint_url") : std::string()));
}

}  // namespace isobar::storage
