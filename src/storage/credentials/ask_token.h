#pragma once

/// One request to a token service.

#include <string>

#include "google_key.h"
#include "storage/store.h"

namespace isobar::storage {

/// doing   how errors begin. Of a refusal only the service's own short code is told.
void ask_token(net::HttpTransport& transport, const Clock& clock, net::HttpRequest request, const std::string& doing,
               const Done<TokenAnswer>& done);

}  // namespace isobar::storage
