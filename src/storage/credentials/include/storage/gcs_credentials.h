#pragma once

/// By what Google Cloud lets one in.

#include <optional>
#include <string>

#include "base/time.h"

namespace isobar::storage {

struct GcsCredentials {
  std::string bearer;  ///< an OAuth access token; empty: anonymous
  std::optional<Instant> expires;
  friend bool operator==(const GcsCredentials&, const GcsCredentials&) = default;
};

}  // namespace isobar::storage
