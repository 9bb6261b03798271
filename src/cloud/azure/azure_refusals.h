#pragma once

/// What Azure's refusals mean, and what the user does about them.

#include <array>

#include "cloud/rest_client.h"

namespace isobar::cloud::azure {

inline constexpr std::string_view kShown = "Azure";

inline constexpr std::array kRefusals = {
    RefusalRow{"AllocationFailed", Code::kExhausted},
    RefusalRow{"OverconstrainedAllocationRequest", Code::kExhausted},
    RefusalRow{"SkuNotAvailable", Code::kExhausted},
    RefusalRow{"QuotaExceeded", Code::kExhausted, "ask for more at https://portal.azure.com/#view/Microsoft_Azure_Capacity/QuotaMenuBlade"},
    RefusalRow{"ReadOnlyDisabledSubscription", Code::kPermissionDenied, "enable the subscription in the portal"},
    RefusalRow{"MissingSubscriptionRegistration", Code::kPermissionDenied,
               "run `az provider register -n Microsoft.Compute` and `az provider register -n Microsoft.Network`"},
    RefusalRow{"SubscriptionNotFound", Code::kPermissionDenied, "run `az account set --subscription NAME`, or set AZURE_SUBSCRIPTION_ID"},
    RefusalRow{"AuthorizationFailed", Code::kPermissionDenied, "an owner of the subscription grants the role Contributor"},
    RefusalRow{"ExpiredAuthenticationToken", Code::kPermissionDenied, "run `az login`"},
    RefusalRow{"InvalidAuthenticationToken", Code::kPermissionDenied, "run `az login`"},
    RefusalRow{"AuthenticationFailed", Code::kPermissionDenied, "run `az login`"},
    RefusalRow{"NotFound", Code::kNotFound},
    RefusalRow{"InternalServerError", Code::kUnavailable},
    RefusalRow{"RetryableError", Code::kUnavailable},
    RefusalRow{"AnotherOperationInProgress", Code::kUnavailable},
};

}  // namespace isobar::cloud::azure
