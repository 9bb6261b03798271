#pragma once

/// Azure's signatures by the account's key. Pure.

#include <string>
#include <string_view>

#include "base/time.h"
#include "net/http.h"

namespace isobar::storage::azure {

/// Adds Authorization: SharedKey. `request` must hold x-ms-date and x-ms-version already.
/// key     raw bytes.  body_bytes  of what will be sent
/// Source  "Authorize with Shared Key", versions of 2015-02-21 and later
void sign_shared_key(net::HttpRequest& request, std::string_view account, std::string_view key, std::uint64_t body_bytes);
/// What is signed, for tests and for comparing with what the store says it computed.
std::string string_to_sign(const net::HttpRequest& request, std::string_view account, std::uint64_t body_bytes);

/// A query that lets its holder read one blob until `expires`: what a copy's source is shown as.
/// Source  "Create a service SAS", version 2020-12-06
std::string read_signature(std::string_view account, std::string_view key, std::string_view container, std::string_view blob,
                           Instant expires, bool https_only);

}  // namespace isobar::storage::azure
