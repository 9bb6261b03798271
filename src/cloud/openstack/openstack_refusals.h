#pragma once

/// What the refusals of OpenStack's services mean, and what the user does about them.

#include <array>

#include "cloud/rest_client.h"

namespace isobar::cloud::openstack {

inline constexpr std::string_view kShown = "OpenStack";

inline constexpr std::array kRefusals = {
    RefusalRow{"QuotaExceeded", Code::kExhausted, "ask the cloud's operators for a larger quota, or remove what is not needed"},
    RefusalRow{"NoValidHost", Code::kExhausted},
    RefusalRow{"overLimit", Code::kExhausted},
    RefusalRow{"Unauthorized", Code::kPermissionDenied, "see that the password, token or application credential is still good"},
    RefusalRow{"forbidden", Code::kPermissionDenied, "the user needs the role `member` in the project"},
    RefusalRow{"NotAuthorized", Code::kPermissionDenied},
    RefusalRow{"itemNotFound", Code::kNotFound},
    RefusalRow{"NotFound", Code::kNotFound},
    RefusalRow{"IpAddressGenerationFailure", Code::kExhausted, "the network has no address left"},
    RefusalRow{"ExternalIpAddressExhausted", Code::kExhausted, "the external network has no address left"},
    RefusalRow{"conflictingRequest", Code::kConflict},
};

}  // namespace isobar::cloud::openstack
