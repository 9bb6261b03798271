#pragma once

/// A target in the files in which it is kept.

#include <boost/json.hpp>

#include "cloud/ssh_target.h"

namespace isobar::cloud {

inline boost::json::object to_json(const SshTarget& target) {
  return {{"host", target.host}, {"user", target.user}, {"identity_file", target.identity_file}, {"port", target.port}};
}

/// Throws what boost::json throws when a field is missing.
inline SshTarget target_of(const boost::json::value& value) {
  const auto& from = value.as_object();
  const auto text = [&](const char* name) { return std::string(from.at(name).as_string()); };
  return {text("host"), text("user"), text("identity_file"), boost::json::value_to<int>(from.at("port"))};
}

}  // namespace isobar::cloud
