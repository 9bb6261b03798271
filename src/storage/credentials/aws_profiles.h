#pragma once

/// The files in which AWS's tools keep profiles, ~/.aws/config and ~/.aws/credentials. Pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::storage {

using AwsProfile = std::map<std::string, std::string>;

struct AwsProfiles {
  std::map<std::string, AwsProfile> profiles;
  std::map<std::string, AwsProfile> sso_sessions;
  const AwsProfile* find(const std::string& name) const;
};

enum class AwsFile { kConfig, kCredentials };

/// Adds what `text` says. In the config file a section is "[profile NAME]" ("[default]" alone without the word) or "[sso-session NAME]";
/// in the credentials file "[NAME]". Of two files the credentials file wins, whichever is read first is then overwritten by it.
/// Errors   kInvalidArgument: "PATH:LINE: what is wrong, and the mend"; values are never quoted
Status add_aws_profiles(AwsProfiles& profiles, AwsFile kind, std::string_view path, std::string_view text);

}  // namespace isobar::storage
