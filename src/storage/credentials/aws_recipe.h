#pragma once

/// How credentials for AWS are to be got, decided from variables and profiles before anything is asked of anyone. Pure.

#include <memory>
#include <string>

#include "aws_profiles.h"
#include "storage/sigv4.h"
#include "storage/surroundings.h"

namespace isobar::storage {

struct AwsRecipe {
  enum class Way { kKeys, kAssumeRole, kWebIdentity, kSso, kProcess, kContainer, kInstance };
  Way way = Way::kInstance;
  AwsCredentials keys;                ///< kKeys
  std::shared_ptr<AwsRecipe> source;  ///< kAssumeRole: whose credentials ask for the role's
  std::string role_arn, session_name, external_id, token_file;
  int duration_seconds = 3600;
  std::string sso_cache_name, sso_account, sso_role, sso_region;
  std::string command;                                 ///< kProcess
  std::string url, authorization, authorization_file;  ///< kContainer
  std::string region;                                  ///< in which STS is asked
};

/// profile   as the user named it; empty: AWS_PROFILE, else "default"
/// Order     a profile named by the user; the keys in the environment; a web identity in it; the profile; the container; the machine
/// Errors    kInvalidArgument: no such profile, one that is incomplete, or roles that go round in a circle
Result<AwsRecipe> find_aws_recipe(const Surroundings& surroundings, const AwsProfiles& profiles, const std::string& profile);

/// The region of a profile or the environment; empty: none is set.
std::string find_aws_region(const Surroundings& surroundings, const AwsProfiles& profiles, const std::string& profile);
/// The endpoint of S3 that is set in the environment or the profile; empty: AWS's own.
std::string find_s3_endpoint(const Surroundings& surroundings, const AwsProfiles& profiles, const std::string& profile);

}  // namespace isobar::storage
