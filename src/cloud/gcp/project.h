#pragma once

/// Which project is the user's, as gcloud has it.

#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/surroundings.h"

namespace isobar::cloud::gcp {

/// "my-project-123", "example.com:my-project". Pure.
bool is_project(std::string_view text);

/// "project = …" in the section [core] of one of gcloud's configurations; empty: there is none. Pure.
std::string project_in_config(std::string_view text);

/// The project of gcloud's active configuration (CLOUDSDK_CONFIG, CLOUDSDK_ACTIVE_CONFIG_NAME); empty: none is set.
std::string configured_project(const storage::Surroundings& surroundings);

}  // namespace isobar::cloud::gcp
