#pragma once

/// Whatever lets this user into AWS: found where AWS's own tools look for it, and kept fresh.

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"
#include "storage/secret_source.h"
#include "storage/sigv4.h"
#include "storage/surroundings.h"

namespace isobar::storage {

struct AwsAccess {
  std::shared_ptr<SecretSource<AwsCredentials>> credentials;
  std::string region;    ///< empty: none is set
  std::string endpoint;  ///< of S3; empty: AWS's own
};

/// Keys in the environment, web identity, the profiles of ~/.aws (keys, role_arn with source_profile or credential_source, SSO's cached
/// token, credential_process), the container's and the machine's own credentials. Nothing is asked of anyone before the first use.
/// profile    as the user named it; empty: AWS_PROFILE, else "default"
/// transport, clock  must outlive what is returned, and every request under way
/// Errors     kInvalidArgument: a file or variable that is wrong, by name and line, with the mend. Never a secret
Result<AwsAccess> find_aws_access(const Surroundings& surroundings, const std::string& profile, net::HttpTransport& transport,
                                  const Clock& clock);

}  // namespace isobar::storage
