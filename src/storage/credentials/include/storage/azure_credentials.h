#pragma once

/// By what Azure Storage lets one in.

#include <optional>
#include <string>

#include "base/time.h"

namespace isobar::storage {

/// One of three, or none: anonymous.
struct AzureCredentials {
  std::string account_key;  ///< raw bytes
  std::string sas;          ///< a shared access signature: a query, without its "?"
  std::string bearer;       ///< a token of Entra
  std::optional<Instant> expires;
  friend bool operator==(const AzureCredentials&, const AzureCredentials&) = default;
};

}  // namespace isobar::storage
