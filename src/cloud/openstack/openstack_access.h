#pragma once

/// Which cloud is meant, and who asks: what python-openstackclient would find. Pure but for the files and variables that it is handed.
/// Source   the openstacksdk manual, "Configuring OpenStack SDK Applications"

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/surroundings.h"

namespace isobar::cloud::openstack {

enum class AuthType { kPassword, kToken, kApplicationCredential };

struct Access {
  std::string cloud;  ///< its name in clouds.yaml; "envvars": of the variables OS_…
  AuthType type = AuthType::kPassword;
  std::string auth_url;  ///< without the version: "https://keystone.example.org:5000"
  std::string user_name, user_id, user_domain_name, user_domain_id, password;
  std::string token;
  std::string credential_id, credential_name, credential_secret;
  std::string project_name, project_id, project_domain_name, project_domain_id;
  std::string region;                ///< empty: every one in the catalog
  std::string interface = "public";  ///< or "internal", "admin"
  std::string ca_file;               ///< empty: the system's certificates
};

/// name   of the cloud; none: OS_CLOUD, else the variables OS_…, else the only one in clouds.yaml
/// Errors   kNotFound: there is nothing that says how to sign in, with the mend; kInvalidArgument: what is wrong with it, naming file
///          or variable and never a secret
Result<Access> find_access(const storage::Surroundings& surroundings, const std::optional<std::string>& name = {});

/// The body of POST /v3/auth/tokens.
std::string auth_body(const Access& access);

}  // namespace isobar::cloud::openstack
